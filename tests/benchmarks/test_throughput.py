"""What is read from the seconds of a step, with made-up numbers; and which network a name is."""

import jax
import numpy as np
import pytest

from benchmarks import parts, throughput
from sbn.config.errors import ConfigError

FOUND = {"bare": 0.5, "fed": 0.6, "several": 0.55, "product": 0.01}
SETTINGS = {"networks": "10-1", "batch": 2, "calls": 2, "side": 8, "rounds": 1, "seconds": 0.01}


def described(peak, devices=1):
    # 1e12 operations a step, so 2e12 a second; a product of 4e10 has twice that rate
    found = {name: np.full(3, seconds) for name, seconds in FOUND.items()}
    work = {"work": 1e12 * devices, "operations": 4e10, "images": 256}
    lines, facts = throughput.described("net", found, calls=4, peak=peak, **work)
    return {line["name"]: line for line in lines}, facts


def test_shares_are_of_what_the_device_reaches_and_of_its_makers_number():
    lines, facts = described(8.0)
    assert {name: pytest.approx(line["ratio"]) for name, line in lines.items()} == {
        "net: fed / bare": 1.2,
        "net: 4 steps a call / fed": 0.55 / 0.6,
        "net: bare, share of a product's rate": 0.5,
        "net: bare, share of the peak": 0.25,
    }
    assert [line["higher"] for line in lines.values()] == [False, False, True, True]
    assert facts["net, bare: images a second"] == 512
    assert facts["net, several: ms a step"] == pytest.approx(550)
    assert (facts["net: bare, TFLOP/s a device"], facts["net: product, TFLOP/s"]) == pytest.approx((2, 4))


def test_without_the_makers_number_there_is_no_share_of_it():
    assert "net: bare, share of the peak" not in described(0.0)[0]


def test_the_work_is_shared_by_the_devices(monkeypatch):
    monkeypatch.setattr(jax, "device_count", lambda: 4)
    lines, _ = described(8.0, devices=4)
    assert lines["net: bare, share of the peak"]["ratio"] == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"precision": "float32,bfloat"}, "did you mean 'bfloat16'"),
        ({"precision": "float32,bfloat16", "peak": "989"}, "a number for each"),
        ({"networks": "28x2"}, "DEPTH-WIDTH or resnetDEPTH"),
        ({"networks": "10-1,resnet51"}, "unknown depth '51'"),
    ],
)
def test_what_can_not_be_measured_is_refused_before_anything_is(monkeypatch, wrong, said):
    monkeypatch.setattr(throughput, "programs", lambda *_: pytest.fail("something was made"))
    with pytest.raises(ConfigError, match=said):
        throughput.bench(**{**SETTINGS, "precision": "float32", "peak": "", **wrong})


def test_a_name_is_a_network_on_images_of_its_size():
    wide, deep = parts.make_config("28-10", 4, "device"), parts.make_config("resnet50", 4, "device")
    assert (wide.model.name, wide.model.depth, wide.model.width, wide.data.image_size) == ("wide_resnet", 28, 10, 32)
    assert (deep.model.name, deep.model.depth, deep.data.image_size) == ("imagenet_resnet", 50, 224)


def test_a_measure_is_seconds_a_call_of_as_many_calls_as_fill_the_time():
    counts = []
    measure = throughput.paced(counts.append, 0.0)
    assert counts == [1, 2]
    assert measure()["wall"] >= 0
    assert counts == [1, 2, 1]  # at least one

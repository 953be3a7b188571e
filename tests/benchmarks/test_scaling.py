"""What the bench of scaling asks for and compares, with made-up numbers; slow: the whole bench, small."""

import io
import os

import numpy as np
import pytest

from benchmarks import rounds, scaling, scaling_worker


def counted(flops, **exchanged):
    return {"flops": flops, "collectives": {name.replace("_", "-"): number for name, number in exchanged.items()}}


def test_the_same_batch_or_the_same_share_is_spread_over_the_devices():
    asked = scaling.asked_for([1, 2, 8], model="10-1", batch=64)
    batches = {(n, name): step["batch"] for n, names in asked.items() for name, step in names.items()}
    same = {(n, "same_batch"): 64 for n in (1, 2, 8)}
    assert batches == same | {(1, "same_share"): 8, (2, "same_share"): 16, (8, "same_share"): 64}
    assert {(step["depth"], step["width"], step["devices"]) for step in asked[2].values()} == {(10, 1, 2)}
    with pytest.raises(SystemExit, match="batch=12 does not divide over 8"):
        scaling.asked_for([1, 8], model="10-1", batch=12)


def test_flops_are_held_to_a_share_and_gathers_to_none():
    found = {
        1: {"same_batch": counted(100.0)},
        2: {"same_batch": counted(60.0, all_reduce=3)},
        4: {"same_batch": counted(26.0, all_reduce=3, all_gather=2)},
    }
    lines = {line["name"]: (line["ratio"], rounds.verdict(line)) for line in scaling.exchanges(found)}
    assert lines == {
        "2 devices: FLOPs a device / ideal": (1.2, "MISSED"),
        "2 devices: all-gathers": (0, "holds"),
        "4 devices: FLOPs a device / ideal": (1.04, "holds"),
        "4 devices: all-gathers": (2, "MISSED"),
    }


def test_one_device_alone_has_nothing_to_compare():
    assert scaling.exchanges({1: {"same_batch": counted(1.0)}}) == []
    assert scaling.overheads({(1, "same_batch"): seconds(1.0)}, simulated=True) == []


def seconds(*values):
    return {"wall": np.array(values), "cpu": 2 * np.array(values)}


@pytest.mark.parametrize(
    ("simulated", "batch", "share"),
    [(True, 1.5, 0.75), (False, 6.0, 3.0)],  # shared cores: the work; own ones: the work by their number
)
def test_times_are_divided_by_what_perfect_devices_would_take(simulated, batch, share):
    times = {(1, "same_batch"): seconds(2, 2), (1, "same_share"): seconds(1, 1)}
    times |= {(4, "same_batch"): seconds(3, 3), (4, "same_share"): seconds(3, 3)}
    lines = {line["name"]: line["ratio"] for line in scaling.overheads(times, simulated=simulated)}
    wall = {"4 devices, same batch: time / ideal": batch, "4 devices, same share: time / ideal": share}
    assert lines == (wall | {f"{name}, cpu": ratio for name, ratio in wall.items()} if simulated else wall)


def test_the_number_of_simulated_devices_is_the_last_word_among_the_flags():
    flags = scaling_worker.simulating(4, "--xla_a=1 --xla_force_host_platform_device_count=8")["XLA_FLAGS"]
    assert flags == "--xla_a=1 --xla_force_host_platform_device_count=8 --xla_force_host_platform_device_count=4"
    assert scaling_worker.simulating(2, "")["XLA_FLAGS"] == "--xla_force_host_platform_device_count=2"


def test_answers_are_told_from_what_else_is_printed():
    said = io.StringIO('[Gloo] Rank 0 is connected\n{"wall": 1}\n{"wall": 2}\n')
    assert [scaling_worker.answer(said)["wall"] for _ in range(2)] == [1, 2]
    with pytest.raises(RuntimeError, match="died"):
        scaling_worker.answer(said)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["cpu", "accelerator"])
def test_the_step_scales_as_the_bars_say_by_both_ways_to_have_devices(monkeypatch, backend):
    """Simulated, by a process for each number; and as accelerators are, by one process that has them all."""
    monkeypatch.setattr(scaling, "found", lambda: (backend, 2))
    if backend == "accelerator":
        monkeypatch.setenv("XLA_FLAGS", scaling_worker.simulating(2, os.environ.get("XLA_FLAGS", ""))["XLA_FLAGS"])
    asked = {"cpu": "1,2", "accelerator": "1,2,64"}[backend]  # of accelerators at most those that are there
    lines, facts = scaling.bench(model="10-1", batch=8, devices=asked, rounds=1, times=1)
    bars = [line for line in lines if line["bar"] is not None]
    assert len(bars) == (4 if backend == "cpu" else 3)
    assert {rounds.verdict(line) for line in bars} == {"holds"}
    assert facts.get("2 processes", {}).get("all-reduce") == (15 if backend == "cpu" else None)
    assert facts["devices 2, same batch"].keys() >= {"all-reduce", "temporary MiB a device"}

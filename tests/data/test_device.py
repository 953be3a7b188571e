"""The device path gives the host path's batches, bit for bit."""

import json
import os
import subprocess
import sys

import jax
import numpy as np
import pytest
from jax.sharding import AxisType

from sbn.augment import pipeline
from sbn.data import device, host
from sbn.data.examples import in_memory
from sbn.data.views import View
from tests import compiling

COUNT, SIZE = 37, (12, 15)
WEAK, STRONG = "crop(2)|flip|cutout(4)", "randaugment(1, 5)|crop(2)|flip"
SPAN = {"seed": 1, "stage": 2, "batch_size": 8, "start": 0, "stop": 10}


def make_source():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (COUNT, *SIZE, 3), np.uint8)
    return in_memory({"image": images, "label": np.arange(COUNT) % 7}, name="numbered", classes=7)


def views(*texts, draws=None):
    return [View(pipeline.parse(text), k if draws is None else draws[k]) for k, text in enumerate(texts)]


def make_mesh():
    return jax.make_mesh((len(jax.devices()),), ("data",), axis_types=(AxisType.Auto,))


def prepared(source, views, **span):
    span = {**SPAN, **span}
    prepare = device.make_prepare(views, stage=span["stage"], image_size=SIZE, mesh=make_mesh())
    prepare, resident = compiling.jit(prepare), device.resident(source, seed=span["seed"])
    return [jax.device_get((prepare(*fed, resident), fed[1])) for fed in device.batches(source, **span)]


def assert_same(found, expected):
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        assert jax.tree.map(lambda leaf: leaf.dtype, a) == jax.tree.map(lambda leaf: leaf.dtype, b)
        jax.tree.map(np.testing.assert_array_equal, a, b)


@pytest.mark.parametrize(
    ("texts", "draws"), [((WEAK, STRONG), None), ((STRONG, "", STRONG), (0, 1, 0)), (("flip",), None)]
)
def test_batches_are_the_host_paths(texts, draws):
    source, asked = make_source(), views(*texts, draws=draws)
    assert_same(prepared(source, asked), list(host.batches(source, asked, **SPAN)))


def test_late_epochs_too():
    source, asked = make_source(), views(WEAK, STRONG)
    late = {**SPAN, "start": 4 * 1000 + 2, "stop": 4 * 1000 + 5}
    assert_same(prepared(source, asked, **late), list(host.batches(source, asked, **late)))


@pytest.mark.parametrize("start", [1, 3, 4, 9])
def test_starting_anywhere_gives_the_same_ids(start):
    source = make_source()
    whole = list(device.batches(source, **SPAN))
    assert_same(list(device.batches(source, **{**SPAN, "start": start})), whole[start:])


def test_processes_get_equal_slices_of_the_same_ids():
    source = make_source()
    parts = [list(device.batches(source, **SPAN, shard=(index, 4))) for index in range(4)]
    for (batch, numbers), *pieces in zip(device.batches(source, **SPAN), *parts, strict=True):
        np.testing.assert_array_equal(np.concatenate([piece["id"] for piece, _ in pieces]), batch["id"])
        assert all(own == numbers for _, own in pieces)


@pytest.fixture(scope="module")
def eight():
    env = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=8"}
    command = [sys.executable, "-m", "tests.data.eight_devices"]
    result = subprocess.run(command, env=env, capture_output=True, text=True, timeout=500, check=False)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


@pytest.mark.slow
def test_eight_devices_make_the_same_batches_and_exchange_nothing_for_it(eight):
    assert eight["same_batches"]
    assert eight["prepare"] == {}  # no collective at all: every device has the set and makes its own examples


@pytest.mark.slow
def test_the_step_has_no_collectives_that_the_host_paths_has_not(eight):
    assert set(eight["device"]) == {"all-reduce"}
    assert eight["device"] == eight["host"]

"""Data parallelism on 8 simulated devices: nothing is gathered, and nothing changes.

The devices have to exist before jax starts, so one subprocess measures and the tests read what it printed.
"""

import json
import os
import subprocess
import sys

import pytest

from tests.compiling import simulating


@pytest.fixture(scope="module")
def measured():
    env = {**os.environ, **simulating(8)}
    command = [sys.executable, "-m", "tests.nn.eight_devices"]
    result = subprocess.run(command, env=env, capture_output=True, text=True, timeout=500, check=False)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


@pytest.fixture(params=["ours", "outside"])
def step(request, measured):
    return measured["step"][request.param]


def test_step_gathers_no_activations(step):
    assert set(step["collectives"]) == {"all-reduce"}


def test_each_device_does_an_eighth_of_the_work(step):
    # What remains is the update of the parameters, which every device makes whole: 1 % of a small network's work, 6 %
    # of a tiny one's. Work that is not divided would give 8.
    assert step["flops_ratio"] <= 1.1


def test_eight_devices_equal_one(step):
    # Parameters and statistics are O(1): the two differ in the order of float32 sums, each O(1e-7), and one step
    # leaves ReLU no time to amplify that. Per-device statistics in place of global ones would differ by 1e-2.
    assert step["state_difference"] <= 1e-5


def test_groups_equal_replicas_with_their_own_statistics(measured):
    groups = measured["groups"]
    assert groups["difference"] <= 1e-6  # output, statistics, loss and gradient: float32 sums in another order
    assert groups["moved_by_grouping"] >= 1e-2  # and the groups do matter here


def test_groups_within_a_device_gather_nothing(measured):
    assert set(measured["groups"]["collectives"]) == {"all-reduce"}


def test_random_shares_gather_nothing_and_are_those_of_one_device(measured):
    assert set(measured["shares"]["collectives"]) == {"all-reduce"}
    # a loss of O(1), summed in another order; other shares would change it by O(0.1)
    assert measured["shares"]["loss_difference"] <= 1e-4

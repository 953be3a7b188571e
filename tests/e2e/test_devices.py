"""The same experiment on one device, on eight, and on two processes of two."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from sbn import evaluate
from sbn.train import train
from tests.compiling import simulating
from tests.e2e import runs

DISTRIBUTED = """
import json, sys
import jax
jax.distributed.initialize(sys.argv[3], 2, int(sys.argv[4]))
from sbn.config.tree import checked
from sbn.train import Preempted, train
try:
    train(checked(json.load(open(sys.argv[1]))), sys.argv[2])
except Preempted as event:
    print(event)
    sys.exit(75)
"""
# Two steps: the devices sum the same float32 numbers in another order, and ReLU networks at a rate of 0.05 double such
# differences (1e-7 of a sum) with every further step.
SHORT = {
    "duration": "2 steps",
    "save.every": "2 steps",
    "log.every": "1 steps",
    # partners are drawn from the whole batch, wherever they lie
    "views.aux.augment": "crop(2)|flip|mixup(1)|manifold_mixup(1)",
}


def losses(workdir):
    return np.array([line["train/loss"] for line in runs.metric_lines(workdir) if "train/loss" in line])


@pytest.mark.slow
def test_eight_devices_do_what_one_does(tiny, tmp_path):
    train(tiny(SHORT), tmp_path / "one")
    process = runs.start(tiny(SHORT), tmp_path / "eight", **simulating(8))
    with process:
        output = process.stdout.read()
    assert process.returncode == 0, output
    (provenance,) = json.loads((tmp_path / "eight/provenance.json").read_text())
    assert len(provenance["devices"]) == 8
    # the loss of the second step has gone through one update: forward and backward agree
    np.testing.assert_allclose(losses(tmp_path / "eight"), losses(tmp_path / "one"), rtol=1e-5)
    a, b = runs.final_state(tmp_path / "eight"), runs.final_state(tmp_path / "one")
    for x, y in zip(
        np.concatenate([np.ravel(v) for v in _leaves(a)]),
        np.concatenate([np.ravel(v) for v in _leaves(b)]),
        strict=True,
    ):
        assert abs(x - y) < 1e-4 * (1 + abs(y))
    # 13 test examples over 8 devices in batches of 8: each counts once
    eight = json.loads((tmp_path / "eight/result.json").read_text())["metrics"]
    again = evaluate.evaluate(tmp_path / "eight")[1]
    for name, value in eight.items():
        np.testing.assert_allclose(again[name], value, rtol=1e-4, err_msg=name)
        if name.endswith("accuracy"):
            assert value * 13 == round(value * 13)


def _leaves(state):
    import jax

    return jax.tree.leaves(state.params)


def start_two(config, folder, name):
    """Starts two processes of two devices each that train together."""
    (folder / "config.json").write_text(json.dumps(config.to_dict()))
    address = runs.free_address()
    environment = {**os.environ, **simulating(2)}
    return [
        subprocess.Popen(
            [sys.executable, "-c", DISTRIBUTED, str(folder / "config.json"), str(folder / name), address, str(index)],
            cwd=runs.ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for index in range(2)
    ]


# tests/nn/test_eight_devices.py and test_hosts.py say in every run of the tests that devices and processes agree
@pytest.mark.slow
@pytest.mark.parametrize("path", ["device", "host"])
def test_two_processes_do_what_one_does(tiny, tmp_path, path):
    config = tiny({**SHORT, "data.path": path})
    train(config, tmp_path / "one")
    processes = start_two(config, tmp_path, "two")
    outputs = [process.communicate(timeout=300)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], "\n".join(outputs)
    np.testing.assert_allclose(losses(tmp_path / "two"), losses(tmp_path / "one"), rtol=1e-5)
    two = json.loads((tmp_path / "two/result.json").read_text())
    again = evaluate.evaluate(tmp_path / "two")[1]
    np.testing.assert_allclose(again["test/main/loss"], two["metrics"]["test/main/loss"], rtol=1e-4)


@pytest.mark.slow
def test_a_notice_to_one_process_stops_both_after_the_same_step(tiny, tmp_path):
    config = tiny(
        {"duration": "20000 steps", "save.every": "0 steps", "log.every": "10 steps", "eval.every": "0 steps"}
    )
    leader, other = start_two(config, tmp_path, "run")
    with leader, other:
        for line in leader.stdout:
            if line.startswith("step    20/"):
                other.send_signal(signal.SIGTERM)
                break
        outputs = [leader.stdout.read(), other.stdout.read()]
    assert [leader.returncode, other.returncode] == [75, 75], "\n".join(outputs)
    (checkpoint,) = (tmp_path / "run/checkpoints").iterdir()
    for output in outputs:
        assert f"saved after step {checkpoint.name}," in output
    assert 20 <= int(checkpoint.name) < 20000

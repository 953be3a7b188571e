"""Whole runs on either data path: they do the same, resume bit for bit, and one of them needs no TensorFlow."""

import json
import signal
import subprocess
import sys

import numpy as np
import pytest

from sbn.config.errors import ConfigError
from sbn.train import train
from tests.e2e import runs

# what sums differ by grows less from step to step; the step of the device path makes all kinds of ops
SLOWLY = {"optim.lr": 0.01, "views.aux.augment": "randaugment(1, 4)|crop(2)|flip"}
ON_HOST = {"data.path": "host", **SLOWLY}  # the tiny config is on the device path

WITHOUT = """
import json, sys
blocked = ("tensorflow", "tensorflow_datasets", "keras", "clu", "tensorboard", "matplotlib", "scipy")
sys.modules.update(dict.fromkeys(blocked))  # importing one of them raises
from sbn.config.tree import checked
from sbn.train import train
result = train(checked(json.load(open(sys.argv[1]))), sys.argv[2])
assert not [name for name in sys.modules if name.split(".")[0] in blocked and sys.modules[name]]
assert result["steps"] == 10
"""


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    return tmp_path_factory.mktemp("host")


@pytest.fixture
def finished(tiny, workdir):
    train(tiny(ON_HOST), workdir / "whole")  # once: a finished run returns at once
    return workdir / "whole"


def test_both_paths_make_the_same_run(tiny, finished, tmp_path):
    train(tiny(SLOWLY), tmp_path)
    mine, theirs = runs.metric_lines(finished), runs.metric_lines(tmp_path)
    assert [line.keys() for line in mine] == [line.keys() for line in theirs]
    # The batches are the same to the bit; XLA may sum the two programs' float32 in another order, 1e-7 a sum, which a
    # ReLU network makes larger with every step.
    for a, b in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(list(a.values()), list(b.values()), rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_a_killed_run_on_the_host_path_resumes_bit_for_bit(tiny, finished, tmp_path):
    process = runs.start(tiny(ON_HOST), tmp_path / "killed")
    assert runs.signal_at(process, "step  6/10", signal.SIGKILL)[0] == -signal.SIGKILL
    train(tiny(ON_HOST), tmp_path / "killed")
    runs.assert_same_state(runs.final_state(finished), runs.final_state(tmp_path / "killed"))
    assert [line["step"] for line in runs.metric_lines(finished)] == [
        line["step"] for line in runs.metric_lines(tmp_path / "killed")
    ]


def test_without_tensorflow_the_host_path_names_the_other(tiny, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(ConfigError, match="'device' works without it"):
        train(tiny(ON_HOST), tmp_path / "run")
    assert not (tmp_path / "run").exists()
    # what TFDS has prepared is read without it
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    missing = {**ON_HOST, "data.name": "cifar10", "data.image_size": None, "data.dir": str(tmp_path)}
    with pytest.raises(ConfigError, match="no prepared 'cifar10'"):
        train(tiny(missing), tmp_path / "run")


def test_training_needs_no_tensorflow(tiny, tmp_path):
    config = tmp_path / "config.json"
    config.write_text(json.dumps(tiny({"log.tensorboard": True}).to_dict()))
    command = [sys.executable, "-c", WITHOUT, str(config), str(tmp_path / "run")]
    done = subprocess.run(command, cwd=runs.ROOT, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run/result.json").exists()

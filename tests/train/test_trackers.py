"""Trackers of a user's own, and Weights & Biases, get the numbers that metrics.jsonl gets."""

import re
import sys
import types

import pytest

from sbn.config.errors import ConfigError
from sbn.runs import commands
from sbn.runs.metrics import read_lines
from sbn.train import trackers, train

CODE = """
told = []

class Tracker:
    def __init__(self, config, workdir):
        told.append(("begun", config["optim.lr"], workdir))

    def write_scalars(self, step, scalars):
        told.append((step, dict(scalars)))
        scalars.clear()  # its copy

    def close(self):
        told.append("closed")

def of_nothing():
    return None

def nothing(config, workdir):
    return None

def locked_out(config, workdir):
    raise KeyError("NO_TOKEN")

class Down(Tracker):
    def write_scalars(self, step, scalars):
        raise RuntimeError("the network is down")

seven = 7
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / "my_trackers.py").write_text(CODE)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("my_trackers", None)


def test_a_tracker_gets_the_config_and_every_line_of_metrics(module, tiny, tmp_path):
    train(tiny({"log.trackers": ("my_trackers:Tracker",), "duration": "2 steps"}), tmp_path / "run")
    (begun, *written, closed) = sys.modules["my_trackers"].told
    assert begun == ("begun", tiny({}).optim.lr, str(tmp_path / "run"))
    assert closed == "closed"
    assert [{"step": step, **scalars} for step, scalars in written] == read_lines(tmp_path / "run/metrics.jsonl")
    assert written


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("wandb", "is not an import path: write package.module:Name"),
        ("my_trackers:Trakcer", "did you mean 'Tracker'"),
        ("my_trackers:of_nothing", "can't be called with config and workdir"),
        ("my_trackers:seven", "can't be called with config and workdir"),
        ("no_such_module:Tracker", "can't be imported"),
    ],
)
def test_what_is_no_tracker_is_refused_before_anything_is_written(name, reason, module, tiny, tmp_path):
    with pytest.raises(ConfigError, match=reason):
        train(tiny({"log.trackers": (name,)}), tmp_path / "run")
    assert not (tmp_path / "run/config.json").exists()


def test_weights_and_biases_gets_one_run_per_work_directory_that_is_resumed(monkeypatch):
    begun, logged = [], []
    run = types.SimpleNamespace(log=lambda scalars, step: logged.append((step, scalars)), finish=lambda: None)
    fake = types.SimpleNamespace(init=lambda **settings: begun.append(settings) or run)
    monkeypatch.setitem(sys.modules, "wandb", fake)
    for _ in range(2):
        trackers.weights_and_biases(config={"seed": 1}, workdir="runs/a").write_scalars(3, {"loss": 0.5})
    trackers.weights_and_biases(config={"seed": 1}, workdir="runs/b").close()
    first, again, other = begun
    assert first == again
    assert first["resume"] == "allow"
    assert first["config"] == {"seed": 1}
    assert other["id"] != first["id"]
    assert logged == [(3, {"loss": 0.5})] * 2


def test_its_package_is_asked_for_by_name_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(ConfigError, match="pip install wandb"):
        trackers.weights_and_biases(config={}, workdir="runs/a")


def test_what_can_not_be_written_to_is_refused(module):
    with pytest.raises(ConfigError, match="'my_trackers:nothing' makes a NoneType, which lacks write_scalars, close"):
        trackers.make(trackers.find(["my_trackers:nothing"]), config={}, workdir="")


def _written_to(name):
    (tracker,) = trackers.make(trackers.find([name]), config={"optim.lr": 0.1}, workdir="")
    tracker.write_scalars(1, {"train/loss": 0.5})


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("locked_out", r"KeyError: 'NO_TOKEN' \(.*my_trackers.py, line 22\)"),
        ("Down", r"RuntimeError: the network is down \(.*my_trackers.py, line 26\)"),
    ],
)
def test_one_that_fails_ends_the_run_in_a_line_that_says_where(module, name, reason):
    """As all of the user's own code does, wherever it is called."""
    with pytest.raises((KeyError, RuntimeError)) as raised:
        _written_to(f"my_trackers:{name}")
    line, code = commands.describe(raised.value)
    assert re.fullmatch(reason, line), line
    assert code == 1
    assert commands.describe(KeyError("of this program")) == (None, 1)

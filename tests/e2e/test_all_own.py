"""Everything is one's own, in a folder outside the repository: a sweep trains it, and the other commands know it.

A grey TFDS set with features and splits of other names; an experiments file, a network, an op, a metric, an evaluator
and a tracker. Each has a page in docs/ and tests of its own; here they come together.
"""

import hashlib
import json

import numpy as np
import pytest

from launch.sweep import main as sweep
from sbn.config import imported
from sbn.list import main as show_rows
from sbn.report.__main__ import main as report
from tests.conftest import ROOT
from tests.data.imagenets import encode, picture, write_records

PARTS = """
import dataclasses
import pathlib

import flax.linen as nn
import jax
import jax.numpy as jnp

from sbn.augment.op import OwnOp, number


class Net(nn.Module):
    num_classes: int

    @nn.compact
    def __call__(self, x, train):
        x = nn.BatchNorm(use_running_average=not train)(nn.Conv(3, (3, 3), strides=2)(x))
        return nn.Dense(self.num_classes)(nn.relu(x).mean((1, 2)))


@dataclasses.dataclass(frozen=True)
class Darker(OwnOp):
    by: int = number(low=1, high=8, default=2)

    def device(self, images, draws):
        return images // self.by


@dataclasses.dataclass(frozen=True)
class Certainty:
    # the mean of the highest probability

    branches: tuple

    def init(self):
        return {"sum": jnp.zeros((len(self.branches),)), "images": jnp.zeros((), jnp.int32)}

    def update(self, state, outputs, targets, valid):
        highest = jnp.where(valid[:, None], jax.nn.softmax(outputs).max(-1), 0.0)
        return {"sum": state["sum"] + highest.sum(0), "images": state["images"] + valid.sum(dtype=jnp.int32)}

    def merge(self, a, b):
        return jax.tree.map(jnp.add, a, b)

    def compute(self, state):
        means = state["sum"] / state["images"]
        return {f"{name}/certainty": float(mean) for name, mean in zip(self.branches, means)}


def make_certainty(task, config):
    return Certainty(task.branches)


class Apart:
    def __init__(self, materials):
        self.predict, self.images = materials.predict, materials.test.images

    def __call__(self, variables):
        logits = self.predict(variables, self.images)
        yield "test/main_aux/apart", float(abs(logits[:, 0] - logits[:, 1]).mean())


class Tracker:
    def __init__(self, config, workdir):
        self.file = (pathlib.Path(workdir) / "told.txt").open("a")

    def write_scalars(self, step, scalars):
        print(step, *sorted(scalars), file=self.file)

    def close(self):
        self.file.close()
"""
EXPERIMENTS = """
from sbn.config.rows import Paper, Row, Table

BASE = {
    "data.name": "grey_signs",
    "data.dir": "tfds",
    "data.image_feature": "picture",
    "data.label_feature": "kind",
    "data.train_split": "fitting",
    "data.test_split": "held_out",
    "data.path": "device",
    "model.name": "my_parts:Net",
    "model.depth": None,
    "model.width": None,
    "branches": ("main", "aux"),
    "views.main.augment": "flip",
    "views.aux.augment": "my_parts:Darker(4)|flip",
    "batch_size": 4,
    "duration": "2 steps",
    "eval.evals": ("accuracy", "my_parts:Apart"),
    "eval.metrics": ("my_parts:make_certainty",),
    "eval.batch_size": 5,
    "log.every": "1 steps",
    "log.tensorboard": False,
    "log.trackers": ("my_parts:Tracker",),
}
TABLES = {"signs": Table("Signs", {"dark": Row({}, (Paper(81.5, "test/main/accuracy"),), "Table 1")})}
"""


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    held = [(encode(picture(rng, 12, 10), "PNG", "L"), number % 3) for number in range(14)]
    names = {"class_names": ["stop", "go", "wait"], "features": ("picture", "kind")}
    folder = write_records(tmp_path / "tfds", "grey_signs", {"fitting": held[:9], "held_out": held[9:]}, **names)
    shape = {"image": {"shape": {"dimensions": ["12", "10", "1"]}}}
    declared = {"picture": shape, "kind": {"classLabel": {"numClasses": "3"}}}
    (folder / "features.json").write_text(json.dumps({"featuresDict": {"features": declared}}))
    (tmp_path / "my_parts.py").write_text(PARTS)
    (tmp_path / "mine.py").write_text(EXPERIMENTS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(imported, "_loaded", {})
    return tmp_path


def test_a_sweep_trains_what_is_all_ones_own_and_list_and_report_show_it(elsewhere, capsys):
    show_rows(["mine.py"])
    assert "paper 81.5" in capsys.readouterr().out
    words = ["--experiment=mine.py:signs", "--root=runs"]
    assert sweep(words) == 0, capsys.readouterr()
    assert "1 missing" in capsys.readouterr().out
    run = elsewhere / "runs/mine/signs/dark/seed0"

    metrics = json.loads((run / "result.json").read_text())["metrics"]
    assert 1 / 3 < metrics["test/main/certainty"] < 1
    assert metrics["test/main_aux/apart"] > 0
    told = (run / "told.txt").read_text().splitlines()
    assert [line.split()[0] for line in told if "train/loss" in line] == ["1", "2"]
    data = json.loads((run / "data.json").read_text())
    assert (data["classes"], data["examples"]) == (["stop", "go", "wait"], {"train": 9, "test": 5})
    assert len(set(data["mean"])) == 1  # grey is three equal channels
    (start,) = json.loads((run / "provenance.json").read_text())
    own = {f"my_parts:{name}" for name in ("Net", "Darker", "make_certainty", "Apart", "Tracker")}
    assert own <= start["imported"].keys()
    code = hashlib.sha256((elsewhere / "my_parts.py").read_bytes()).hexdigest()
    assert {start["imported"][name]["sha256"] for name in own} == {code}
    assert start["imported"]["experiments file mine.py"]["sha256"]

    assert sweep(words) == 0
    assert "1 jobs: 1 done" in capsys.readouterr().out
    report(["mine.py", "--root=runs"])
    printed = capsys.readouterr().out
    (line,) = [line for line in printed.splitlines() if line.startswith("dark")]
    assert f"{100 * metrics['test/main/accuracy']:.2f}" in line
    assert "81.5" in line

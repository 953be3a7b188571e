"""The evaluators in a run: what training logs and leaves, `sbn.evaluate` repeats, on one device and on eight."""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from etils import epath

from sbn import evaluate, export
from sbn.config import tree
from sbn.config.checks import check
from sbn.config.errors import ConfigError
from sbn.train import train
from sbn.train.setup import make_setup
from sbn.train.workdir import read_config
from tests.compiling import simulating
from tests.conftest import ROOT, TINY
from tests.e2e import runs

EVALS = ("accuracy", "mix", "corruptions", "affinity", "diversity", "branches")
CHANGES = {
    "eval.evals": EVALS,
    "eval.corruptions.source": "generated",
    "eval.corruptions.kinds": ("brightness", "fog"),
    "eval.corruptions.examples": 5,
    "eval.affinity.draws": 2,
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("runs") / "evaluated"
    config = check(tree.to_config(tree.changed(tree.defaults(), {**TINY, **CHANGES})))
    return workdir, train(config, workdir)["metrics"]


def arrays(workdir):
    found = {}
    for path in sorted(pathlib.Path(workdir).glob("artifacts/*/10.npz")):
        with np.load(path) as stored:
            found |= {(path.parent.name, name): stored[name] for name in stored}
    return found


def test_long_evaluators_run_at_the_end_alone_and_leave_arrays_and_pictures(finished):
    workdir, metrics = finished
    halfway, end = (line for line in runs.metric_lines(workdir) if "test/main/accuracy" in line)
    assert (halfway["step"], end["step"]) == (5, 10)
    assert not [name for name in halfway if name.startswith(("corrupted", "model/", "train/")) or "affinity" in name]
    assert {name: value for name, value in end.items() if name != "step"} == metrics
    for evaluator in EVALS[1:]:
        names = {path.name for path in (workdir / "artifacts" / evaluator).iterdir()}
        assert names == {"10.npz", "10.png"}
    assert not (workdir / "artifacts/accuracy").exists()


def test_every_evaluator_has_its_numbers_for_main_aux_and_mix(finished):
    _, metrics = finished
    for branch in ("main", "aux", "mix_0.5"):
        assert {
            f"corrupted_generated/{branch}/error/fog_5",
            f"test/{branch}/affinity/crop(2)|flip|cutout(4)",
            f"train/{branch}/diversity/crop(2)|flip",
        } <= metrics.keys()
    # of all 13 test images, though 5 of each corruption are measured
    assert metrics["test/mix_1/accuracy"] == metrics["test/main/accuracy"]
    assert metrics["test/mix_0/accuracy"] == metrics["test/aux/accuracy"]
    assert metrics["test/main/error"] == 1 - metrics["test/main/accuracy"]
    assert metrics["corrupted_generated/main/error/fog_5"] in {k / 5 for k in range(6)}
    assert metrics["corrupted_generated/mix_1/error"] == metrics["corrupted_generated/main/error"]
    assert metrics["model/main_aux/divergence"] > 0


def test_evaluate_repeats_what_training_logged_to_the_bit(finished):
    workdir, metrics = finished
    before = arrays(workdir)
    assert evaluate.evaluate(workdir) == (10, metrics)
    after = arrays(workdir)
    assert before.keys() == after.keys()
    for name, array in before.items():
        np.testing.assert_array_equal(array, after[name], err_msg=str(name))


@pytest.mark.parametrize("branch", ["main", "aux"])
def test_an_exported_branch_is_right_about_as_many_images_as_the_run_logged(finished, tmp_path, branch):
    workdir, metrics = finished
    export.export(workdir, out=tmp_path / "net", branch=branch)
    test = make_setup(read_config(epath.Path(workdir))).test
    predicted = np.asarray(export.load(tmp_path / "net").logits(test.images)).argmax(-1)
    assert (predicted == test.labels).mean() == metrics[f"test/{branch}/accuracy"]


def test_eight_devices_measure_what_one_does(finished):
    workdir, metrics = finished
    done = subprocess.run(
        [sys.executable, "-m", "sbn.evaluate", f"--workdir={workdir}", "--evals=accuracy", "--json"],
        cwd=ROOT,
        env={**os.environ, **simulating(8)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found.pop("step") == 10
    assert found.keys() <= metrics.keys()
    for name, value in found.items():
        # the same float32 sums in another order; 13 images, none of them on the edge between two classes
        assert value == pytest.approx(metrics[name], rel=1e-4), name


def test_settings_of_evaluators_can_be_changed_afterwards(finished, tmp_path):
    workdir, _ = finished
    overrides = {"eval.corruptions.kinds": ("contrast",)}
    _, scores = evaluate.evaluate(workdir, evals=["corruptions"], overrides=overrides)
    assert "corrupted_generated/main/error/contrast_1" in scores
    assert "corrupted_generated/main/error/fog_1" not in scores
    stored = json.loads((workdir / "artifacts/corruptions/10.json").read_text())
    assert stored["overrides"] == {"eval.corruptions.kinds": ["contrast"]}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"eval.evals": ("mix",), "branches": ("main",)}, ["'mix' needs two branches"]),
        ({"eval.corruptions.source": "released"}, ["shapes"]),
        ({"eval.corruptions.kinds": ("fgo",)}, ["'fgo'", "'fog'"]),
        ({"eval.corruptions.kinds": ("frost",)}, ["frost", "photographs"]),
        ({"eval.affinity.pipelines": ("flpi",)}, ["eval.affinity.pipelines", "'flpi'", "'flip'"]),
        ({"eval.branches.layer": "group9"}, ["eval.branches.layer", "'group9'"]),
    ],
)
def test_mistakes_are_told_before_anything_is_trained_or_written(tiny, tmp_path, changes, words):
    with pytest.raises(ConfigError) as caught:
        train(tiny({**CHANGES, **changes}), tmp_path / "run")
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)
    assert not (tmp_path / "run").exists()

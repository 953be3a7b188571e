"""The analyses of refinement and of branches in a run of two stages: logged as it trains, repeated afterwards."""

import json

import numpy as np
import pytest

from sbn import evaluate
from sbn.config.errors import ConfigError
from sbn.train import train
from tests.e2e import runs

EVALS = ("accuracy", "losses", "spectra", "features", "sizes")
CHANGES = {
    "data.path": "device",
    "eval.evals": EVALS,
    **{f"eval.{name}.every": "4 steps" for name in EVALS[1:]},
    "eval.sizes.sizes": (16, 12),
    "branches": ("main", "small"),
    "views.main.augment": "crop(2)|flip",
    "views.small.augment": "crop(2)|flip|resize_and_pad(8)",
    "stages": ("intensive", "refined"),
    "stage.intensive.duration": "6 steps",
    "stage.intensive.views.main.augment": "crop(2)|flip|mixup(1)",
    "stage.refined.duration": "3 steps",
}


@pytest.fixture(scope="module")
def finished(tiny, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("runs") / "analysed"
    return workdir, train(tiny(CHANGES), workdir)["metrics"]


def test_losses_are_curves_over_both_stages_and_the_views_are_those_of_the_stage(finished):
    workdir, _ = finished
    name = "train_augmented/main/cross_entropy"
    curve = {line["step"]: line[name] for line in runs.metric_lines(workdir) if name in line}
    assert list(curve) == [4, 6, 8, 9]
    assert {path.name for path in (workdir / "artifacts/spectra").iterdir()} == {
        f"{step}.{ending}" for step in curve for ending in ("npz", "png")
    }


def test_evaluate_repeats_the_end_of_either_stage_to_the_bit(finished):
    workdir, metrics = finished
    assert evaluate.evaluate(workdir) == (9, metrics)
    step, scalars = evaluate.evaluate(workdir, evals=EVALS[1:], stage="intensive")
    (logged,) = (line for line in runs.metric_lines(workdir) if line["step"] == 6 and "model/size_12" in str(line))
    assert step == 6
    assert scalars == {name: logged[name] for name in scalars}
    assert scalars["train_augmented/main/cross_entropy"] != metrics["train_augmented/main/cross_entropy"]
    stored = json.loads((workdir / "artifacts/losses/6.json").read_text())
    assert stored["metrics"]["train_clean/main/cross_entropy"] == logged["train_clean/main/cross_entropy"]


def test_there_are_numbers_of_every_branch(finished):
    workdir, metrics = finished
    assert metrics["test_16/main/accuracy"] == metrics["test/main/accuracy"]
    assert 0 < metrics["test/small/overlap"] <= 1
    assert metrics["train/small/all_classes_trace"] >= metrics["train/small/intra_class_trace"] > 0
    with np.load(workdir / "artifacts/spectra/9.npz") as stored:
        assert stored["train/small/all_classes"].shape == (64,)
        # traces are sums of the spectrum
        assert stored["train/small/all_classes"].sum() == pytest.approx(metrics["train/small/all_classes_trace"])


@pytest.mark.slow  # trains for four seconds
def test_a_run_that_goes_on_from_another_is_evaluated_in_its_own_stage(finished, tiny, tmp_path):
    workdir, _ = finished
    changes = {name: value for name, value in CHANGES.items() if not name.startswith("stage")}
    changes |= {"duration": "3 steps", "init.from": str(workdir), "init.stage": "intensive"}
    changes |= {"eval.evals": ("losses",), "views.main.augment": "crop(2)|flip"}
    metrics = train(tiny(changes), tmp_path / "more")["metrics"]
    # its steps are counted on from the other's 6
    assert evaluate.evaluate(tmp_path / "more", stage="train") == (9, metrics)


def test_a_stage_that_is_not_there_is_named_with_the_nearest(finished):
    workdir, _ = finished
    with pytest.raises(ConfigError, match="'refind'; did you mean 'refined'"):
        evaluate.evaluate(workdir, stage="refind")

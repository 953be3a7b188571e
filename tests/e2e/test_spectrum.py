"""Spectral evaluators within a run: files and pictures, the same from `sbn.evaluate`, and agreeing with accuracy."""

import json

import numpy as np
import pytest

from sbn.evaluate import evaluate
from sbn.train import train
from tests.e2e.test_devices import start_two

EVALS = ("accuracy", "fourier", "low_pass", "high_pass")
SETTINGS = {
    "eval.evals": EVALS,
    "eval.fourier.size": 3,
    "eval.low_pass.widths": (3, 16),
    "eval.high_pass.widths": (0, 16),
    "duration": "3 steps",
}


def arrays(workdir, evaluator, step=3):
    with np.load(workdir / f"artifacts/{evaluator}/{step}.npz") as stored:
        return dict(stored)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    from sbn.config import tree
    from sbn.config.checks import check
    from tests.conftest import TINY

    workdir = tmp_path_factory.mktemp("spectrum")
    config = check(tree.to_config(tree.changed(tree.changed(tree.defaults(), TINY), SETTINGS)))
    return workdir, train(config, workdir)["metrics"]


@pytest.mark.slow
def test_a_run_leaves_maps_curves_and_pictures(finished):
    workdir, metrics = finished
    for evaluator in EVALS[1:]:
        assert {path.name for path in (workdir / "artifacts" / evaluator).iterdir()} == {"3.npz", "3.png"}
    for name in ("main", "aux", "mix_0.5"):
        error = arrays(workdir, "fourier")[f"fourier/{name}/error"]
        assert error.shape == (3, 3)
        assert metrics[f"fourier/{name}/mean_error"] == pytest.approx(error.mean(), rel=1e-12)
        # the ends of both filters: the images as they are
        for evaluator, place in (("low_pass", 1), ("high_pass", 0)):
            accuracy = arrays(workdir, evaluator)[f"{evaluator}/{name}/accuracy"][place]
            # 13 images, none of which the rounding of a Fourier transform moves from one class to another
            assert accuracy == pytest.approx(metrics[f"test/{name}/accuracy"], abs=1e-12)


@pytest.mark.slow
def test_evaluate_leaves_the_same_files_and_takes_other_settings(finished):
    workdir, metrics = finished
    before = {path: path.read_bytes() for path in workdir.glob("artifacts/*/3.*")}
    step, scores = evaluate(workdir)
    assert step == 3
    assert scores == metrics
    assert all(path.read_bytes() == content for path, content in before.items() if path.suffix == ".png")
    _, quiet = evaluate(workdir, evals=["fourier"], overrides={"eval.fourier.norm": 0.0})
    assert arrays(workdir, "fourier")["fourier/norm"] == 0
    for name in ("main", "aux", "mix_0.5"):
        assert quiet[f"fourier/{name}/mean_error"] == pytest.approx(1 - metrics[f"test/{name}/accuracy"], abs=1e-12)


@pytest.mark.slow
def test_two_processes_of_two_devices_measure_what_one_does(tiny, tmp_path):
    config = tiny({**SETTINGS, "eval.fourier.size": 1})
    processes = start_two(config, tmp_path, "two")
    outputs = [process.communicate(timeout=300)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], "\n".join(outputs)
    metrics = json.loads((tmp_path / "two/result.json").read_text())["metrics"]
    before = {evaluator: arrays(tmp_path / "two", evaluator) for evaluator in EVALS[1:]}
    again = evaluate(tmp_path / "two")[1]
    assert again.keys() == metrics.keys()
    for evaluator, stored in before.items():
        for name, array in arrays(tmp_path / "two", evaluator).items():
            np.testing.assert_array_equal(stored[name], array, err_msg=name)

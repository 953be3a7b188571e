"""Every notebook runs from first cell to last, small: as the script that it is, and as a notebook in a kernel."""

import importlib.util
import os
import subprocess
import sys

import pytest

from launch.notebooks.__main__ import TEXTS, main
from tests.conftest import ROOT

SMALL = {"SBN_TINY": "1", "SBN_RUNS": str(ROOT / "results"), "PYTHONPATH": str(ROOT)}


# What is printed by what every run of the tests runs in a kernel, or as a script where there is none
PRINTED = {
    "explore_runs": (
        "table3/weak_augment          seed 1   69.38 %",
        "69.53 ± 0.21  2/10  96.30",
        "mean difference  +0.420 points",
    )
}


def execute(name, folder):
    environment = {**os.environ, **SMALL, "MPLBACKEND": "agg"}
    command = [sys.executable, "-W", "ignore", str(TEXTS / f"{name}.py")]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def assert_printed(name, printed, folder):
    for words in PRINTED.get(name, ()):
        assert words in printed
    assert name != "explore_runs" or "data:image/svg+xml" in (folder / "book.html").read_text()


def test_every_notebook_is_run_here():
    assert {path.stem for path in TEXTS.glob("*.py")} == {
        "train_split_bn",
        "explore_runs",
        "your_own_model",
        "own_data_and_network",
    }


@pytest.mark.slow  # every run of the tests trains a row by the README's commands, and runs the other two
def test_train_split_bn(tmp_path):
    printed = execute("train_split_bn", tmp_path)
    run = tmp_path / "runs/notebook/weak_augment/seed0"
    assert (run / "result.json").exists()
    for evaluator in ("branches", "mix"):
        assert list((run / "artifacts" / evaluator).glob("*.png"))
    assert (run.parent / "views.png").stat().st_size > 5000
    for name in ("test/main/accuracy", "test/aux/accuracy", "test/mix_0.7/accuracy"):
        assert name in printed


@pytest.mark.skipif(importlib.util.find_spec("nbclient") is not None, reason="a kernel runs it")
def test_explore_runs(tmp_path):
    assert_printed("explore_runs", execute("explore_runs", tmp_path), tmp_path)


def test_your_own_model(tmp_path):
    printed = execute("your_own_model", tmp_path)
    assert "noisy: mean of both" in printed
    assert "the branches of the loaded network differ by 0.0" in printed


@pytest.mark.slow
def test_own_data_and_network(tmp_path):
    printed = execute("own_data_and_network", tmp_path)
    assert "test/aux/accuracy" in printed
    assert (tmp_path / "runs/notebook/own/net/model.json").exists()


@pytest.mark.parametrize("name", ["train_split_bn", "your_own_model", "own_data_and_network"])
def test_without_the_variable_they_are_not_small(name):
    assert 'bool(os.environ.get("SBN_TINY"))' in (TEXTS / f"{name}.py").read_text()


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(path.stem, marks=[] if path.stem == "explore_runs" else pytest.mark.slow)
        for path in sorted(TEXTS.glob("*.py"))
    ],
)
def test_a_kernel_runs_the_notebook(name, tmp_path, monkeypatch):
    """As Jupyter and Colab do; sbn is installed already, so its first cell has nothing to do."""
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    for variable, value in SMALL.items():
        monkeypatch.setenv(variable, value)
    main([f"--out={tmp_path}"])
    notebook = nbformat.read(tmp_path / f"{name}.ipynb", as_version=4)
    nbclient.NotebookClient(notebook, timeout=500, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    printed = "".join(output.get("text", "") for output in outputs)
    assert "sbn is installed" in printed
    assert_printed(name, printed, tmp_path)
    assert any("image/png" in output.get("data", {}) for output in outputs)

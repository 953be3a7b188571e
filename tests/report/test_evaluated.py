"""The report says where the figures of a row are, and prints the commands that make those that are missing."""

import shlex

import numpy as np
import pytest

from sbn.config.command_line import split
from sbn.config.rows import Row
from sbn.report import report
from sbn.report.collect import find_runs
from sbn.report.evaluated import evaluator_notes
from sbn.runs.arrays import pack
from tests.report.work_dirs import write_run

ROWS = {
    "main": Row({}, evals=("mix", "fourier"), runs_of="table3/baseline"),
    "logits": Row({"eval.average": "logits"}, evals=("mix",), runs_of="table3/baseline"),
    "trained": Row({"optim.lr": 0.1}, evals=("mix",)),
}


@pytest.fixture
def run(tmp_path):
    return write_run(tmp_path / "my runs", "seed0", 0.9)


def leave(run, evaluator, *endings):
    for ending in endings:
        (run / "artifacts" / evaluator).mkdir(parents=True, exist_ok=True)
        file = run / "artifacts" / evaluator / f"78000.{ending}"
        file.write_bytes(pack({"a": np.zeros(1)}) if ending == "npz" else b"\x89PNG\r\n\x1a\n")


def notes(run, **rows):
    return evaluator_notes("figure3", rows, find_runs(run.parent).runs)


def test_figures_are_named_and_what_is_missing_has_its_command(run):
    leave(run, "mix", "npz", "png")
    figure, missing = notes(run, main=ROWS["main"])
    assert figure == f"figure3/main: figure {run / 'artifacts/mix/78000.png'}"
    command = missing.removeprefix("figure3/main: not evaluated yet, run ")
    assert shlex.split(command) == ["python", "-m", "sbn.evaluate", "--evals=fourier", f"--workdir={run}"]


def test_the_command_has_the_settings_of_the_row(run):
    (missing,) = notes(run, logits=ROWS["logits"])
    _, dotted = split(shlex.split(missing))
    assert dotted == {"eval.average": "logits"}


def test_arrays_without_a_figure_are_not_missing(run):
    leave(run, "mix", "npz")
    assert notes(run, logits=ROWS["logits"]) == []


def test_a_row_that_trains_is_evaluated_as_it_was_trained(tmp_path):
    run = write_run(tmp_path, "seed0", 0.9, row="figure3/trained")
    (missing,) = notes(run, trained=ROWS["trained"])
    assert "--config" not in missing


def test_a_table_of_evaluations_is_reported_where_its_runs_are(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "from sbn.config.rows import Row, Table\n"
        "BASE = {}\n"
        "TABLES = {'table3': Table('', {'baseline': Row({})})}\n"
        f"TABLES = {{'figure3': Table('Mixes', {{'main': {ROWS['main']!r}}}), **TABLES}}\n"
    )
    run = write_run(tmp_path / "runs", "seed0", 0.9)
    printed, told = report(str(file), root=str(tmp_path / "runs"), format="text")
    assert printed.startswith("figure3: Mixes")
    assert "90.00" in printed
    assert told[0].startswith("figure3/main: not evaluated yet, run python -m sbn.evaluate --evals=mix,fourier")
    assert str(run) in told[0]

"""Figures that evaluators wrote for the rows of a table, and commands that make the missing ones."""

import pathlib
from collections.abc import Mapping, Sequence

from sbn.config.command_line import evaluate_command
from sbn.config.rows import Row
from sbn.report.collect import Run
from sbn.report.measures import measure_of, measured, parse
from sbn.runs.content import Damaged
from sbn.runs.files import artifact_folder


def evaluator_notes(name: str, rows: Mapping[str, Row], runs: Sequence[Run]) -> list[str]:
    """Returns a line for every evaluator of a row and every run of it: where its figure is, or how it is made.

    Args:
        name: of the table.
        rows: of the table, by name.
        runs: of the experiment.
    """
    notes = []
    for row_name, row in rows.items():
        for run in runs:
            if run.plain_row in (f"{name}/{row_name}", row.runs_of):
                for stage in row.stages or ("",):
                    notes += [f"{name}/{row_name}: {note}" for note in _of_stage(row, run, stage)]
    return notes


def _of_stage(row: Row, run: Run, stage: str) -> list[str]:
    """What a row's evaluators left of a run for the end of a stage, '' for the run's."""
    if stage and stage not in run.stages:
        return [f"{run.path} has no stage {stage!r}"]
    step = run.stages[stage][1] if stage else run.steps
    notes, missing = [], []
    for evaluator in row.evals:
        folder = run.path / "artifacts"
        old = (folder / evaluator).is_dir()  # of older runs, where a user's own has the colon of its name
        file = folder / (evaluator if old else artifact_folder(evaluator)) / str(step)
        if damage := _damage(file, run):
            notes.append(f"{damage}; evaluate it again")
            missing.append(evaluator)
        elif file.with_suffix(".png").exists():
            notes.append(f"figure {file.with_suffix('.png')}")
        elif not (file.with_suffix(".npz").exists() or file.with_suffix(".json").exists() or _has_all(row, run, stage)):
            missing.append(evaluator)
    if missing:
        changes = row.changes if row.runs_of else {}
        command = evaluate_command(missing, changes, workdir=str(run.path), stage=stage)
        notes.append(f"not evaluated yet, run {command}")
    return notes


def _has_all(row: Row, run: Run, stage: str) -> bool:
    """Whether training measured all that the row shows of this stage: some evaluators leave numbers alone."""
    wanted = [measure_of(paper) for paper in row.paper] + [parse(metric) for metric in row.metrics]
    wanted = [measure for measure in wanted if measure.stage == stage]
    return bool(wanted) and all(measured(run, measure)[0] is not None for measure in wanted)


def _damage(file: pathlib.Path, run: Run) -> str:
    """What is wrong with the arrays or the figure that an evaluator left, if anything is there and is damaged."""
    from sbn.runs.arrays import read_arrays, read_png  # NumPy, only where runs are shown

    try:
        read_arrays(file.with_suffix(".npz"), config=run.config)
        read_png(file.with_suffix(".png"))
    except Damaged as error:
        return str(error)
    return ""

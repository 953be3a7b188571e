"""Pictures that evaluators left for the rows of a table, and the commands that make those that are missing."""

from collections.abc import Mapping, Sequence

from sbn.config.command_line import evaluate_command
from sbn.config.rows import Row
from sbn.report.collect import Run
from sbn.report.measures import measured, parse
from sbn.report.tables import measure_of


def evaluator_notes(name: str, rows: Mapping[str, Row], runs: Sequence[Run]) -> list[str]:
    """Returns a line for every evaluator of a row and every run of it: where its picture is, or how it is made.

    Args:
        name: of the table.
        rows: of the table, by name.
        runs: of the experiment.
    """
    notes = []
    for row_name, row in rows.items():
        for run in runs:
            if run.row not in (f"{name}/{row_name}", row.runs_of):
                continue
            for stage, step in _places(row, run):
                missing = []
                for evaluator in row.evals:
                    folder = run.path / "artifacts" / evaluator
                    if (folder / f"{step}.png").exists():
                        notes.append(f"{name}/{row_name}: picture {folder / f'{step}.png'}")
                    elif not any((folder / f"{step}.{ending}").exists() for ending in ("npz", "json")):
                        missing.append(evaluator)
                if missing and not _has_numbers(row, run, stage):
                    changes = row.changes if row.runs_of else {}
                    command = evaluate_command(missing, changes, workdir=str(run.path), stage=stage)
                    notes.append(f"{name}/{row_name}: not evaluated yet, run {command}")
    return notes


def _places(row: Row, run: Run) -> list[tuple[str, int]]:
    """(stage, its last step) that a row's evaluators look at; ('', the last) for the run's end."""
    if not row.stages:
        return [("", run.steps)]
    return [(stage, run.stages[stage][1]) for stage in row.stages if stage in run.stages]


def _has_numbers(row: Row, run: Run, stage: str) -> bool:
    """Whether a run has every number of a row at a stage's end: training may have evaluated it."""
    wanted = [measure_of(paper) for paper in row.paper] + [parse(text) for text in row.metrics]
    found = [measured(run, measure)[0] for measure in wanted if measure.stage == stage]
    return bool(found) and None not in found

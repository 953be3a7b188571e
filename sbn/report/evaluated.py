"""Pictures that evaluators left for the rows of a table, and the commands that make those that are missing."""

from collections.abc import Mapping, Sequence

from sbn.config.command_line import evaluate_command
from sbn.config.rows import Row
from sbn.report.collect import Run


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
            missing = []
            for evaluator in row.evals:
                folder = run.path / "artifacts" / evaluator
                if (folder / f"{run.steps}.png").exists():
                    notes.append(f"{name}/{row_name}: picture {folder / f'{run.steps}.png'}")
                elif not (folder / f"{run.steps}.npz").exists():
                    missing.append(evaluator)
            if missing:
                command = evaluate_command(missing, row.changes if row.runs_of else {}, workdir=str(run.path))
                notes.append(f"{name}/{row_name}: not evaluated yet, run {command}")
    return notes

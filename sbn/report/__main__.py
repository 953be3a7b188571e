"""Prints what the runs of an experiment reached beside what the paper reports.

    python -m sbn.report experiments/split_bn.py:table3 --root=runs --format=markdown

Without `:table`, all tables that have runs. Columns: mean ± standard deviation over seeds, runs counted / seeds the
paper used, the paper's number, the difference in points and in standard errors. The tables go to standard output;
what could not be counted, runs without a result, pictures of evaluators and the commands that make missing ones go to
standard error.
"""

import argparse
import sys
from collections.abc import Sequence

from sbn.config.errors import ConfigError, unknown
from sbn.config.rows import STATISTICS, Experiment, experiment_file, load_experiment
from sbn.report.collect import Found, Run, find_runs
from sbn.report.evaluated import evaluator_notes
from sbn.report.formats import FORMATS
from sbn.report.measures import Measure, parse
from sbn.report.tables import make_lines, stray_rows

_SHOWN_UNFINISHED = 10


def report(
    target: str, *, root: str, format: str, metrics: Sequence[str] = (), stages: bool = False
) -> tuple[str, list[str]]:
    """Makes the report.

    Args:
        target: FILE or FILE:TABLE.
        root: folder of the runs.
        format: one of FORMATS.
        metrics: what to show, METRIC[@STAGE][:STATISTIC]; empty for the default of `make_lines`.
        stages: show every statistic of every stage.

    Returns:
        The tables, and notes on what they leave out, one line each.

    Raises:
        ConfigError: unknown file, table, format, metric or folder; one line, with the nearest.
    """
    if format not in FORMATS:
        raise unknown("format", format, FORMATS)
    path, _, table = target.partition(":")
    experiment = load_experiment(experiment_file(path))
    if table and table not in experiment.tables:
        raise unknown(f"table of {path}", table, experiment.tables)
    found = find_runs(root)
    runs = [run for run in found.runs if run.experiment == experiment.name]
    measures = [parse(metric) for metric in metrics]
    _check_measures(measures, experiment, runs)
    names = [table] if table else [name for name in experiment.tables if _has_runs(name, experiment, runs)]
    if not names:
        raise ConfigError(_no_runs(experiment, found))
    tables = [
        (name, table.title, make_lines(name, table, runs, measures=measures, stages=stages))
        for name, table in ((name, experiment.tables[name]) for name in names)
    ]
    evaluated = [note for name in names for note in evaluator_notes(name, experiment.tables[name].rows, runs)]
    return FORMATS[format](tables), evaluated + _notes(experiment, found, runs)


def _has_runs(name: str, experiment: Experiment, runs: Sequence[Run]) -> bool:
    rows = experiment.tables[name].rows
    shown = ({f"{name}/{row}" for row in rows} | {row.runs_of for row in rows.values()}) - {""}
    return any(run.row in shown for run in runs)


def _check_measures(measures: Sequence[Measure], experiment: Experiment, runs: Sequence[Run]) -> None:
    known = {metric for run in runs for metric in run.metrics}
    rows = [row for table in experiment.tables.values() for row in table.rows.values()]
    known |= {metric for row in rows for metric in (*row.metrics, *(paper.metric for paper in row.paper))}
    stages = {stage for run in runs for stage in run.stages}
    for measure in measures:
        if measure.metric not in known:
            raise unknown("metric", measure.metric, known)
        if measure.stage and measure.stage not in stages:
            raise unknown("stage", measure.stage, stages)


def _no_runs(experiment: Experiment, found: Found) -> str:
    others = sorted({f"{run.experiment}:{run.row}" for run in found.runs})
    there = f"{len(found.runs)} finished, of {', '.join(others[:5])}" if others else "none finished"
    return (
        f"no runs of a table of {experiment.name}: there are {there} ({len(found.problems)} unreadable or repeated, "
        f"{len(found.unfinished)} unfinished); name a table to see the paper's numbers: {', '.join(experiment.tables)}"
    )


def _notes(experiment: Experiment, found: Found, runs: Sequence[Run]) -> list[str]:
    in_tables = {name: row for name, row in experiment.rows().items() if "/" in name}
    stray = [
        f"{row}: in no table of {experiment.path} ({count} {'run' if count == 1 else 'runs'} not shown)"
        for row, count in stray_rows(in_tables, runs).items()
    ]
    unfinished = found.unfinished[:_SHOWN_UNFINISHED]
    if len(found.unfinished) > len(unfinished):
        unfinished.append(f"and {len(found.unfinished) - len(unfinished)} more without a result yet")
    return found.problems + stray + unfinished


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m sbn.report", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("target", metavar="FILE[:TABLE]", help="an experiments file and, to see one, its table")
    parser.add_argument("--root", default="runs", help="folder with the runs, at any depth (default: runs)")
    parser.add_argument("--format", default="text", help=f"{', '.join(FORMATS)} (default: text)")
    parser.add_argument(
        "--metrics",
        default="",
        metavar="METRIC[@STAGE][:STATISTIC],...",
        help=f"what to show (default: the paper's, aux and mixed); statistics: {', '.join(STATISTICS)}",
    )
    parser.add_argument("--stages", action="store_true", help="show every statistic of every stage")
    options = parser.parse_args(argv)
    metrics = [metric.strip() for metric in options.metrics.split(",") if metric.strip()]
    try:
        tables, notes = report(
            options.target, root=options.root, format=options.format, metrics=metrics, stages=options.stages
        )
    except ConfigError as error:
        parser.exit(2, f"{parser.prog}: {error}\n")
    print(tables, end="")
    for note in notes:
        print(f"note: {note}", file=sys.stderr)


if __name__ == "__main__":
    main()

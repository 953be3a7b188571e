"""Prints what the runs of an experiment reached beside what the paper reports.

    python -m sbn.report split_bn:table3 --root=runs --format=markdown
    python -m sbn.report --all --root=runs --format=html --out=book.html
    python -m sbn.report compare split_bn:table3/weak_augment split_bn:table3/shared_affine --root=runs

Without `:table`, all tables that have runs; with --all, all tables of all experiments. Columns: mean ± standard
deviation over seeds, runs counted / seeds the paper used, the paper's number, and the difference in points with its
interval (Student's t over our seeds; Welch's where the paper gives a spread). What could not be counted, runs without
a result, runs refused because their config is not the row's, rows not run yet, pictures of evaluators and the commands
that make missing ones go to standard error, and stand at the end of a page. `compare` sets two rows against each other,
seed by seed: `python -m sbn.report compare --help`.
"""

import argparse
import sys
from collections.abc import Sequence

from sbn.config.errors import ConfigError, unknown
from sbn.config.rows import STATISTICS, experiment_file, experiment_files, load_experiment
from sbn.report import compare
from sbn.report.book import make_book, no_runs, tables_with_runs
from sbn.report.collect import find_runs
from sbn.report.formats import FORMATS
from sbn.report.measures import parse
from sbn.runs.atomic import write_output


def report(
    target: str, *, root: str, format: str, metrics: Sequence[str] = (), stages: bool = False
) -> tuple[str, list[str]]:
    """Makes the report.

    Args:
        target: FILE or FILE:TABLE; '' for all tables of all experiments.
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
    experiments = [load_experiment(file) for file in ([experiment_file(path)] if path else experiment_files())]
    if table and table not in experiments[0].tables:
        raise unknown(f"table of {path}", table, experiments[0].tables)
    found = find_runs(root)
    names = None
    if path:
        names = [table] if table else tables_with_runs(experiments[0], found)
        if not names:
            raise no_runs(experiments[0], found)
    book = make_book(experiments, found, tables=names, measures=[parse(metric) for metric in metrics], stages=stages)
    return FORMATS[format](book), list(book.notes)


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line."""
    argv = sys.argv[1:] if argv is None else argv
    if argv[:1] == ["compare"]:
        return compare.main(argv[1:])
    parser = argparse.ArgumentParser(
        prog="python -m sbn.report", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "target", nargs="?", metavar="FILE[:TABLE]", help="an experiments file and, to see one, a table"
    )
    parser.add_argument("--all", action="store_true", help="every table of every experiment")
    parser.add_argument("--root", "--runs", default="runs", help="folder with the runs, at any depth (default: runs)")
    parser.add_argument("--format", default="text", help=f"{', '.join(FORMATS)} (default: text)")
    parser.add_argument("--out", default="", metavar="FILE", help="write the tables there instead of printing them")
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
        if options.all == bool(options.target):
            raise ConfigError("name an experiment, FILE[:TABLE], or say --all")
        tables, notes = report(
            options.target or "", root=options.root, format=options.format, metrics=metrics, stages=options.stages
        )
    except ConfigError as error:
        parser.exit(2, f"{parser.prog}: {error}\n")
    if options.out:
        try:
            write_output(options.out, tables.encode())
        except OSError as error:
            parser.exit(2, f"{parser.prog}: --out={options.out} can't be written: {error.strerror}\n")
    else:
        print(tables, end="")
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
    return None


if __name__ == "__main__":
    main()

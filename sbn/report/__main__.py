"""Prints the results of an experiment's runs beside the paper's numbers.

    python -m sbn.report split_bn:table3 --root=runs --format=markdown
    python -m sbn.report --all --root=runs --format=html --out=book.html
    python -m sbn.report compare split_bn:table3/weak_augment split_bn:table3/shared_affine --root=runs
    python -m sbn.report difference runs/weak_augment/seed0 runs/weak_one_norm/seed0
    python -m sbn.report figures consistent:figure1 --root=runs --out=figures
    python -m sbn.report claims --root=runs

Without `:table`, it prints all tables that have runs; with --all, all tables of all experiments. Columns: mean ±
standard deviation over seeds, number of runs / number of seeds in the paper, the paper's number, and the difference in
points with its confidence interval (Student's t over our seeds; Welch's if the paper gives a spread). Standard error,
and the end of a page, list everything that the numbers leave out: unfinished runs, runs whose config does not match
their row, rows not run yet, the evaluators' figures, and the commands for missing figures. Subcommands, each with its
own --help: `compare` tests two rows against each other, seed by seed; `difference` shows how two runs differ; `figures`
draws the tables that are figures in their paper; `claims` tests the papers' claims.
"""

import pathlib
from collections.abc import Sequence

from sbn.config import arguments
from sbn.config.errors import ConfigError, shown, unknown
from sbn.config.experiment_files import experiment_files
from sbn.config.rows import STATISTICS
from sbn.report import FORMATS, claims, compare, report, run_difference, table_figures
from sbn.runs import commands
from sbn.runs.atomic import write_output

_COMMANDS = {
    "claims": claims.main,
    "compare": compare.main,
    "difference": run_difference.main,
    "figures": table_figures.main,
}


@commands.command("python -m sbn.report")
def main(argv: Sequence[str]) -> int:
    """Runs the command line."""
    if argv and argv[0] in _COMMANDS:
        return _COMMANDS[argv[0]](argv[1:])
    parser = arguments.Parser(prog="python -m sbn.report", description=__doc__)
    parser.add_argument(
        "targets", nargs="*", metavar="FILE[:TABLE]", help="experiments file, and optionally one of its tables"
    )
    parser.add_argument("--all", action="store_true", help="report every table of every experiment")
    arguments.add_root(parser)
    parser.add_argument("--format", default="text", help=f"{', '.join(FORMATS)} (default: text)")
    parser.add_argument(
        "--out", type=arguments.path, metavar="FILE", help="write the tables to this file instead of printing them"
    )
    parser.add_argument(
        "--metrics",
        default="",
        metavar="METRIC[@STAGE][:STATISTIC],...",
        help=f"metrics to show (default: the paper's, aux and mixed predictions); statistics: {', '.join(STATISTICS)}",
    )
    parser.add_argument("--stages", action="store_true", help="show every statistic of every stage")
    options = parser.parse_args(argv)
    target = _target(options.targets)
    metrics = [metric.strip() for metric in options.metrics.split(",") if metric.strip()]
    if options.all == bool(target):
        raise ConfigError("name an experiment, FILE[:TABLE], or give --all")
    if options.out:
        arguments.check_output(options.out)
    tables, notes = report(target, root=options.root, format=options.format, metrics=metrics, stages=options.stages)
    if options.out:
        write_output(options.out, tables.encode())
    else:
        print(tables, end="")
    for note in notes:
        commands.say(f"note: {note}")
    return 0


def _target(words: Sequence[str]) -> str:
    """The experiment that the command line names, '' where it names none."""
    first = words[0] if words else ""
    experiments = [path.stem for path in experiment_files()]
    bare = first.isidentifier() and not pathlib.Path(f"{first}.py").is_file()
    if bare and first not in experiments:
        raise unknown("command or experiment", first, {*_COMMANDS, *experiments})
    if len(words) > 1:
        raise ConfigError(f"{shown(' '.join(words))}: name one experiment, FILE[:TABLE], or give --all")
    return first


if __name__ == "__main__":
    commands.start(main)

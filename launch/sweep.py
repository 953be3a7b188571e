"""Runs what a table still lacks.

    python -m launch.sweep --experiment=split_bn:table3 --seeds=0:10 --set optim.lr=0.1,0.05 --root=runs

Prints the plan first: which of rows x seeds x overrides are done, running, and to do. The same command again runs only
what is missing, stopped or failed. Ctrl-C stops it so that it can be resumed. All of its state is in the work
directories.
"""

import argparse
import shlex
import sys
from collections.abc import Sequence

from launch import summary
from launch.engines import ENGINES, Settings, check_on_disk, load
from launch.plan import Job, make_jobs, parse_seeds, remarks
from launch.queues import NoAnswer
from launch.state import look
from sbn.config import beside
from sbn.config.arguments import Parser, whole
from sbn.config.arguments import path as non_empty_path
from sbn.config.errors import ConfigError
from sbn.runs import commands, signals
from sbn.runs.text import plain


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags that say which jobs are meant."""
    parser.add_argument(
        "--experiment",
        action="append",
        required=True,
        metavar="NAME[:TABLE[/ROW]]",
        help="rows to run; * matches anything; repeatable",
    )
    parser.add_argument(
        "--seeds", default="0", metavar="0:10", help="seeds: 0:10 means 0 to 9; or a list, 0,2,5 (default: 0)"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE,VALUE",
        help="override a key; several values, or several --set, make a grid",
    )
    parser.add_argument(
        "--root", type=non_empty_path, required=True, metavar="DIR", help="folder that holds the work directories"
    )


def plan(options: argparse.Namespace) -> list[Job]:
    """Returns the jobs that the flags mean.

    Raises:
        ConfigError: if a flag names something that is not there, or a config can't be run.
    """
    return make_jobs(options.experiment, seeds=parse_seeds(options.seeds), sets=options.set, root=options.root)


@commands.command("python -m launch.sweep")
def main(argv: Sequence[str]) -> int:
    """Returns the exit code: 0 if every job is done, 1 if not, 2 for a bad command line, 75 or 130 if stopped."""
    parser = Parser(
        "python -m launch.sweep",
        description="Trains the rows and seeds of a table that have no finished run yet. Prints the plan first.",
        examples=(
            "--experiment=split_bn:table3 --seeds=0:10 --root=runs --dry_run",
            "--experiment='split_bn:table3/weak_*' --set optim.lr=0.1,0.05 --root=runs --parallel=2",
            "--experiment=split_bn:table3 --seeds=0:10 --root=runs --engine=slurm --engine_set partition=gpu",
        ),
        epilog=(
            "To resume an interrupted sweep, start the same command again. `python -m launch.status` shows its state.\n"
            "Exit codes: 0 all done, 1 some failed, 2 an invalid command line, 75 or 130 stopped."
        ),
    )
    arguments(parser)
    parser.add_argument("--engine", default="local", help=f"where the jobs run: {', '.join(ENGINES)} (default: local)")
    parser.add_argument(
        "--parallel", type=whole, default=None, help="number of jobs at once (default: one per GPU, or one)"
    )
    parser.add_argument("--retries", type=whole, default=2, help="how often to retry a job that ends with an error")
    parser.add_argument("--hosts", type=whole, default=1, help="machines per job (slurm, sky)")
    parser.add_argument(
        "--minutes",
        type=whole,
        default=24 * 60,
        help="time limit of a job in minutes; a job that reaches it is queued again and resumes (slurm)",
    )
    parser.add_argument(
        "--engine_set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="option for the engine, such as partition=gpu (slurm) or accelerators=tpu-v4-16 (sky)",
    )
    parser.add_argument(
        "--dry_run", action="store_true", help="print the plan and the command lines without running them"
    )
    options = parser.parse_args(argv)
    jobs = plan(options)
    if bare := [item for item in options.engine_set if "=" not in item]:
        raise ConfigError(f"--engine_set {bare[0]}: write key=value")
    extra = dict(item.partition("=")[::2] for item in options.engine_set)
    settings = Settings(options.parallel, options.retries, options.hosts, options.minutes, extra)
    engine = load(options.engine, settings)
    check_on_disk(jobs, engine=options.engine)  # before a look at the bucket
    states = [look(job) for job in jobs]
    due = [job for job, state in zip(jobs, states, strict=True) if state.kind in summary.DUE]
    elsewhere = [job for job, state in zip(jobs, states, strict=True) if state.active]
    preview = engine.preview(due)
    print(plain("\n".join([*remarks(options.experiment), *summary.describe(jobs, states)])))
    print(f"to do: {len(due)}  {summary.time_left(jobs, states, parallel=engine.parallel)}".rstrip())
    if options.dry_run:
        print("\n".join(preview))
        return 0
    if elsewhere:
        print(
            f"{len(elsewhere)} jobs run or wait elsewhere; this sweep monitors them, and they continue if it is stopped"
        )
    try:
        with signals.each_raising():
            engine.run(due, elsewhere=elsewhere)
        states = [look(job) for job in jobs]
    except KeyboardInterrupt:
        print(f"{parser.prog}: stopped; to resume, start the same command again", file=sys.stderr)
        return signals.notice().exit_code if signals.notice().given else signals.INTERRUPTED
    except NoAnswer as error:
        print(
            f"{parser.prog}: {error}; {beside.shown('python -m launch.status')} shows the state of the jobs",
            file=sys.stderr,
        )
        return 1
    print(plain("\n".join(summary.describe(jobs, states))))
    for table in dict.fromkeys(selection.partition("/")[0] for selection in options.experiment):
        print(f"next: {beside.shown(f'python -m sbn.report {shlex.quote(table)} --root={shlex.quote(options.root)}')}")
    return int(any(state.kind != "done" for state in states))


if __name__ == "__main__":
    commands.start(main)

"""`python -m sbn.train --config=FILE:TABLE/ROW[,key=value] [--config.key=value] --workdir=DIR`."""

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from sbn.config import beside, experiment_files
from sbn.config.environment import use_large_pages
from sbn.runs import commands


@commands.command("python -m sbn.train")
def main(argv: Sequence[str]) -> int:
    """Trains one row; exit codes: 0 done, 1 diverged, 2 a bad config, 75 preempted (start it again), 130 Ctrl-C."""
    from sbn.config import arguments, command_line, tree

    parser = arguments.Parser(
        "python -m sbn.train",
        description="Trains one row of an experiment. If the work directory has an unfinished run of it, resumes that.",
        examples=(
            "--config=split_bn:table3/weak_augment,seed=0 --workdir=runs/weak_augment/seed0",
            "--config=split_bn:table3/weak_augment --config.optim.lr=0.05 --workdir=runs/mine",
            "--config=my_tables.py:width/narrow --workdir=runs/narrow --dry_run",
        ),
        epilog=(
            "`python -m sbn.list` prints the rows, `python -m sbn.list --keys` all keys. To resume an interrupted\n"
            "run, start the same command again. Exit codes: 0 done, 1 the run failed (its loss is not finite, say),\n"
            "2 an invalid command line, config or file, 75 stopped after saving (start it again to resume), 130 Ctrl-C."
        ),
    )
    parser.add_argument(
        "--workdir",
        type=arguments.path,
        required=True,
        metavar="DIR",
        help="work directory, for all files of the run; gs:// works",
    )
    parser.add_argument("--dry_run", action="store_true", help="check the config, print every key, and stop")
    options, request = command_line.parse(parser, argv)
    _check_pipelines(tree.flatten(request.config))
    if options.dry_run:
        print("\n".join(f"{name} = {value!r}" for name, value in tree.flatten(request.config).items()))
        return 0

    # Only now: a mistake in the command line is told before jax is loaded.
    from sbn.train import Origin, train
    from sbn.train.process import prepare

    prepare()
    origin = Origin(request.experiment, request.row, request.overrides)
    result = train(request.config, options.workdir, origin=origin)
    width = max([32, *map(len, result["metrics"])])
    for name, value in result["metrics"].items():
        print(f"{name:{width}} {value:.4f}")
    print(after(options.config, options.workdir))
    return 0


def _check_pipelines(flat: Mapping[str, Any]) -> None:
    """Refuses a pipeline that can't be parsed, before jax is loaded and data are read."""
    from sbn.augment import pipeline

    for key, text in flat.items():
        if key.endswith(".augment") and isinstance(text, str):
            pipeline.parse_key(key, text)


def after(row: str, workdir: str) -> str:
    """Returns the last line of a finished run: what to do next. `row` is FILE:TABLE/ROW,key=value as given."""
    file, _, name = row.partition(":")
    table, _, _ = name.partition("/")
    root = pathlib.PurePath(workdir).parent
    root = root.parent if root.parent.name else root  # DIR is ROOT/ROW/SEED as a rule
    wanted = f"{experiment_files.argument(pathlib.Path(file))}:{table}"
    report = f"; next: {beside.shown(f'python -m sbn.report {wanted} --root={root}')}"
    return f"done: {workdir}{report if '/' in name else ''}"


if __name__ == "__main__":
    use_large_pages()
    commands.start(main)

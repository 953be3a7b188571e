"""`python -m sbn.train --config=FILE:TABLE/ROW[,key=value] [--config.key=value] --workdir=DIR`."""

from collections.abc import Sequence

from sbn.config.environment import use_large_pages
from sbn.runs import commands


@commands.command("python -m sbn.train")
def main(argv: Sequence[str]) -> int:
    """Trains one row; exit codes: 0 done, 1 diverged, 2 a bad config, 75 preempted (start it again), 130 Ctrl-C."""
    from sbn.config import arguments, command_line

    parser = arguments.Parser("python -m sbn.train", description="Trains one row of an experiment, or goes on with it.")
    parser.add_argument(
        "--workdir",
        type=arguments.path,
        required=True,
        metavar="DIR",
        help="where everything about the run goes; gs:// works",
    )
    options, request = command_line.parse(parser, argv)

    # Only now: a mistake in the command line is told before jax is loaded.
    from sbn.train import Origin, train
    from sbn.train.process import prepare

    prepare()
    origin = Origin(request.experiment, request.row, request.overrides)
    result = train(request.config, options.workdir, origin=origin)
    for name, value in result["metrics"].items():
        print(f"{name:32} {value:.4f}")
    return 0


if __name__ == "__main__":
    use_large_pages()
    commands.start(main)

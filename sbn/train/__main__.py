"""`python -m sbn.train --config=FILE:TABLE/ROW[,key=value] [--config.key=value] --workdir=DIR`."""

import argparse
import sys
from collections.abc import Sequence

from sbn.config.environment import use_large_pages

if __name__ == "__main__":
    use_large_pages()  # before more is imported, all of which would be imported twice

from sbn.config import arguments, command_line


def main(argv: Sequence[str]) -> int:
    """Runs one experiment; returns the exit code: 0 done, 1 diverged, 2 a bad config, 75 preempted (start it again)."""
    parser = argparse.ArgumentParser(
        "python -m sbn.train", description="Trains one row of an experiment, or goes on with it."
    )
    parser.add_argument(
        "--workdir",
        type=arguments.path,
        required=True,
        metavar="DIR",
        help="where everything about the run goes; gs:// works",
    )
    options, request = command_line.parse(parser, argv)

    # Only now: a mistake in the command line is told before jax is loaded.
    from sbn.train import Diverged, Origin, Preempted, train
    from sbn.train.preemption import EXIT_CODE
    from sbn.train.process import prepare

    prepare()
    try:
        result = train(
            request.config, options.workdir, origin=Origin(request.experiment, request.row, request.overrides)
        )
    except command_line.ConfigError as error:
        parser.exit(2, f"{parser.prog}: {error}\n")
    except Diverged as error:
        parser.exit(1, f"{parser.prog}: {error}\n")
    except Preempted as event:
        parser.exit(EXIT_CODE, f"{parser.prog}: {event}\n")
    for name, value in result["metrics"].items():
        print(f"{name:32} {value:.4f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""`python -m sbn.augment show 'randaugment(3, 4)|crop(4)'`: what a pipeline string means, as a table."""

import argparse
import sys
from collections.abc import Sequence

from sbn.augment.show import table


def main(words: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code: 0, or 2 for a string that can't be read."""
    parser = argparse.ArgumentParser(prog="python -m sbn.augment", description="What an augmentation string means.")
    commands = parser.add_subparsers(dest="command", required=True)
    show = commands.add_parser("show", help="print every op with its probability, argument and sign")
    show.add_argument("pipeline", help="for example 'randaugment(3, 4)|crop(4)|flip|cutout(16)'")
    flags = parser.parse_args(words)
    try:
        print(table(flags.pipeline))
    except ValueError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

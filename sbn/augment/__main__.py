"""`python -m sbn.augment show 'randaugment(3, 4)|crop(4)'`: what a pipeline string means, as a table."""

import argparse
import dataclasses
import sys
from collections.abc import Sequence

from sbn.augment import ops
from sbn.augment.levels import LEVELS, argument
from sbn.augment.pipeline import format, format_value, parse
from sbn.augment.policies import OP_LISTS, SIGNED

Row = tuple[str, str, str, str]
_HEADER: Row = ("op", "probability", "argument", "sign")


def _policy_rows(op: ops.RandAugment) -> list[Row]:
    names = OP_LISTS[op.ops]
    rows: list[Row] = []
    for name in names:
        value, unit = argument(name, op.magnitude), LEVELS[name][1]
        sign = "+ or -, 1/2 each" if name in SIGNED else "as is" if value is not None else "no argument"
        text = "" if value is None else f"{value:.4g} {unit}"
        rows.append((f"  {name}", f"1/{len(names)} a layer", text, sign))
    return rows


def _rows(op: ops.Op) -> list[Row]:
    arguments = ", ".join(f"{f.name}={format_value(getattr(op, f.name))}" for f in dataclasses.fields(op))
    if isinstance(op, ops.RandAugment):
        return [(op.name, "1", arguments, f"drawn anew in each of {op.layers} layers"), *_policy_rows(op)]
    probability = f"{op.probability:g}" if isinstance(op, ops.Flip) else "1"
    return [(op.name, probability, arguments, "as is")]


def table(text: str) -> str:
    """Returns the aligned table of a pipeline string, one line an op, in the order in which they run.

    Raises:
        ValueError: what `parse` raises.
    """
    pipeline = parse(text)
    rows = [_HEADER, *(row for op in pipeline for row in _rows(op))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([format(pipeline), "", *lines])


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

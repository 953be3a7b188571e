"""Pipeline strings: `'randaugment(3, 4)|crop(4)|flip|cutout(16)'` <-> a tuple of checked ops, run left to right.

A pipeline string is a Python expression of calls with literal arguments joined by `|`; Python's own parser reads it, so
that quotes, commas and parentheses need no care, and nothing is ever evaluated but literals.
"""

import ast
import dataclasses
from typing import Any

from sbn.augment.ops import OPS, Op
from sbn.config.errors import unknown


def parse(text: str) -> tuple[Op, ...]:
    """Reads a pipeline string; `''` and `'none'` are the empty pipeline.

    Raises:
        ValueError: one line that names the bad op, argument or value, the choices and the nearest of them.
    """
    if text.strip() in ("", "none"):
        return ()
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        message = f"pipeline {text!r} is not a list of ops joined by '|'; ops: {', '.join(OPS)}"
        raise ValueError(message) from error
    return tuple(_op(node) for node in _links(tree))


def _links(node: ast.expr) -> list[ast.expr]:
    links: list[ast.expr] = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        links.append(node.right)
        node = node.left
    return [node, *reversed(links)]


def _op(node: ast.expr) -> Op:
    call = node if isinstance(node, ast.Call) else ast.Call(func=node, args=[], keywords=[])
    if not isinstance(call.func, ast.Name):
        raise unknown("op", ast.unparse(call.func), OPS)
    name = call.func.id
    if name not in OPS:
        raise unknown("op", name, OPS)
    cls = OPS[name]
    fields = {field.name: field for field in dataclasses.fields(cls)}
    if len(call.args) > len(fields):
        raise ValueError(f"{name} takes at most {len(fields)} arguments ({', '.join(fields)}), not {len(call.args)}")
    given: dict[str, Any] = {}
    for key, value in [*zip(fields, call.args, strict=False), *((word.arg, word.value) for word in call.keywords)]:
        if key is None or key not in fields:
            raise unknown(f"argument of {name}", key or "**", fields)
        if key in given:
            raise ValueError(f"{name}({key}) is given twice")
        given[key] = _literal(value, f"{name}({key})")
    missing = [key for key, field in fields.items() if field.default is dataclasses.MISSING and key not in given]
    if missing:
        raise ValueError(f"{name} needs {', '.join(missing)}: {name}({', '.join(fields)})")
    return cls(**given)


def _literal(node: ast.expr, what: str) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
        message = f"{what} is {ast.unparse(node)}; it must be a literal: a number, or a string in quotes"
        raise ValueError(message) from error


def format(ops: tuple[Op, ...]) -> str:
    """Returns the canonical string: `parse(format(ops)) == ops`, and equal pipelines give equal strings."""
    return "|".join(_format_op(op) for op in ops) or "none"


def _format_op(op: Op) -> str:
    words = []
    for field in dataclasses.fields(op):
        value = getattr(op, field.name)
        if field.default is dataclasses.MISSING:
            words.append(format_value(value))
        elif value != field.default:
            words.append(f"{field.name}={format_value(value)}")
    return f"{op.name}({', '.join(words)})" if words else op.name


def format_value(value: Any) -> str:
    """Returns an argument as a pipeline string writes it: `4`, `0.25`, `'mean'`."""
    return repr(int(value)) if isinstance(value, float) and value.is_integer() else repr(value)


def draws_needed(op: Op, image_size: tuple[int, int]) -> int:
    """Returns how many uint32 draws one image of (height, width) needs for `op`."""
    return op.draws_needed(image_size)


def draw_ranges(ops: tuple[Op, ...], image_size: tuple[int, int]) -> tuple[range, ...]:
    """Returns the draw indices of every op: consecutive, by position in the string."""
    ranges: list[range] = []
    start = 0
    for op in ops:
        ranges.append(range(start, start + draws_needed(op, image_size)))
        start = ranges[-1].stop
    return tuple(ranges)

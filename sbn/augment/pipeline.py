"""Pipeline strings: `'randaugment(3, 4)|crop(4)|flip|cutout(16)'` <-> a tuple of checked ops, run left to right.

A pipeline string is a Python expression of calls with literal arguments joined by `|`; Python's own parser reads it, so
that quotes, commas and parentheses need no care, and nothing is ever evaluated but literals. Ops of one's own are
named by their import path: `'crop(4)|my_project.ops:Tint(0.2)|flip'` (`sbn.augment.op.OwnOp`).
"""

import ast
import dataclasses
import itertools
import re
import warnings
import zlib
from collections.abc import Mapping
from typing import Any

from sbn.augment.op import load_own
from sbn.augment.ops import OPS, POLICIES, Op
from sbn.augment.size_ops import sizes
from sbn.augment.text import TOKEN_OPS
from sbn.config import numerals
from sbn.config.errors import ConfigError, shown, unknown
from sbn.config.imported import is_import_path

# A draw index has 32 bits: 6 of the op (its place in OPS, to which new ops are added at the end), 4 of its occurrence
# in the pipeline, 22 of the draw.
_OCCURRENCE_BITS, _DRAW_BITS = 4, 22
_OWN_CODES = 1 << 5  # how many of the 64 are for ops from elsewhere
# a string in quotes, or an import path outside of one
_PATH = re.compile(r"""'[^']*'|"[^"]*"|(?P<path>[A-Za-z_][\w.]*:[A-Za-z_][\w.]*)""")


def parse(text: str) -> tuple[Op, ...]:
    """Reads a pipeline string; `''` and `'none'` are the empty pipeline.

    Raises:
        ValueError: one line that names the bad op, argument or value, the choices and the nearest of them, and, of
            several ops, which one it is and where it starts.
    """
    if text.strip() in ("", "none"):
        return ()
    if joined := numerals.joined(text):
        raise ValueError(f"{shown(joined)} in {shown(text, most=160)} is not a number: write it without '_'")
    try:
        readable, paths = _without_paths(text.strip())
        with warnings.catch_warnings(action="ignore"):  # of what Python would say of it as a program
            tree = ast.parse(readable, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        known = ", ".join([*OPS, *TOKEN_OPS])
        reason = f": {error.msg}" if isinstance(error, SyntaxError) and "was never closed" in error.msg else ""
        message = f"{shown(text, most=160)} is not a list of ops joined by '|'{reason or f'; ops: {known}'}"
        raise ValueError(message) from error
    links, indent = _links(tree), len(text) - len(text.lstrip())
    ops = []
    for number, node in enumerate(links, start=1):
        try:
            ops.append(_op(node, paths))
        except ValueError as error:
            place = f"op {number} of {len(links)} (column {indent + node.col_offset + 1}): " if len(links) > 1 else ""
            raise type(error)(f"{place}{error}") from None
    _check_order(ops)
    return tuple(ops)


def parse_key(key: str, text: str) -> tuple[Op, ...]:
    """Returns the ops of the pipeline that stands under a key of the config.

    Raises:
        ConfigError: what `parse` says, behind the key and its value.
    """
    try:
        return parse(text)
    except ValueError as error:
        raise ConfigError(f"{key} = {text!r}: {error}") from None


def _without_paths(text: str) -> tuple[str, dict[int, str]]:
    """Returns the text with names in place of import paths, which Python can't read, and these by where they start."""
    paths: dict[int, str] = {}

    def name(found: re.Match[str]) -> str:
        if not found["path"]:  # a string in quotes
            return found[0]
        paths[found.start()] = found[0]
        return re.sub("[.:]", "_", found[0])

    return _PATH.sub(name, text), paths


def _check_order(ops: list[Op]) -> None:
    for number, (before, after) in enumerate(itertools.pairwise(ops), start=1):
        if before.where != "image" and after.where == "image":
            raise ValueError(
                f"op {number + 1} of {len(ops)}: {after.name} comes after {before.name}; write {after.name} before it: "
                f"{before.name} always runs last, in the training step"
            )


def _links(node: ast.expr) -> list[ast.expr]:
    links: list[ast.expr] = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        links.append(node.right)
        node = node.left
    return [node, *reversed(links)]


def _op(node: ast.expr, paths: Mapping[int, str]) -> Op:
    call = node if isinstance(node, ast.Call) else ast.Call(func=node, args=[], keywords=[])
    named = {**OPS, **TOKEN_OPS}
    if not isinstance(call.func, ast.Name):
        raise unknown("op", _written(call.func), named)
    name = paths.get(call.func.col_offset, call.func.id)
    if is_import_path(name):
        cls: type[Op] = load_own(name)
    elif name in named:
        cls = named[name]
    else:
        raise unknown("op", name, named)
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


def _written(node: ast.expr) -> str:
    """What stands in the text, cut where that takes more than a line."""
    try:
        text = ast.unparse(node)
    except (ValueError, RecursionError):  # of numbers, and of nesting, that Python reads but can't write
        return "something too long to be shown"
    return text if len(text) <= 200 else f"{text[:200]}..."


def _literal(node: ast.expr, what: str) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
        message = (
            f"{what} is {_written(node)}; it must be a literal: a number, a pair of numbers, or a string in quotes"
        )
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
    """Returns an argument as a pipeline string writes it: `4`, `0.25`, `'mean'`, `(0.08, 1)`."""
    if isinstance(value, tuple):
        return f"({', '.join(map(format_value, value))})"
    return repr(int(value)) if isinstance(value, float) and value.is_integer() else repr(value)


def draws_needed(op: Op, image_size: tuple[int, int]) -> int:
    """Returns how many uint32 draws one image of (height, width) needs for `op`."""
    return op.draws_needed(image_size)


def draw_addresses(ops: tuple[Op, ...], image_size: tuple[int, int], *, more: int = 0) -> tuple[range, ...]:
    """Returns the draw indices of every op: addressed by the op's name and by how many of that name stand before it.

    So two pipelines that differ elsewhere still make the same draws for, say, their first `crop`: views that share a
    stream of draws get the same crop, wherever in the string it stands.

    Args:
        ops: the pipeline.
        image_size: (height, width) of the images that go in.
        more: draws of every policy beyond those that it needs itself.

    Raises:
        ValueError: an op stands there too often, or needs too many draws, for its addresses.
    """
    found = []
    for op, start, size in zip(ops, addresses(ops), sizes(ops, image_size), strict=False):  # the last is of the result
        count = draws_needed(op, size)
        if count > 1 << _DRAW_BITS:
            raise ValueError(f"pipeline {format(ops)!r} has images too large for the draws of {op.name}")
        found.append(range(start, start + count + (more if isinstance(op, POLICIES) else 0)))
    return tuple(found)


def addresses(ops: tuple[Op, ...]) -> tuple[int, ...]:
    """Returns the first draw index of every op.

    Raises:
        ValueError: an op stands there too often for its addresses.
    """
    codes = {name: code for code, name in enumerate(OPS)}
    seen: dict[int, int] = {}
    found: list[int] = []
    for op in ops:
        # Ops from elsewhere, and those on no image, have the upper half of the codes. Should two of them meet at one,
        # they count together.
        code = codes[op.name] if op.name in codes else _OWN_CODES + zlib.crc32(op.name.encode()) % _OWN_CODES
        occurrence = seen.get(code, 0)
        seen[code] = occurrence + 1
        if occurrence >= 1 << _OCCURRENCE_BITS:
            raise ValueError(f"pipeline {format(ops)!r} has too many {op.name} ops")
        found.append((code << _OCCURRENCE_BITS | occurrence) << _DRAW_BITS)
    return tuple(found)


def streams(ops: tuple[Op, ...], own: int, other_ops: tuple[Op, ...], other: int) -> tuple[int, ...]:
    """Returns the stream of draws of every op of a view that shares those of another view.

    Ops that both have, by name and by how many of that name stand before them, draw from the other's stream: the same
    crop, the same partners. The rest draw from the view's own.

    Args:
        ops: the view's pipeline.
        own: number of its stream.
        other_ops: the other view's pipeline.
        other: number of that one's stream.
    """
    shared = set(_occurrences(other_ops))
    return tuple(other if occurrence in shared else own for occurrence in _occurrences(ops))


def _occurrences(ops: tuple[Op, ...]) -> list[tuple[str, int]]:
    names = [op.name for op in ops]
    return [(name, names[:place].count(name)) for place, name in enumerate(names)]

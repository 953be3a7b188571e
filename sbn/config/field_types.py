"""Whether the fields of a dataclass, which a user filled in, are of the types that it declares for them."""

import math
import types
import typing
from collections.abc import Mapping
from typing import Any

_WORDS = {str: "a string", bool: "True or False", int: "a whole number", float: "a number", type(None): "None"}


def wrong_field(thing: Any) -> tuple[str, Any, str] | None:
    """Returns the first field that is of another type: its name, its value, and words for what it should be.

    Known are the types of tables, rows and claims: text, numbers (finite ones), truth, None, tuples and mappings of
    these, and classes. None where all are right.

    Args:
        thing: of a dataclass.
    """
    for name, kind in typing.get_type_hints(type(thing)).items():
        if not _fits(getattr(thing, name), kind):
            return name, getattr(thing, name), _words(kind)
    return None


def _fits(value: Any, kind: Any) -> bool:
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return True
    if origin in (types.UnionType, typing.Union):
        return any(_fits(value, one) for one in inner)
    if origin is tuple:
        return isinstance(value, tuple) and all(_fits(one, inner[0]) for one in value)
    if origin is Mapping:
        return isinstance(value, Mapping) and all(
            _fits(key, inner[0]) and _fits(one, inner[1]) for key, one in value.items()
        )
    if kind in (int, float):
        known = isinstance(value, int | float if kind is float else int) and not isinstance(value, bool)
        return known and abs(value) < 2**63 and math.isfinite(value)
    return isinstance(value, kind)


def _words(kind: Any) -> str:
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        return " or ".join(map(_words, inner))
    if origin is tuple:
        return f"a tuple, each of it {_words(inner[0])}"
    if origin is Mapping:
        return "a dict with names" if inner[1] is Any else f"a dict, each value of it {_words(inner[1])}"
    return _WORDS.get(kind, f"a {kind.__name__}")

"""Kinds of values that files of runs hold. A kind is a function that returns the value, or raises `Wrong`."""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

Kind = Callable[[str, Any], Any]  # (name of the field, value) -> the value as callers get it


ABSENT: Final = object()


class Wrong(ValueError):
    """A value that is not of its kind. The message names the field."""


def _wrong(name: str, value: Any, wanted: str) -> Wrong:
    shown = repr(value)
    return Wrong(f"{name!r} is {shown if len(shown) <= 60 else shown[:57] + '...'}, not {wanted}")


def anything(name: str, value: Any) -> Any:
    """Takes any value."""
    return value


def text(name: str, value: Any) -> str:
    """Takes a string."""
    if not isinstance(value, str):
        raise _wrong(name, value, "a text")
    return value


def truth(name: str, value: Any) -> bool:
    """Takes True or False."""
    if not isinstance(value, bool):
        raise _wrong(name, value, "true or false")
    return value


def whole(name: str, value: Any) -> int:
    """Takes a whole number."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong(name, value, "a whole number")
    return value


def count(name: str, value: Any) -> int:
    """Takes a whole number from 0 on."""
    if whole(name, value) < 0:
        raise _wrong(name, value, "0 or more")
    return value


def number(name: str, value: Any) -> float:
    """Takes a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _wrong(name, value, "a finite number")
    return value


def measurement(name: str, value: Any) -> float:
    """Takes any number; null, as some writers put it, is NaN."""
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(name, value, "a number")
    return float(value)


def optional(kind: Kind) -> Kind:
    """Returns the kind that takes null as well."""
    return lambda name, value: None if value is None else kind(name, value)


def mapping(of: Kind = anything) -> Kind:
    """Returns the kind of objects all of whose values are of one kind."""

    def check(name: str, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _wrong(name, value, "an object")
        return {key: of(f"{name}.{key}", each) for key, each in value.items()}

    return check


def listing(of: Kind = anything) -> Kind:
    """Returns the kind of lists all of whose values are of one kind."""

    def check(name: str, value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise _wrong(name, value, "a list")
        return [of(f"{name}[{place}]", each) for place, each in enumerate(value)]

    return check


def span(name: str, value: Any) -> list[int]:
    """Takes [steps before, steps after] of a stage."""
    if not isinstance(value, list) or len(value) != 2 or not 0 <= count(name, value[0]) <= count(name, value[1]):
        raise _wrong(name, value, "[steps before, steps after]")
    return value


def record(required: Mapping[str, Kind], **others: tuple[Kind, Any]) -> Kind:
    """Returns the kind of objects with fields of different kinds; fields of other names are taken as they are.

    Args:
        required: what must be there.
        others: (kind, what stands for it where it is missing) of what may be missing; with ABSENT nothing does.
    """

    def check(name: str, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _wrong(name, value, "an object") if name else Wrong("it holds no object")
        inside = f"{name}." if name else ""
        if missing := [key for key in required if key not in value]:
            raise Wrong(f"no {inside + missing[0]!r} in it")
        found = {key: required[key](inside + key, each) if key in required else each for key, each in value.items()}
        for key, (kind, otherwise) in others.items():
            if key in value or otherwise is not ABSENT:
                found[key] = kind(inside + key, value[key]) if key in value else otherwise
        return found

    return check

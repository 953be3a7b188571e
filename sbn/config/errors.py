"""One-line errors that name the bad value, the choices, and the nearest of them."""

import difflib
from collections.abc import Hashable, Iterable, Sequence
from typing import TypeVar

Value = TypeVar("Value", bound=Hashable)

_LONGEST = 200  # characters of a name that are compared with others, which takes a time that grows with their square
_SHOWN = 12  # choices that are listed: all, or the nearest


class ConfigError(ValueError):
    """The experiment as written can't be run. The message is one line, made for the person at the terminal."""


def shown(value: object, *, most: int = 200) -> str:
    """Returns a value as Python writes it, cut where that takes more than a line; of huge numbers their length."""
    if isinstance(value, int) and value.bit_length() > 200:
        return f"a number of about {int(value.bit_length() * 0.30103)} digits"
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # Python spells out no number of more than 4300 digits
        return f"a {type(value).__name__} that is too long to be shown"
    return text if len(text) <= most else f"{text[:most]}..."


def first_repeated(values: Iterable[Value]) -> Value | None:
    """Returns the first value that has been there before; None if every value is there once."""
    seen: set[Value] = set()
    for value in values:
        if value in seen:
            return value
        seen.add(value)
    return None


def _nearest(given: str, names: Sequence[str]) -> str:
    """The name that was most likely meant; '' if none is near."""
    near = next(iter(difflib.get_close_matches(given, names, n=1, cutoff=0.5)), "")
    # 'split_batchnorm' is 'split' with something added, although it shares more letters with 'split_stats'
    begun = max((name for name in names if given.startswith(f"{name}_")), key=len, default="")
    return near if not begun or near.startswith(given[: len(begun) + 2]) else begun


def unknown(what: str, value: object, choices: Iterable[object], *, beside: str = "") -> ConfigError:
    """Returns the error for a `value` that is none of the `choices`, nor what `beside` says is allowed too."""
    names, given = sorted(str(choice) for choice in choices), str(value)[:_LONGEST]
    nearest = _nearest(given, names)
    hint = f"; did you mean {nearest!r}?" if nearest else ""
    listed = names if len(names) <= _SHOWN else difflib.get_close_matches(given, names, n=_SHOWN, cutoff=0)
    some = ", ".join(listed) + (f", and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
    return ConfigError(f"unknown {what} {shown(str(value))}{hint} (choices: {some or 'none'}{beside})")

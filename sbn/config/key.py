"""The declaration of a config key, and the check of its values."""

import dataclasses
import sys
from collections.abc import Callable
from typing import Any

from sbn.config import durations
from sbn.config.errors import ConfigError, shown, unknown


@dataclasses.dataclass(frozen=True)
class Key:
    """One declared key.

    Attributes:
        name: dotted name; `*` stands for the name of a view, or, at the end, for any name that the user chooses.
        kind: one of `KINDS`.
        default: the value of a config that does not say otherwise.
        doc: what it means, with its unit.
        choices: the only values allowed, unless `open` says otherwise; empty for no such limit.
        open: which values are allowed beside `choices`: import paths; None for no others.
        low: the smallest value allowed (of each element).
        high: the largest value allowed (of each element); of whole numbers 2**31 - 1 at the most.
        optional: whether None is a value, meaning what `doc` says.
        per_stage: whether a stage may have its own value, as `stage.NAME.<name>`.
        models: the values of `model.name` that read it; empty for all built-in ones.
        tasks: the values of `task` that read it; empty for all.
    """

    name: str
    kind: str
    default: Any
    doc: str
    choices: tuple[Any, ...] = ()
    open: Callable[[Any], bool] | None = None
    low: float | None = None
    high: float | None = None
    optional: bool = False
    per_stage: bool = False
    models: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()

    @property
    def free(self) -> bool:
        """Whether it stands for keys that the user names, as `model.args.*`; they have no default."""
        return self.name.endswith(".args.*")


def is_number(value: Any) -> bool:
    """Returns whether a value is a finite number that a float can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= sys.float_info.max  # an int may be larger than any float; nan compares as False


def _is_literal(value: Any) -> bool:
    """Whether a value is one that Python writes as a literal and JSON can store; a dict is written as dotted keys."""
    if isinstance(value, tuple):
        return all(map(_is_literal, value))
    return value is None or isinstance(value, bool | str) or is_number(value)


KINDS: dict[str, Callable[[Any], bool]] = {
    "bool": lambda value: isinstance(value, bool),
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "float": is_number,
    "str": lambda value: isinstance(value, str),
    "duration": lambda value: isinstance(value, str),
    "names": lambda value: isinstance(value, tuple) and all(isinstance(item, str) for item in value),
    "ints": lambda value: isinstance(value, tuple) and all(KINDS["int"](item) for item in value),
    "floats": lambda value: isinstance(value, tuple) and all(is_number(item) for item in value),
    "durations": lambda value: isinstance(value, tuple) and all(isinstance(item, str) for item in value),
    "literal": _is_literal,
}


def check_value(key: Key, value: Any, *, name: str) -> None:
    """Raises a `ConfigError` unless `value` may stand under `key`, called `name` in the message."""
    if value is None and key.optional:
        return
    if not KINDS[key.kind](value):
        or_none = " or None" if key.optional else ""
        raise ConfigError(f"{name} = {shown(value)} is of the wrong type: it takes {_KIND_WORDS[key.kind]}{or_none}")
    items = value if isinstance(value, tuple) else (value,)
    for item in items:
        if isinstance(item, str) and any("\ud800" <= letter <= "\udfff" for letter in item):  # undecoded bytes
            raise ConfigError(f"{name} = {shown(value)} is not UTF-8 in this locale: set PYTHONUTF8=1")
        if key.choices and item not in key.choices and not (key.open is not None and key.open(item)):
            beside = "; or one of your own, package.module:Name" if key.open else ""
            raise unknown(f"value of {name}", item, key.choices, beside=beside)
        if key.low is not None and not item >= key.low:
            raise ConfigError(f"{name} = {shown(value)} is too small: the least is {key.low:g}")
        if (most := _most(key)) is not None and item > most:
            raise ConfigError(f"{name} = {shown(value)} is too large: the most is {most}")
        if key.kind in ("duration", "durations"):
            try:
                durations.parse(item)
            except ConfigError as error:
                raise ConfigError(f"{name}: {error}") from None


def _most(key: Key) -> float | None:
    whole = key.kind in ("int", "ints")  # counted in 32 bits wherever arrays hold them
    return min(filter(None, (key.high, 2**31 - 1 if whole else None)), default=None)


_KIND_WORDS = {
    "bool": "True or False",
    "int": "a whole number",
    "float": "a finite number",
    "str": "a string",
    "duration": "a duration such as '200 epochs'",
    "names": "a tuple of names",
    "ints": "a tuple of whole numbers",
    "floats": "a tuple of finite numbers",
    "durations": "a tuple of durations such as ('60 epochs', '120 epochs')",
    "literal": "None, True, False, a finite number, a string, or a tuple of these (of a dict, write name.key=value)",
}

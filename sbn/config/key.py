"""What a declared key is, and which values it takes."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

from sbn.config import durations
from sbn.config.errors import ConfigError, unknown


@dataclasses.dataclass(frozen=True)
class Key:
    """One declared key.

    Attributes:
        name: dotted name; `*` stands for the name of a view.
        kind: one of `KINDS`.
        default: the value of a config that does not say otherwise.
        doc: what it means, with its unit.
        choices: the only values allowed; empty for no such limit.
        low: the smallest value allowed (of each element).
        optional: whether None is a value, meaning what `doc` says.
        per_stage: whether a stage may have its own value, as `stage.NAME.<name>`.
        models: the values of `model.name` that read it; empty for all.
    """

    name: str
    kind: str
    default: Any
    doc: str
    choices: tuple[Any, ...] = ()
    low: float | None = None
    optional: bool = False
    per_stage: bool = False
    models: tuple[str, ...] = ()


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


KINDS: dict[str, Callable[[Any], bool]] = {
    "bool": lambda value: isinstance(value, bool),
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "float": _number,
    "str": lambda value: isinstance(value, str),
    "duration": lambda value: isinstance(value, str),
    "names": lambda value: isinstance(value, tuple) and all(isinstance(item, str) for item in value),
    "ints": lambda value: isinstance(value, tuple) and all(KINDS["int"](item) for item in value),
    "floats": lambda value: isinstance(value, tuple) and all(_number(item) for item in value),
    "durations": lambda value: isinstance(value, tuple) and all(isinstance(item, str) for item in value),
}


def check_value(key: Key, value: Any, *, name: str) -> None:
    """Raises a `ConfigError` unless `value` may stand under `key`, called `name` in the message."""
    if value is None and key.optional:
        return
    if not KINDS[key.kind](value):
        or_none = " or None" if key.optional else ""
        raise ConfigError(f"{name} = {value!r} is of the wrong type: it takes {_KIND_WORDS[key.kind]}{or_none}")
    items = value if isinstance(value, tuple) else (value,)
    for item in items:
        if key.choices and item not in key.choices:
            raise unknown(f"value of {name}", item, key.choices)
        if key.low is not None and not item >= key.low:
            raise ConfigError(f"{name} = {value!r} is too small: the least is {key.low:g}")
        if key.kind in ("duration", "durations"):
            try:
                durations.parse(item)
            except ConfigError as error:
                raise ConfigError(f"{name}: {error}") from None


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
}

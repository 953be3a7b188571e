"""Keys that runs stored before the schema gave them up, and what they say today."""

from collections.abc import Callable, Mapping
from typing import Any

from sbn.config.evaluation import ANALYSES, rhythm_key

# The old key -> the keys, with their values, that say what a value of it said
_NEW: dict[str, Callable[[Any], Mapping[str, Any]]] = {
    "eval.long_every": lambda value: {rhythm_key(name): value for name in ANALYSES},
}


def renewed(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a stored config, flat, with today's keys in the place of old ones; those that are there stay."""
    new: dict[str, Any] = {}
    for name, value in flat.items():
        new |= _NEW[name](value) if name in _NEW else {}
    return {**new, **{name: value for name, value in flat.items() if name not in _NEW}}

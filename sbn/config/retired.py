"""Retired config keys that old runs have stored, and the keys that replace them."""

from collections.abc import Callable, Mapping
from typing import Any

from sbn.config.evaluation import ANALYSES, rhythm_key

# Old key -> function from its value to the new keys with their values
_NEW: dict[str, Callable[[Any], Mapping[str, Any]]] = {
    "eval.long_every": lambda value: {rhythm_key(name): value for name in ANALYSES},
}


def renewed(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a stored flat config with retired keys replaced by today's; keys of today that it already has win."""
    new: dict[str, Any] = {}
    for name, value in flat.items():
        new |= _NEW[name](value) if name in _NEW else {}
    return {**new, **{name: value for name, value in flat.items() if name not in _NEW}}

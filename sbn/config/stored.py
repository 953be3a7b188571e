"""The config that a run stored, held against the one that its row gives now."""

from collections.abc import Collection, Mapping
from typing import Any

from sbn.config import tree
from sbn.config.schema import NEUTRAL

# Values that were stored before the default became None, 'the network's own', which is the same
_SPELT_OUT = {("model.shortcut", "pool_pad")}


def differences(
    stored: Mapping[str, Any], stated: Mapping[str, Any], *, passed_over: Collection[str] = ()
) -> dict[str, tuple[Any, Any]]:
    """Returns {key: (stored, stated)} where they differ in what is learned or measured.

    Args:
        stored: nested, as JSON gives it back. A key that it lacks was not there when the run was made, and has its
            default, which is what the code did then; one of a stage has what the run says for all stages.
        stated: flat.
        passed_over: keys that need not agree.
    """
    there = tree.flatten(stored)
    for name in stated:
        shared = _without_stage(name)
        there.setdefault(name, there.get(shared, tree.key_of(shared).default))
    found = tree.difference(there, stated)
    return {
        name: (old, new)
        for name, (old, new) in found.items()
        if not (_without_stage(name) in NEUTRAL or name in passed_over or (new is None and (name, old) in _SPELT_OUT))
    }


def _without_stage(name: str) -> str:
    """The key that says for all stages what `name` may say for one."""
    return name.split(".", 2)[2] if name.startswith("stage.") else name

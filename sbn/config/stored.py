"""What a run stored, held against its row as it is now: the config, and the run that it began from."""

from collections.abc import Collection, Mapping
from typing import Any

from sbn.config import tree
from sbn.config.errors import ConfigError
from sbn.config.key import check_value
from sbn.config.retired import renewed
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
    there = as_today(stored)
    there |= {name: tree.value_of(there, name) for name in stated if name not in there}
    found, trained = tree.difference(there, stated), _views(there) | _views(stated)
    return {
        name: (old, new)
        for name, (old, new) in found.items()
        if not (
            (plain := _without_stage(name)) in NEUTRAL
            or name in passed_over
            or (new is None and (name, old) in _SPELT_OUT)
            or (plain.startswith("views.") and plain.split(".")[1] not in trained)
        )
    }


def as_today(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a stored config, nested as JSON gives it back, flat, with values as they would be stored today."""
    return {name: _canonical(name, value) for name, value in renewed(tree.flatten(stored)).items()}


def other_source(init: Any, *, experiment: str, needed: str | None) -> str:
    """Returns a line on what a run began from, where that is known to be of another row than it needs; else ''.

    Args:
        init: what its init.json holds, None of a run that began from nothing; older ones do not say whose run it was.
        experiment: of the run.
        needed: the row whose run it needs; None for none.
    """
    source = init.get("source") if isinstance(init, Mapping) else None
    if not needed or not isinstance(source, Mapping) or source.get("row") is None:
        return ""
    if (source.get("experiment"), source["row"]) == (experiment, needed):
        return ""
    name = f"{source.get('experiment')}:{source['row']}" if source["row"] else "no row"
    return f"it began from {init.get('from')}, a run of {name}, and needs one of {experiment}:{needed}"


def _canonical(name: str, value: Any) -> Any:
    """A stored value as it would be stored today; one that is no longer allowed stays as it is."""
    try:
        key = tree.key_of(name)
        check_value(key, value, name=name)
    except ConfigError:
        return value
    return tree.canonical(key, value)


def _views(flat: Mapping[str, Any]) -> set[str]:
    """The views that some stage of a run trains on; what a config says of others means nothing."""
    return {view for name, views in flat.items() if _without_stage(name) == "branches" for view in views}


def _without_stage(name: str) -> str:
    """The key that says for all stages what `name` may say for one."""
    return name.split(".", 2)[2] if name.startswith("stage.") else name

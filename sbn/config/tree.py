"""A config as a flat dict of dotted names, checked against the schema, and as the ConfigDict that code reads."""

import ast
import difflib
import warnings
from collections.abc import Mapping
from typing import Any, Final

from ml_collections import ConfigDict

from sbn.config import beside, durations, numerals
from sbn.config.data_keys import OF_VIEWS
from sbn.config.errors import ConfigError, shown, unknown
from sbn.config.key import Key, check_value
from sbn.config.retired import renewed
from sbn.config.schema import BY_NAME, KEYS

Flat = dict[str, Any]
UNSET = "(not set)"

# What keys are called elsewhere, and whose names look nothing like those here
_CALLED: Final = {
    "augmentation": "views.main.augment",
    "dataset": "data.name",
    "epochs": "duration",
    "learning_rate": "optim.lr",
    "lr": "optim.lr",
    "network": "model.name",
    "num_epochs": "duration",
    "optimizer": "optim.name",
    "steps": "duration",
}


def defaults() -> Flat:
    """Returns every declared key with its default, with one view, `main`."""
    return {key.name.replace("*", "main"): key.default for key in KEYS if not key.free}


def key_of(name: str) -> Key:
    """Returns the declaration of a dotted `name`, which may belong to a view or to a stage.

    Raises:
        ConfigError: if nothing of that name is declared; it names the nearest.
    """
    if name.startswith("stage."):
        _, stage, inner = [*name.split(".", 2), "", ""][:3]
        allowed = [key.name for key in KEYS if key.per_stage]
        try:
            key = key_of(inner)
        except ConfigError:
            key = None
        if key is None or not key.per_stage:
            raise unknown("config key", name, [f"stage.{stage}.{other}" for other in allowed])
        return key
    parts = name.split(".")
    if len(parts) > 2 and (free := BY_NAME.get(".".join([*parts[:2], "*"]))) is not None and free.free:
        if not all(map(str.isidentifier, parts[2:])):
            raise ConfigError(f"{name!r} is not a config key: what follows {'.'.join(parts[:2])} must be a name")
        return free
    if is_of_view_data(name):
        return _key_of_view_data(name)
    template = ".".join(["views", "*", *parts[2:]]) if parts[0] == "views" and len(parts) > 2 else name
    if template not in BY_NAME or "*" in name:
        if parts[0] == "views" and len(parts) > 2:
            raise unknown(
                "config key", name, [k.name.replace("*", parts[1]) for k in KEYS if k.name.startswith("views.")]
            )
        explained = f"{beside.shown('python -m sbn.list')} --keys explains every key"
        near = difflib.get_close_matches(parts[-1][:100], _CALLED, n=1, cutoff=0.8)
        if near and not difflib.get_close_matches(name[:100], BY_NAME, n=1, cutoff=0.8):
            raise ConfigError(f"unknown config key {shown(name)}; did you mean {_CALLED[near[0]]!r}? ({explained})")
        names = [key.name.replace("*", "main") for key in KEYS if not key.free]
        raise unknown("config key", name, names, beside=f"; {explained}")
    return BY_NAME[template]


def is_of_view_data(name: str) -> bool:
    """Whether a key is of the data of one view, `views.NAME.data.KEY`: it has no default, and stands only if given."""
    parts = name.split(".")
    return len(parts) > 3 and parts[0] == "views" and parts[2] == "data"


def _key_of_view_data(name: str) -> Key:
    """The declaration of the data key that a view has its own value of."""
    view, inner = name.split(".")[1], name.split(".", 2)[2]
    try:
        key = key_of(inner)
    except ConfigError:
        key = None
    if key is None or key.name not in OF_VIEWS:
        raise unknown("config key", name, [f"views.{view}.{other}" for other in OF_VIEWS])
    return key


def changed(flat: Flat, changes: Mapping[str, Any]) -> Flat:
    """Returns `flat` with `changes` made, every one checked. A new view starts from the defaults of a view.

    Raises:
        ConfigError: for an unknown key, a wrong type or a value out of range.
    """
    flat = dict(flat)
    for name, given in changes.items():
        key = key_of(name)
        value = _tuples(given)
        check_value(key, value, name=name)
        if name.startswith("views."):
            view = name.split(".")[1]
            for other in KEYS:
                if other.name.startswith("views."):
                    flat.setdefault(other.name.replace("*", view), other.default)
        flat[name] = canonical(key, value)
    for name in [name for name in changes if key_of(name).free]:
        if inner := next((other for other in flat if other.startswith(f"{name}.")), None):
            raise ConfigError(f"{name} and {inner} can't both be given: one is a value, the other a part of it")
    return flat


def canonical(key: Key, value: Any) -> Any:
    """Returns a value of `key` in the one form of all that mean the same: 1 as 1.0, '5epochs' as '5 epochs'."""
    if value is None:
        return None
    if key.kind == "float":
        return float(value)
    if key.kind == "duration":
        return str(durations.parse(value))
    return tuple(str(durations.parse(item)) for item in value) if key.kind == "durations" else value


def _tuples(value: Any) -> Any:
    """`value` with every list in it made a tuple, as JSON gives none."""
    return tuple(map(_tuples, value)) if isinstance(value, list | tuple) else value


def value_of(flat: Mapping[str, Any], name: str) -> Any:
    """Returns what a flat config says for `name`: of a stage's key that it lacks, what it says for all stages.

    A free key that nobody gave is `UNSET`.
    """
    if name in flat:
        return flat[name]
    shared = name.split(".", 2)[2] if name.startswith("stage.") else name
    key = key_of(shared)
    return flat.get(shared, UNSET if key.free or is_of_view_data(shared) else key.default)


def repeats(flat: Mapping[str, Any], name: str, value: Any) -> bool:
    """Returns whether `value` is what a flat config says for `name` anyway; of a view that it lacks it says nothing."""
    shared = name.split(".", 2)[2] if name.startswith("stage.") else name
    if shared.startswith("views.") and not any(known.startswith(shared.rpartition(".")[0] + ".") for known in flat):
        return False
    return bool(value_of(flat, name) == value)


def literal(name: str, text: str) -> Any:
    """Returns the value that `text`, from a command line, means for the key called `name`."""
    key = key_of(name)
    if key.optional and text in ("None", "none", "null"):
        return None
    if key.kind in ("str", "duration"):
        return text
    if key.kind == "literal":
        return _tuples(_evaluate(text))
    if key.kind in ("names", "ints", "floats", "durations") and not text.lstrip().startswith(("(", "[")):
        items = [item.strip() for item in split_commas(text) if item.strip()]
        return tuple(items) if key.kind in ("names", "durations") else tuple(_evaluate(item) for item in items)
    value = _evaluate({"true": "True", "false": "False"}.get(text, text))
    if key.kind == "int" and isinstance(value, float) and value.is_integer():
        return int(value)  # 1e3 is a whole number, however it is written
    return tuple(value) if isinstance(value, list) else value


def split_commas(text: str) -> list[str]:
    """Returns what stands between the commas of `text`; those inside brackets or quotes belong to what they are in."""
    parts, depth, quote = [""], 0, ""
    for char in text:
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char in "([":
            depth += 1
        elif char in ")]":
            depth -= 1
        if char == "," and depth == 0 and not quote:
            parts.append("")
        else:
            parts[-1] += char
    return parts


def _evaluate(text: str) -> Any:
    if numerals.joined(text):  # a name, or a mistake
        return text
    try:
        with warnings.catch_warnings(action="ignore"):  # of what Python would say of it as a program
            return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text  # the type check names it


def to_config(flat: Mapping[str, Any]) -> ConfigDict:
    """Returns the nested, locked ConfigDict; `views`, `stage` and the places of free keys are always there."""
    nested: dict[str, Any] = {"stage": {}, "views": {}}
    for owner in (key.name.split(".")[0] for key in KEYS if key.free):
        nested[owner] = {"args": {}}
    for name, value in flat.items():
        *parents, leaf = name.split(".")
        node = nested
        for parent in parents:
            node = node.setdefault(parent, {})
        node[leaf] = value
    return ConfigDict(nested).lock()


def flatten(config: ConfigDict | Mapping[str, Any], prefix: str = "") -> Flat:
    """Returns the flat form of a nested config; lists become tuples, so that JSON reads back."""
    flat: Flat = {}
    for name in config:
        value = config[name]
        if isinstance(value, ConfigDict | Mapping):
            flat.update(flatten(value, f"{prefix}{name}."))
        else:
            flat[prefix + name] = _tuples(value)
    return flat


def checked(config: ConfigDict | Mapping[str, Any]) -> ConfigDict:
    """Returns `config`, however it was made, with every key declared, of the right type, and none missing.

    Raises:
        ConfigError: naming the first key that is not so.
    """
    given = renewed(flatten(config))
    return to_config(changed(defaults(), given))


def stage_config(config: ConfigDict, stage: str) -> ConfigDict:
    """Returns what `config` says for one stage: the same keys, with the stage's own values in place."""
    if not config.stage:
        return config
    flat = flatten(config)
    prefix = f"stage.{stage}."
    own = {name.removeprefix(prefix): value for name, value in flat.items() if name.startswith(prefix)}
    shared = {name: value for name, value in flat.items() if not name.startswith("stage.")}
    return to_config(changed(shared, own))


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Returns {name: (old value, new value)} of two flat configs; a key that one lacks shows as `UNSET`."""
    names = [*old, *(name for name in new if name not in old)]
    pairs = {name: (old.get(name, UNSET), new.get(name, UNSET)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def branch_names(config: ConfigDict) -> tuple[str, ...]:
    """Returns the branches of the model, in the order of the K axis: all views of all stages, or one if they share it.

    The first branch carries the name of the first view also where all views share one BatchNorm.
    """
    names: list[str] = []
    for stage in config.stages:
        names.extend(name for name in stage_config(config, stage).branches if name not in names)
    return tuple(names[:1]) if config.norm.kind in ("shared", "none") else tuple(names)

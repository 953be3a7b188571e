"""Examples of a function of the user's own, `data.name = 'package.module:function'`: called and looked at."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from sbn.config import imported
from sbn.config.errors import ConfigError, shown, unknown
from sbn.data.encoded import Encoded, ImageFiles
from sbn.data.examples import Examples, Feature, InMemory, in_memory


def examples_of_function(data: ConfigDict, split: str) -> Examples | ImageFiles:
    """Returns what the function gives for a split, 'train' or 'test'.

    Raises:
        ConfigError: one line, if it can't be imported or called, or gives no examples.
    """
    make = imported.load(data.name, key="data.name")
    offered = {"split": split, "data": data}
    found = imported.call(make, data.args.to_dict(), key="data.args", name=data.name, offered=offered)
    if isinstance(found, Encoded | ImageFiles):
        return found
    what = f"data.name = {data.name!r}, {split}"
    _check(found, data.name, what)
    if "image" in found.features:
        return in_memory(_loaded(found, np.arange(len(found)), what), name=what, features=found.features)
    if type(found) is InMemory:  # made by hand, perhaps
        return in_memory(found.arrays, name=what, features=found.features)
    if not isinstance(found, InMemory):  # they stay where they are: whether they are what they say, some of them show
        some = np.arange(min(len(found), 2))
        in_memory(_loaded(found, some, what), name=what, features=found.features)
    examples: Examples = found
    return examples


def _check(found: Any, name: str, what: str) -> None:
    """Refuses what can't be called as examples are, such as their class, or says what can't be."""
    missing = [part for part in ("features", "fingerprint", "load", "__len__") if not hasattr(found, part)]
    if missing or isinstance(found, type):
        kind = f"the class {found.__name__}" if isinstance(found, type) else f"a {type(found).__name__}"
        lacking = f" without {', '.join(missing)}" if missing else ""
        raise ConfigError(
            f"data.name = {name!r} returned {kind}{lacking}, not examples: "
            "sbn.data.examples.in_memory makes them of arrays"
        )
    features = found.features
    if not isinstance(features, Mapping) or not all(isinstance(one, Feature) for one in features.values()):
        raise ConfigError(f"{what}: features is {shown(features)}, not a Feature of sbn.data.examples by each name")
    try:
        len(found)
    except Exception as error:
        raise ConfigError(f"{what}: the number of examples is not known: {imported.reason(error)}") from None


def _loaded(examples: Examples, ids: np.ndarray, what: str) -> dict[str, np.ndarray]:
    """Examples by name of the feature, all that they say that they have."""
    try:
        arrays = examples.load(ids)
    except Exception as error:
        raise ConfigError(f"{what}: load fails: {imported.reason(error)}") from None
    if not isinstance(arrays, Mapping):
        raise ConfigError(f"{what}: load returned a {type(arrays).__name__}, not arrays by name")
    for name in examples.features:
        if name not in arrays:
            raise unknown(f"feature: {what}: load returned arrays that lack", name, arrays)
        count = len(arrays[name]) if hasattr(arrays[name], "__len__") else None
        if count != len(ids):
            raise ConfigError(f"{what}: load returned {'none' if count is None else count} of {len(ids)} {name!r}")
    return {name: arrays[name] for name in examples.features}

"""Which of an example's features a network is given, and which it is held against."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from sbn.data.examples import Feature
from sbn.data.pixels import pack

INPUTS = ("image", "tokens")


def inputs_and_targets(
    arrays: Mapping[str, np.ndarray], features: Mapping[str, Feature]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns examples as they are evaluated: images, packed, and tokens are inputs, everything else is a target.

    Args:
        arrays: (n, ...) by name of the feature.
        features: what they are.
    """
    inputs, targets = dict[str, Any](), dict[str, Any]()
    for name, array in arrays.items():
        kind = features[name].kind
        if kind in INPUTS:
            inputs[name] = pack(array) if kind == "image" else array
        else:
            targets[name] = array
    return inputs, targets

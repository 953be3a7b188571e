"""Which arrays belong to which branch or mix, and how these are called and coloured in every figure."""

from collections.abc import Mapping

import numpy as np

Arrays = Mapping[str, np.ndarray]

# Okabe and Ito's, which the colour-blind tell apart
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")


def values(arrays: Arrays, metric: str) -> dict[str, np.ndarray]:
    """Returns the arrays called `split/NAME/metric`, by NAME: branches and mixes, in their order."""
    parts = {tuple(name.split("/")): array for name, array in arrays.items()}
    return {name[1]: array for name, array in parts.items() if len(name) == 3 and name[2] == metric}


def titled(name: str) -> str:
    """Returns what a branch or mix is called in a figure."""
    return f"mix, λ = {name.removeprefix('mix_')}" if name.startswith("mix_") else name

"""`optim.frozen`: parts of the network that a stage of training leaves as they are."""

from collections.abc import Sequence
from typing import Any

import jax
from flax import traverse_util

from sbn.config.errors import ConfigError, unknown
from sbn.train.parts import names_part


def is_frozen(params: Any, patterns: Sequence[str]) -> Any:
    """Returns a tree like `params` of Python bools: True for parameters that a pattern matches.

    Args:
        params: tree of the network's parameters.
        patterns: of names of modules, 'stem*', or of paths, 'stage1_block1/conv1'; '*' is any text.
    """
    flat = traverse_util.flatten_dict(dict(params))
    return traverse_util.unflatten_dict({path: any(names_part(pattern, path) for pattern in patterns) for path in flat})


def stop_gradients(params: Any, patterns: Sequence[str]) -> Any:
    """Returns `params` with the gradient stopped at frozen ones, so that none is computed for them."""
    if not patterns:
        return params
    return jax.tree.map(
        lambda leaf, frozen: jax.lax.stop_gradient(leaf) if frozen else leaf,
        dict(params),
        is_frozen(params, patterns),
    )


def check_frozen(params: Any, patterns: Sequence[str]) -> None:
    """Raises a `ConfigError` if a pattern names no part of the network, or nothing is left to train.

    Args:
        params: tree of the network's parameters, or of their shapes.
        patterns: of `optim.frozen`.
    """
    flat = traverse_util.flatten_dict(dict(params))
    for pattern in patterns:
        if not any(names_part(pattern, path) for path in flat):
            raise unknown("part of the network in optim.frozen:", pattern, sorted({path[0] for path in flat}))
    if patterns and all(jax.tree.leaves(is_frozen(params, patterns))):
        raise ConfigError(f"optim.frozen = {tuple(patterns)} matches all parameters: nothing is left to train")

"""Variables of a network with flax's BatchNorm as those of the same network with branch norms, and back.

Both networks call their layers the same, as the networks of `nn.branched` do; but where flax numbers layers by their
class, `BatchNorm_3` of the one is `BranchNorm_3` of the other.
"""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from flax import traverse_util

from sbn.nn.branches import check_indices

Variables = Mapping[str, Any]
Flat = dict[tuple[str, ...], Any]

_OURS, _FLAXS = "BranchNorm_", "BatchNorm_"


def from_batch_norm(variables: Variables, *, like: Variables) -> dict[str, Any]:
    """Loads a checkpoint of a plain network into one with branch norms: every branch starts as the plain BatchNorm.

    Args:
        variables: of the network with `flax.linen.BatchNorm`; leaves of shape (C,) where branches have (K, C).
        like: of the network with `BranchNorm`: its variables, or their shapes from `jax.eval_shape(model.init, ...)`.

    Returns:
        `params` and `batch_stats` with the names, shapes and types of `like`; new buffers.

    Raises:
        ValueError: the two are not the same network; names the first leaf that one lacks or that has another shape.
    """
    plain, wanted = _flat(variables), _flat(like)
    _check_same({_renamed(path, _OURS, _FLAXS): path for path in wanted}, plain)
    loaded = {}
    for path, leaf in wanted.items():
        value = plain[_renamed(path, _OURS, _FLAXS)]
        if leaf.shape not in (value.shape, (*leaf.shape[:1], *value.shape)):
            raise ValueError(f"{'/'.join(path)} has shape {leaf.shape}, and {value.shape} in the plain network")
        loaded[path] = jnp.array(jnp.broadcast_to(value, leaf.shape), leaf.dtype, copy=True)
    return traverse_util.unflatten_dict(loaded)


def to_batch_norm(variables: Variables, k: int, *, like: Variables) -> dict[str, Any]:
    """Branch k as the variables of the plain network: what `from_batch_norm` undoes.

    Args:
        variables: of the network with `BranchNorm`.
        k: the branch.
        like: of the network with `flax.linen.BatchNorm`, or their shapes.

    Raises:
        ValueError: k is no branch, or the two are not the same network.
    """
    ours, wanted = {_renamed(path, _OURS, _FLAXS): leaf for path, leaf in _flat(variables).items()}, _flat(like)
    _check_same({path: path for path in wanted}, ours)
    loaded = {}
    for path, leaf in wanted.items():
        value = ours[path]
        if value.shape != leaf.shape:  # it has an axis of branches
            if value.shape[1:] != leaf.shape:
                raise ValueError(f"{'/'.join(path)} has shape {leaf.shape}, and {value.shape[1:]} in branch {k}")
            check_indices([k], len(value))
            value = value[k]
        loaded[path] = jnp.array(value, leaf.dtype, copy=True)
    return traverse_util.unflatten_dict(loaded)


def _flat(variables: Variables) -> Flat:
    return traverse_util.flatten_dict(dict(variables))


def _renamed(path: tuple[str, ...], old: str, new: str) -> tuple[str, ...]:
    return tuple(new + part.removeprefix(old) if part.startswith(old) else part for part in path)


def _check_same(wanted: Mapping[tuple[str, ...], Any], there: Flat) -> None:
    for name, odd in (("lacks", wanted.keys() - there.keys()), ("has besides", there.keys() - wanted.keys())):
        if odd:
            raise ValueError(f"not the same network: the given one {name} {'/'.join(min(odd))}")

"""The K axis: of arrays (fold, unfold, spread) and of variables (select, take, put, from plain).

The K axis of a variable is always the first. Which variables have one is a `Layout`: `nn.branched` knows it exactly.
Where nobody gives one, the rule of `layout_of` holds: every leaf of `batch_stats`, and in `params` every leaf named
`scale` or `bias` of two dimensions, (K, C), unless a `kernel` stands beside it (an attention projection has a
two-dimensional bias). Any subset of the two collections will do.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util

from sbn.config.errors import unknown

Array = jax.Array
Variables = Mapping[str, Any]
Path = tuple[str, ...]
# The paths, from the collection on, of the leaves that have a K axis
Layout = frozenset[Path]

COLLECTIONS = ("params", "batch_stats")
AFFINE = ("scale", "bias")


def check_axis(x: Array, branches: int, *, layer: str) -> None:
    """Raises a ValueError that names `layer` unless `x` is (N, K, *spatial, C) of K `branches`."""
    if x.ndim < 3 or x.shape[1] != branches:
        raise ValueError(
            f"input of shape {x.shape}, but this {layer} has {branches} branches and takes (N, {branches}, *spatial, C)"
        )


def fold(x: Array) -> Array:
    """(N, K, ...) -> (N*K, 1, ...): every view an example of one branch. This is shared BatchNorm."""
    return x.reshape(x.shape[0] * x.shape[1], 1, *x.shape[2:])


def unfold(x: Array, branches: int) -> Array:
    """(N*K, 1, ...) -> (N, K, ...) for K `branches`: undoes `fold`.

    Raises:
        ValueError: the second axis is not 1, or `branches` does not divide the first.
    """
    if x.ndim < 2 or x.shape[1] != 1 or branches < 1 or x.shape[0] % branches:
        raise ValueError(f"shape {x.shape} is not (N*{branches}, 1, ...) and can't be unfolded")
    return x.reshape(x.shape[0] // branches, branches, *x.shape[2:])


def spread(x: Array, branches: int) -> Array:
    """(N, ...) -> (N, K, ...): the same example under each of K `branches`, for evaluation."""
    return jnp.broadcast_to(x[:, None], (x.shape[0], branches, *x.shape[1:]))


def layout_of(variables: Variables) -> Layout:
    """The leaves with a K axis, by the rule for variables whose network is not at hand."""
    flat = _flatten(variables)
    return frozenset(path for path in flat if _has_branch_axis(path, flat))


def branch_count(variables: Variables, *, layout: Layout | None = None) -> int:
    """K of `variables`; 0 where nothing in them has a K axis (no normalisation: all branches are the same).

    Raises:
        ValueError: unknown collection, or leaves that disagree about K.
    """
    flat, own = _flatten(variables), layout_of(variables) if layout is None else layout
    counts = {"/".join(path): leaf.shape[0] for path, leaf in flat.items() if path in own}
    if len(set(counts.values())) > 1:
        raise ValueError(f"leaves disagree about the number of branches: {counts}")
    return next(iter(counts.values()), 0)


def select_branch(variables: Variables, k: int, *, layout: Layout | None = None) -> dict[str, Any]:
    """Branch k alone: every K axis cut to length 1, the rest as it is.

    With a model of one branch the result gives the logits of branch k: a plain network to evaluate, export or
    fine-tune.

    Raises:
        ValueError: k is not a branch.
    """
    check_indices([k], branch_count(variables, layout=layout))
    return _map(lambda leaf: leaf[k : k + 1], variables, layout=layout)


def plain_branch(variables: Variables, k: int, *, layout: Layout | None = None) -> dict[str, Any]:
    """Branch k without K axes: the variables of the plain module that `nn.branched` was given.

    Raises:
        ValueError: k is not a branch.
    """
    check_indices([k], branch_count(variables, layout=layout))
    return _map(lambda leaf: leaf[k], variables, layout=layout)


def repeated(plain: Variables, branches: int, *, layout: Layout) -> dict[str, Any]:
    """Variables of K `branches` that all are the plain module's: the inverse of `plain_branch`.

    Args:
        plain: without K axes.
        branches: K, at least 1.
        layout: the leaves that get a K axis.
    """
    return _map(lambda leaf: jnp.stack([leaf] * branches), plain, layout=layout)


def from_plain(variables: Variables, branches: int, *, layout: Layout | None = None) -> dict[str, Any]:
    """Variables of `branches` branches that all start from a one-branch network's, K axes of length 1.

    The inverse of `select_branch`. All leaves are new buffers, so that the result can be donated.

    Raises:
        ValueError: `variables` have more than one branch, or `branches` is below 1.
    """
    if branches < 1:
        raise ValueError(f"branches {branches} is below 1")
    if (count := branch_count(variables, layout=layout)) > 1:
        raise ValueError(f"expected the variables of a plain network (1 branch), these have {count}")
    many = _map(lambda leaf: jnp.concatenate([leaf] * branches), variables, layout=layout)
    return jax.tree.map(lambda leaf: jnp.array(leaf, copy=True), many)


def take_branches(variables: Variables, indices: Sequence[int], *, layout: Layout | None = None) -> dict[str, Any]:
    """The rows `indices` of every K axis, in that order; the rest as it is.

    Differentiable: rows left out get gradient zero. With `put_branches` a stage or a forward pass that is
    about some of the branches reads and writes only their rows, with `model.clone(branches=len(indices))`.

    Args:
        variables: of K branches.
        indices: branches, each at most once.
        layout: the leaves with a K axis, where it is known.

    Raises:
        ValueError: an index is no branch or stands twice.
    """
    check_indices(indices, branch_count(variables, layout=layout))
    rows = np.asarray(indices, np.int32)
    return _map(lambda leaf: leaf[rows], variables, layout=layout)


def put_branches(
    variables: Variables, new: Variables, indices: Sequence[int], *, layout: Layout | None = None
) -> dict[str, Any]:
    """`variables` with `new` written back: the counterpart of `take_branches`.

    Args:
        variables: of K branches.
        new: of len(indices) branches, with all or some of the collections of `variables`. Its leaves replace
            those of `variables`, except that K axes are replaced at the rows `indices` only.
        indices: as for `take_branches`.
        layout: likewise.

    Raises:
        ValueError: an index is no branch or stands twice, or `new` has other branches than `indices` names.
    """
    layout = layout_of(variables) if layout is None else layout
    check_indices(indices, branch_count(variables, layout=layout))
    if (count := branch_count(new, layout=layout)) not in (0, len(indices)):
        raise ValueError(f"{count} new branches for {len(indices)} indices {list(indices)}")
    if absent := sorted(set(new) - set(variables)):
        raise ValueError(f"no {absent[0]!r} among the variables to write to, which have {sorted(variables)}")
    updated, at = {name: variables[name] for name in new}, {k: place for place, k in enumerate(indices)}

    def written_to(leaf: Array, rest: Array) -> Array:
        # Rows put together cost TPUs one op a leaf, however many passes write theirs; writing into a leaf is one each.
        rows = [rest[at[k]] if k in at else leaf[k] for k in range(len(leaf))]
        return jnp.stack(rows).astype(leaf.dtype)

    written = _map(written_to, updated, new, layout=layout)
    return {**variables, **written}


def put_plain(variables: Variables, new: Variables, k: int, *, layout: Layout) -> dict[str, Any]:
    """`variables` with those of the plain module written to branch k: the counterpart of `plain_branch`.

    Args:
        variables: of K branches.
        new: without K axes, some of the collections.
        k: the branch.
        layout: the leaves with a K axis.
    """
    return put_branches(variables, _map(lambda leaf: leaf[None], new, layout=layout), [k], layout=layout)


def _map(
    change: Callable[..., Any], variables: Variables, *others: Variables, layout: Layout | None = None
) -> dict[str, Any]:
    """`change(leaf, other leaves)` where there is a K axis; elsewhere the last of these leaves."""
    flat, own = _flatten(variables), layout_of(variables) if layout is None else layout
    rest = [_flatten(other) for other in others]
    for other in rest:
        if odd := sorted("/".join(path) for path in flat.keys() ^ other.keys()):
            raise ValueError(f"the two sets of variables differ in {', '.join(odd)}")
    changed = {}
    for path, leaf in flat.items():
        leaves = [leaf, *(other[path] for other in rest)]
        changed[path] = change(*leaves) if path in own else leaves[-1]
    return traverse_util.unflatten_dict(changed)


def _flatten(variables: Variables) -> dict[Path, Any]:
    for name in variables:
        if name not in COLLECTIONS:
            raise unknown("collection of variables", name, COLLECTIONS)
    return traverse_util.flatten_dict(dict(variables), keep_empty_nodes=True)


def _has_branch_axis(path: Path, flat: Mapping[Path, Any]) -> bool:
    """Whether the first axis of `flat[path]` is K (the rule at the top of this file)."""
    if flat[path] is traverse_util.empty_node:
        return False
    if path[0] == "batch_stats":
        return True
    beside_kernel = (*path[:-1], "kernel") in flat
    return path[-1] in AFFINE and flat[path].ndim == 2 and not beside_kernel


def check_indices(indices: Sequence[int], count: int) -> None:
    """Raises a ValueError unless `indices` are different ones of `count` branches."""
    # Without a K axis all branches are the same network, and any of them can be had.
    if wrong := [k for k in indices if k < 0 or (count and k >= count)]:
        raise ValueError(f"branch {wrong[0]} is not one of {', '.join(map(str, range(count)))}")
    if len(set(indices)) != len(indices):
        raise ValueError(f"branch indices {list(indices)} name a branch twice")

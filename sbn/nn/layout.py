"""Which variables of a plain module get a K axis: those that belong to normalisation, found by running its `init`."""

import dataclasses
import fnmatch
import functools
import inspect
from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
from flax import traverse_util

from sbn.nn.branches import AFFINE, COLLECTIONS, Layout, Path

# flax's own layers that normalise, with statistics or without
NORMALISING = (nn.BatchNorm, nn.LayerNorm, nn.RMSNorm, nn.GroupNorm, nn.InstanceNorm)

# What modules call the argument that tells training from evaluation -> its value in training
MODES = {"train": True, "training": True, "is_training": True, "deterministic": False, "use_running_average": False}


def mode_arguments(network: nn.Module, *, train: bool) -> dict[str, bool]:
    """Returns the arguments that put a module into training or evaluation mode; {} if its call has none of `MODES`."""
    taken = inspect.signature(type(network).__call__).parameters
    return {name: value if train else not value for name, value in MODES.items() if name in taken}


def find_layout(
    network: nn.Module,
    inputs: tuple[Any, ...],
    more: Mapping[str, Any],
    *,
    split_affine: bool = True,
    own: tuple[str, ...] | None = None,
) -> Layout:
    """Returns the leaves of a module's variables that get a K axis.

    They are every leaf of `batch_stats`; and if `split_affine` those of `params` that are named scale or bias and stand
    in a scope with statistics, and those that `own` says. Nothing is computed: only shapes are.

    Args:
        network: without branches.
        inputs: of one view, arrays or their shapes.
        more: further arguments by name; only those that the module insists on are looked at.
        split_affine: whether `params` have such leaves at all.
        own: patterns (`fnmatch`) of names such as 'block1/LayerNorm_0/scale', which get a K axis; None: the parameters
            of the layers `NORMALISING`.

    Raises:
        ValueError: variables of other collections than `params` and `batch_stats`, statistics in a module whose call
            does not say whether it trains, or a pattern that no parameter has.
    """
    asked = inspect.signature(type(network).__call__).parameters
    needed = {name: more[name] for name in more if name in asked and asked[name].default is inspect.Parameter.empty}
    leaves, form = jax.tree.flatten((inputs, needed))
    count = len(jax.tree.leaves(inputs))
    shapes = tuple(_Shape.of(leaf, axes=1 if number < count else 0) for number, leaf in enumerate(leaves))
    try:
        return _found(network.clone(parent=None, name=None), form, shapes, split_affine, own)
    except TypeError as error:
        if "unhashable" not in str(error):
            raise
        return _found.__wrapped__(network.clone(parent=None, name=None), form, shapes, split_affine, own)


@dataclasses.dataclass(frozen=True)
class _Shape:
    """The shape of an argument. How many examples it has decides nothing about a module's variables."""

    examples: tuple[int, ...] = dataclasses.field(compare=False)
    rest: tuple[int, ...]
    dtype: Any

    @classmethod
    def of(cls, leaf: Any, *, axes: int) -> "_Shape":
        return cls(leaf.shape[:axes], leaf.shape[axes:], leaf.dtype)

    def struct(self) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct((*self.examples, *self.rest), self.dtype)


@functools.lru_cache(maxsize=256)
def _found(
    network: nn.Module, form: Any, shapes: tuple[_Shape, ...], split_affine: bool, own: tuple[str, ...] | None
) -> Layout:
    scopes: set[Path] = set()

    def note(call: Any, args: Any, kwargs: Any, context: nn.module.InterceptorContext) -> Any:
        if isinstance(context.module, NORMALISING):
            scopes.add(context.module.path)
        return call(*args, **kwargs)

    def init(key: jax.Array, leaves: Any) -> Any:
        inputs, needed = jax.tree.unflatten(form, leaves)
        return network.init(key, *inputs, **needed, **mode_arguments(network, train=False))

    structs = [shape.struct() for shape in shapes]
    with nn.intercept_methods(note):
        variables = jax.eval_shape(init, jax.eval_shape(lambda: jax.random.key(0)), structs)
    name = type(network).__name__
    if odd := sorted(set(variables) - set(COLLECTIONS)):
        raise ValueError(
            f"{name} keeps variables in {odd[0]!r}: only {' and '.join(COLLECTIONS)} are carried through training"
        )
    flat = traverse_util.flatten_dict(dict(variables))
    statistics = {path for path in flat if path[0] == "batch_stats"}
    if statistics and not mode_arguments(network, train=False):
        raise ValueError(f"{name}.__call__ has none of the arguments {', '.join(MODES)}, but running statistics")
    beside = {path[1:-1] for path in statistics}
    params = {path for path in flat if path[0] == "params"}
    affine = {path for path in params if path[1:-1] in beside and path[-1] in AFFINE}
    if own is None:
        affine |= {path for path in params if path[1:-1] in scopes}
    else:
        affine |= _matching(own, params, name)
    return frozenset(statistics | affine) if split_affine else frozenset(statistics)


def _matching(own: tuple[str, ...], params: set[Path], name: str) -> set[Path]:
    names = {"/".join(path[1:]): path for path in params}
    found: set[Path] = set()
    for pattern in own:
        matches = fnmatch.filter(names, pattern)
        if not matches:
            raise ValueError(
                f"own: no parameter of {name} is called {pattern!r}; it has {', '.join(sorted(names)[:6])} ..."
            )
        found |= {names[match] for match in matches}
    return found

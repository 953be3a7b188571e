"""Branches for any Flax module: it sees one view at a time and knows nothing of branches.

Every view makes a pass through the module, all in one program, with the row of the variables that belongs to the view's
branch. So a network is written, tested and read as for a single BatchNorm, and XLA sees the plain network's
activations: on TPUs a step with 128 images of a view on a chip costs 0.93 to 1.08 of one with a single BatchNorm, and
an axis of views several times that.
"""

from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from sbn.nn import branches as axes
from sbn.nn.branches import Layout
from sbn.nn.layout import find_layout, mode_arguments

Array = jax.Array


class Branched(nn.Module):
    """A module with K branches: K sets of statistics, scales and biases, and one of everything else.

    Variables have the names of the plain module's. Those that belong to normalisation have a first axis K, as those
    of `BranchNorm`: every leaf of `batch_stats` and, unless `split_affine` is False, in `params` every scale and bias
    that stands beside statistics or belongs to a layer of flax that normalises. At first all branches are alike.

    In training mode every view updates the statistics of its own branch, one view after the other. The first view
    draws from the keys in `rngs` as the plain module would, further ones from keys made of them and of their number.

    Attributes:
        network: `(N, ...) -> (N, ...)`. Its `__call__` has one of the arguments `train`, `training`, `is_training`,
            `deterministic`, `use_running_average`, or none if training and evaluation are the same to it. It may take
            several inputs, and return any tree of arrays.
        branches: K.
        split_affine: own scale and bias a branch (True), or one pair that all branches share.
        own: patterns of parameters with a K axis beside those of layers with statistics, as in `('*MyNorm*',)`. None:
            those of flax's LayerNorm, GroupNorm, RMSNorm and InstanceNorm.
    """

    network: nn.Module
    branches: int
    split_affine: bool = True
    own: tuple[str, ...] | None = None

    @nn.compact
    def __call__(self, *views: Any, train: bool, through: Sequence[int] | None = None, **more: Any) -> Any:
        """Sends every view through its branch.

        Args:
            views: for every input of the module an array (N, K, ...) or a tree of them; a tuple of K arrays (N, ...)
                where views differ in size.
            train: training mode; the caller makes `batch_stats` mutable.
            through: the branch of every view, one for each. None: 0 to K - 1.
            more: further arguments of the module by name, the same for all views.

        Returns:
            what the module returns, with the views after N: (N, K, ...); where sizes differ a tuple, one for each view.

        Raises:
            ValueError: another number of views than `through` has, no such branch, or a module that can't have
                branches (`nn.layout.find_layout`).
        """
        through = tuple(range(self.branches)) if through is None else tuple(through)
        if wrong := [k for k in through if not 0 <= k < self.branches]:
            raise ValueError(f"branch {wrong[0]} is not one of {', '.join(map(str, range(self.branches)))}")
        passes = [tuple(_view(view, number, len(through)) for view in views) for number in range(len(through))]
        layout = self.layout(*passes[0], **more)
        network, modes = self.network.clone(parent=None, name=None), mode_arguments(self.network, train=train)
        keys, outputs = self._keys(), []
        if self.is_initializing() and not self.variables:
            at_rest = mode_arguments(self.network, train=False)
            found, plain = network.init_with_output(keys, *passes[0], **at_rest, **more)
            self._begin(plain, layout)
            if modes == at_rest:  # the first view need not go through it once more
                outputs.append(found)
        variables = {name: self.variables.get(name, {}) for name in axes.COLLECTIONS}
        keeps = self.is_mutable_collection("batch_stats")
        for number, (branch, view) in list(enumerate(zip(through, passes, strict=True)))[len(outputs) :]:
            own = axes.plain_branch(variables, branch, layout=layout)
            rngs = {name: jax.random.fold_in(key, number) if number else key for name, key in keys.items()}
            mutable = ["batch_stats"] if keeps else []
            found, updates = network.apply(own, *view, **modes, **more, mutable=mutable, rngs=rngs)
            outputs.append(found)
            if updates.get("batch_stats"):
                variables = axes.put_plain(variables, updates, branch, layout=layout)
        if keeps and not self.is_initializing():
            self._put("batch_stats", variables["batch_stats"])
        return _together(outputs)

    @nn.nowrap
    def layout(self, *inputs: Any, **more: Any) -> Layout:
        """Returns the leaves of the variables that have a K axis.

        Args:
            inputs: of the plain module, for one view: arrays (N, ...) or their shapes.
            more: arguments that it insists on.
        """
        return find_layout(self.network, inputs, more, split_affine=self.split_affine, own=self.own)

    @nn.nowrap
    def _begin(self, plain: Any, layout: Layout) -> None:
        for collection, values in axes.repeated(dict(plain), self.branches, layout=layout).items():
            self._put(collection, values)

    @nn.nowrap
    def _put(self, collection: str, values: dict[str, Any]) -> None:
        for name, value in values.items():
            self.put_variable(collection, name, value)

    @nn.nowrap
    def _keys(self) -> dict[str, Array]:
        """The keys of `rngs` as they were given; inside of another module, keys of this one's own."""
        assert self.scope is not None
        if self.path:
            return {name: self.make_rng(name) for name in self.scope.rngs}
        return {name: key.as_jax_rng() for name, key in self.scope.rngs.items()}


def branched(
    module: nn.Module, *, branches: int, split_affine: bool = True, own: Sequence[str] | None = None
) -> Branched:
    """Returns `module` with K branches, as a Flax module: `init` and `apply` are used as always.

        model = branched(ResNet18(num_classes=10), branches=2)
        variables = model.init(key, views, train=False)                                   # views: (N, 2, H, W, 3)
        logits, updates = model.apply(variables, views, train=True, mutable=['batch_stats'])          # (N, 2, classes)
        main = model.apply(variables, images[:, None], train=False, through=(0,))[:, 0]

    Args:
        module: any linen module that takes one view at a time; see `Branched` for all arguments.
        branches: K.
        split_affine: whether every branch has scales and biases of its own.
        own: patterns of parameters that get a K axis.

    Raises:
        TypeError: `module` is no linen module.
        ValueError: `branches` is below 1.
    """
    if not isinstance(module, nn.Module):
        raise TypeError(f"{module!r} is not a flax.linen module")
    if branches < 1:
        raise ValueError(f"branches {branches} is below 1")
    return Branched(module, branches, split_affine, None if own is None else tuple(own))


def _view(views: Any, number: int, count: int) -> Any:
    """One of `count` views: (N, ...) of (N, K, ...), or of a tuple of K."""
    if isinstance(views, tuple):
        if len(views) != count:
            raise ValueError(f"{len(views)} views for a pass through {count} branches")
        return views[number]

    def column(x: Array) -> Array:
        if x.ndim < 2 or x.shape[1] != count:
            raise ValueError(f"views of shape {x.shape}, but {count} branches take (N, {count}, ...)")
        return x[:, number]

    return jax.tree.map(column, views)


def _together(outputs: Sequence[Any]) -> Any:
    """Trees of (N, ...) as one of (N, K, ...), or as a tuple where shapes differ."""
    shapes = {tuple(leaf.shape for leaf in jax.tree.leaves(output)) for output in outputs}
    if len(shapes) > 1:
        return tuple(outputs)
    return jax.tree.map(lambda *parts: jnp.stack(parts, axis=1), *outputs)

"""Modules that take the axis of views themselves, `(N, K, ...) -> (N, K, ...)`, behind the calls of `Branched`."""

from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax import traverse_util

from sbn.nn import branches as axes
from sbn.nn.branched import Branched
from sbn.nn.branches import Layout
from sbn.nn.layout import mode_arguments


class Native(Branched):
    """A module with a field `branches` and a K axis in its variables, as models with `BranchNorm` have them.

    All views of one size go through it together, so that it may do with them what it likes.

    Attributes:
        network: `(N, K, ...) -> (N, K, ...)` for `branches` = K. Which variables have a K axis is found by making it
            with one branch and with two.
    """

    @nn.compact
    def __call__(self, *views: Any, train: bool, through: Sequence[int] | None = None, **more: Any) -> Any:
        """As `Branched`, in one pass; views of one size only, each through another branch."""
        through = tuple(range(self.branches)) if through is None else tuple(through)
        network = self.network.clone(parent=None, name=None)
        layout, keys = self.layout(*views, **more), self._keys()
        if self.is_initializing() and not self.variables:
            one = jax.tree.map(lambda x: x[:, :1], views)
            modes = mode_arguments(network, train=False)
            fresh = network.clone(branches=1).init(keys, *one, **modes, **more)
            for collection, values in axes.from_plain(dict(fresh), self.branches, layout=layout).items():
                self._put(collection, values)
        variables = {name: self.variables.get(name, {}) for name in axes.COLLECTIONS}
        keeps = self.is_mutable_collection("batch_stats")
        found, updates = network.clone(branches=len(through)).apply(
            axes.take_branches(variables, through, layout=layout),
            *views,
            **mode_arguments(network, train=train),
            **more,
            mutable=["batch_stats"] if keeps else [],
            rngs=keys,
        )
        if keeps and updates.get("batch_stats") and not self.is_initializing():
            self._put("batch_stats", axes.put_branches(variables, updates, through, layout=layout)["batch_stats"])
        return found

    @nn.nowrap
    def layout(self, *inputs: Any, **more: Any) -> Layout:
        """Returns the leaves of the variables whose shape changes with the number of branches.

        Args:
            inputs: of any number of views: arrays (N, K, ...) or their shapes.
            more: arguments that the module insists on.
        """

        def shapes(branches: int) -> dict[tuple[str, ...], Any]:
            network = self.network.clone(parent=None, name=None, branches=branches)
            few = [
                jax.tree.map(lambda x: jax.ShapeDtypeStruct((x.shape[0], branches, *x.shape[2:]), x.dtype), view)
                for view in inputs
            ]
            modes = mode_arguments(network, train=False)
            made = jax.eval_shape(lambda key: network.init(key, *_zeros(few), **modes, **more), jax.random.key(0))
            return {path: leaf.shape for path, leaf in traverse_util.flatten_dict(dict(made)).items()}

        one, two = shapes(1), shapes(2)
        return frozenset(path for path, shape in one.items() if two.get(path) != shape)


def _zeros(shapes: Any) -> Any:
    return jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)

"""A module of flax.nnx as one of flax.linen, so that it can have branches as any other network."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
import jax
from flax import nnx, traverse_util

from sbn.nn.layout import MODES

# nnx's layers that normalise without running statistics
_NORMALISING = (nnx.LayerNorm, nnx.RMSNorm, nnx.GroupNorm, nnx.InstanceNorm)
_STREAM = "dropout"  # of linen's keys, which all random numbers of the module come from in training


class FromNnx(nn.Module):
    """A module of flax.nnx whose parameters and running statistics are this module's `params` and `batch_stats`.

    Every call makes the module's form anew, puts the variables in, and takes the statistics out; within jit only the
    module's own arithmetic is left of that.

    Attributes:
        make: the module, of its `rngs`. Its `__call__` takes (N, ...) and may take one of the arguments of `MODES`;
            nnx's `train()` and `eval()` tell its layers, too.
    """

    make: Callable[[nnx.Rngs], nnx.Module]

    @nn.compact
    def __call__(self, *inputs: Any, train: bool) -> Any:
        """Returns what the module returns.

        Raises:
            ValueError: the module keeps variables that are neither parameters nor statistics of a batch.
        """
        if self.is_initializing() and not self.variables:
            module = self.make(nnx.Rngs(self.make_rng("params")))
            for name, values in _variables(module).items():
                for part, value in values.items():
                    self.put_variable(name, part, value)
        else:
            module = nnx.eval_shape(lambda: self.make(nnx.Rngs(0)))
            _fill(module, dict(self.variables), self.make_rng(_STREAM) if self.has_rng(_STREAM) else jax.random.key(0))
        modes = inspect.signature(type(module).__call__).parameters
        told = {name: value if train else not value for name, value in MODES.items() if name in modes}
        (module.train if train else module.eval)()
        outputs = module(*inputs, **told)
        if self.is_mutable_collection("batch_stats") and not self.is_initializing():
            for part, value in _variables(module).get("batch_stats", {}).items():
                self.put_variable("batch_stats", part, value)
        return outputs

    @property
    def per_branch(self) -> tuple[str, ...] | None:
        """Patterns of the parameters that are a branch's own, beside those of layers with statistics."""
        module = nnx.eval_shape(lambda: self.make(nnx.Rngs(0)))
        if (own := getattr(module, "per_branch", None)) is not None:
            return tuple(own)
        layers = ["/".join(map(str, path)) for path, one in nnx.iter_modules(module) if isinstance(one, _NORMALISING)]
        return tuple(f"{layer}/*" for layer in layers) or None


def _variables(module: nnx.Module) -> dict[str, dict[str, Any]]:
    """{'params', 'batch_stats'} of a module, without those that are empty."""
    _, params, stats, _keys, rest = nnx.split(module, nnx.Param, nnx.BatchStat, nnx.RngState, ...)
    if others := list(nnx.to_flat_state(rest)):
        name = "/".join(map(str, others[0][0]))
        kind = type(others[0][1]).__name__
        raise ValueError(
            f"{type(module).__name__} keeps {name}, a variable of the kind {kind}: only Param and BatchStat are "
            "carried through training"
        )
    found = {"params": _named(params), "batch_stats": _named(stats)}
    return {name: values for name, values in found.items() if values}


def _named(state: nnx.State) -> dict[str, Any]:
    """Nested dicts whose keys are strings, as linen has them: nnx counts the parts of a list."""
    flat = traverse_util.flatten_dict(nnx.to_pure_dict(state))
    return traverse_util.unflatten_dict({tuple(map(str, path)): leaf for path, leaf in flat.items()})


def _fill(module: nnx.Module, variables: Mapping[str, Any], key: jax.Array) -> None:
    """Puts arrays into a module of shapes: variables, and random keys of this call."""
    given = {path[1:]: leaf for path, leaf in traverse_util.flatten_dict(dict(variables)).items()}
    state = nnx.state(module)
    for number, (path, variable) in enumerate(nnx.to_flat_state(state)):
        if isinstance(variable, nnx.RngKey):
            value = jax.random.fold_in(key, number)
        elif isinstance(variable, nnx.RngState):
            value = jax.numpy.zeros(variable.get_value().shape, variable.get_value().dtype)
        else:
            value = given[tuple(map(str, path))]
        variable.set_value(value)
    nnx.update(module, state)

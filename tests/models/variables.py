"""Inputs and variables for the tests of networks, and the small version of each that they use."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np

from sbn.models.make import MODELS
from sbn.nn.branched import Branched
from sbn.nn.branches import plain_branch

K = 2
SMALL = {
    "wide_resnet": {"depth": 10, "width": 1},
    "preact_resnet": {"depth": 10, "width": 4},
    "shake_shake": {"depth": 8, "width": 4},
    "cifar_resnet": {"depth": 8, "width": 4},
    "imagenet_resnet": {"depth": 14, "width": 4},
    "pdarts": {"depth": 8, "width": 2},
}


def small(name, *, branches=K, norm="split", **changes):
    return made(MODELS[name], branches=branches, norm=norm, **{"classes": 5, **SMALL[name], **changes})


def made(network, *, branches=1, norm="split", **fields):
    """A network of the class `network` with branches, by the words of `norm.kind`."""
    plain = network(norm="none" if norm == "none" else "batch", **fields)
    return Branched(plain, branches, split_affine=norm == "split")


def images(size=8, n=3, branches=K, seed=0):
    size = (size, size) if isinstance(size, int) else size
    return jnp.asarray(np.random.default_rng(seed).normal(size=(n, branches, *size, 3)), jnp.float32)


@functools.cache
def shapes_of(network, size=32):
    x = jnp.zeros((1, network.branches, size, size, 3))
    return jax.eval_shape(lambda: network.init(jax.random.key(0), x, train=False))


def count(tree):
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(tree))


def parameters(name, **fields):
    """Number of parameters of a network of one branch."""
    return count(shapes_of(made(MODELS[name], **fields))["params"])


def random_variables(network, size=8, seed=1):
    """Every leaf random, so that a layer left out or taken twice shows; activations stay O(1)."""
    rng = np.random.default_rng(seed)

    def draw(path, leaf):
        if path[-1].key == "kernel":
            values = rng.normal(size=leaf.shape) / math.sqrt(math.prod(leaf.shape[:-1]))
        else:
            values = rng.uniform(0.5, 1.5, leaf.shape)
        return jnp.asarray(values, jnp.float32)

    return jax.tree_util.tree_map_with_path(draw, shapes_of(network, size))


def initial(network, x, seed=0):
    # this generator compiles in a third of the time
    return jax.jit(lambda key: network.init(key, x, train=False))(jax.random.key(seed, impl="rbg"))


@functools.partial(jax.jit, static_argnums=0)
def apply(network, variables, x):
    """Logits with running statistics; what is alike is traced and compiled once."""
    return network.apply(variables, x, train=False)


def plain(variables, k):
    """Branch k alone as float64 arrays without a K axis."""
    return jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), plain_branch(variables, k))

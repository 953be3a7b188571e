"""K plain networks and the same network with K branches, to compare one with the other."""

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from sbn.nn.layout import MODES
from tests.nn.public_networks import Dropped, Transformer

N, K, SIZE = 6, 3, 8
KEY = jax.random.key(5)


def views(seed=0, count=K):
    rng = np.random.default_rng(seed)
    spread = rng.uniform(0.5, 2, (1, count, 1, 1, 3))
    return jnp.asarray(rng.normal(size=(N, count, SIZE, SIZE, 3)) * spread + spread, jnp.float32)


def is_own(path, scopes, *, split_affine=True):
    """Written down here, not asked of the code."""
    named = any(part.startswith(scope) for part in path for scope in scopes)
    return path[0] == "batch_stats" or (split_affine and named)


def separate_networks(network, scopes, *, split_affine=True):
    """Variables of K plain networks: random, different in what is a branch's own, the same in the rest."""
    mode = (
        "deterministic" if isinstance(network, Transformer) else "training" if isinstance(network, Dropped) else "train"
    )
    shapes = jax.eval_shape(lambda: network.init(KEY, views()[:, 0], **{mode: MODES[mode] is False}))
    rng = np.random.default_rng(1)

    def draw(leaf):
        return jnp.asarray(rng.uniform(0.2, 1.0, leaf.shape), jnp.float32)

    first = {path: draw(leaf) for path, leaf in flatten_dict(shapes).items()}
    every = [
        {path: draw(leaf) if is_own(path, scopes, split_affine=split_affine) else leaf for path, leaf in first.items()}
        for _ in range(K)
    ]
    return [unflatten_dict(flat) for flat in every], mode


def together(networks, scopes, *, split_affine=True):
    """The same as variables of one network of K branches."""
    flats = [flatten_dict(variables) for variables in networks]
    return unflatten_dict(
        {
            path: jnp.stack([flat[path] for flat in flats]) if is_own(path, scopes, split_affine=split_affine) else leaf
            for path, leaf in flats[0].items()
        }
    )

"""The layers that normalise, by the words of a config: whose they are, and what every branch has of its own.

Outputs are O(1) and sums of at most a few hundred float32 terms: 5e-6 is some forty float32 epsilons, and a hundredth
of what a wrong epsilon or a neighbouring group would change.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sbn.nn.branched import branched
from sbn.nn.norms import make_norm

N, K, H, W, C = 3, 2, 4, 5, 6
EPSILON, CLOSE = 1e-3, 5e-6


class One(nn.Module):
    """A module of one layer that normalises."""

    layer: str
    groups: int = 3
    dtype: object = jnp.float32

    @nn.compact
    def __call__(self, x, *, train):
        norm = make_norm(self.layer, groups=self.groups, epsilon=EPSILON, dtype=self.dtype)
        return norm(x, train=train, name="norm")


def images():
    rng = np.random.default_rng(0)
    return jnp.asarray(rng.normal(size=(N, K, H, W, C)) * rng.uniform(0.5, 2, C) + rng.normal(size=C), jnp.float32)


def affine(shape):
    rng = np.random.default_rng(1)
    return {"params": {"norm": {name: rng.uniform(0.5, 2, shape).astype(np.float32) for name in ("scale", "bias")}}}


@pytest.mark.parametrize(("layer", "groups"), [("layer", 3), ("group", 3), ("group", 1)])
@pytest.mark.parametrize("split", [True, False])
def test_groups_are_neighbouring_channels_of_one_image_and_scales_a_branchs(layer, groups, split):
    """float64, loops, nothing shared with the layer."""
    x, variables = images(), affine((K, C) if split else (C,))
    y = branched(One(layer, groups), branches=K, split_affine=split).apply(variables, x, train=True)
    want, x = np.empty(x.shape), np.asarray(x, np.float64)
    for n, k in np.ndindex(N, K):
        if layer == "layer":
            parts = [(n, k, i, j) for i, j in np.ndindex(H, W)]
        else:
            parts = [(n, k, slice(None), slice(None), slice(c, c + C // groups)) for c in range(0, C, C // groups)]
        for part in parts:
            want[part] = (x[part] - x[part].mean()) / np.sqrt(x[part].var() + EPSILON)
        scale, bias = (leaf[k] if split else leaf for leaf in variables["params"]["norm"].values())
        want[n, k] = want[n, k] * scale + bias
    np.testing.assert_allclose(y, want, rtol=0, atol=CLOSE * np.abs(want).max())


@pytest.mark.parametrize("layer", ["layer", "group"])
def test_a_gradient_reaches_the_scale_of_its_own_branch_alone(layer):
    model = branched(One(layer), branches=K)
    grads = jax.grad(lambda v: model.apply(v, images(), train=True)[:, 0].sum())(affine((K, C)))["params"]["norm"]
    assert not any(leaf[1].any() for leaf in grads.values())
    assert grads["bias"][0].all()


@pytest.mark.parametrize("layer", ["batch", "layer", "group"])
def test_bfloat16_is_computed_in_float32(layer):
    x = images()[:, 0].astype(jnp.bfloat16)
    low, variables = One(layer, dtype=jnp.bfloat16).init_with_output(jax.random.key(0), x, train=False)
    assert low.dtype == jnp.bfloat16
    exact = One(layer).apply(variables, x.astype(jnp.float32), train=False)
    np.testing.assert_allclose(low.astype(jnp.float32), exact, rtol=2**-8)  # one rounding


def test_what_does_not_fit_is_an_error():
    with pytest.raises(ValueError, match=r"norm.groups = 4 does not divide the 6 channels"):
        One("group", 4).init(jax.random.key(0), images()[:, 0], train=True)
    with pytest.raises(ValueError, match=r"unknown norm\.layer 'grup'; did you mean 'group'"):
        make_norm("grup")
    assert make_norm("none") is None

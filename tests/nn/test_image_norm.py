"""Layer and group normalisation, branch by branch, against flax's, PyTorch's and float64 NumPy's.

Outputs are O(1) and sums of at most a few hundred float32 terms: 5e-6 is some forty float32 epsilons, and a hundredth
of what a wrong epsilon or a neighbouring group would change. Gradients get 1e-5 of their largest value.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sbn.nn.branches import branch_count, fold, from_plain, select_branch
from sbn.nn.image_norm import ImageNorm
from sbn.nn.norms import make_norm

N, K, H, W, C = 3, 2, 4, 5, 6
CLOSE, GRADIENTS = 5e-6, 1e-5
STOCK = {
    None: nn.LayerNorm(epsilon=1e-5, use_fast_variance=False),
    3: nn.GroupNorm(num_groups=3, epsilon=1e-5, use_fast_variance=False),
    1: nn.GroupNorm(num_groups=1, epsilon=1e-5, use_fast_variance=False),
}


def images(shape=(N, K, H, W, C)):
    rng = np.random.default_rng(0)
    return jnp.asarray(
        rng.normal(size=shape) * rng.uniform(0.5, 2, shape[-1]) + rng.normal(size=shape[-1]), jnp.float32
    )


def affine(shape, seed=1):
    rng = np.random.default_rng(seed)
    return {name: jnp.asarray(rng.uniform(0.5, 2, shape), jnp.float32) for name in ("scale", "bias")}


def value_and_gradients(apply, params, x):
    weights = jnp.asarray(np.random.default_rng(9).normal(size=x.shape), jnp.float32)

    def scalar(params, x):
        y = apply(params, x)
        return jnp.sum(weights * jnp.sin(y)), y

    (_, y), grads = jax.value_and_grad(scalar, argnums=(0, 1), has_aux=True)(params, x)
    return y, grads


def ours(layer):
    return lambda params, x: layer.apply({"params": params}, x, train=True)


def assert_close(got, want, tolerance):
    jax.tree.map(
        lambda g, w: np.testing.assert_allclose(g, w, rtol=0, atol=tolerance * max(1, np.abs(w).max())), got, want
    )


@pytest.mark.parametrize("groups", STOCK)
@pytest.mark.parametrize("split", [True, False])
def test_every_branch_is_flaxs_layer_of_its_own(groups, split):
    x, params = images(), affine((K, C) if split else (C,))

    def separate(params, x):
        rows = [jax.tree.map(lambda leaf: leaf[k] if split else leaf, params) for k in range(K)]  # noqa: B023
        return jnp.stack([STOCK[groups].apply({"params": row}, x[:, k]) for k, row in enumerate(rows)], axis=1)

    y, grads = value_and_gradients(ours(ImageNorm(K, groups, split)), params, x)
    want, want_grads = value_and_gradients(separate, params, x)
    assert_close(y, want, CLOSE)
    assert_close(grads, want_grads, GRADIENTS)


@pytest.mark.parametrize("groups", STOCK)
def test_every_branch_is_pytorchs_layer_of_its_own(groups):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    x, params = images(), affine((K, C))
    y = ImageNorm(K, groups).apply({"params": params}, x, train=False)
    for k in range(K):
        scale, bias = (torch.tensor(np.array(params[name][k])) for name in ("scale", "bias"))
        own = torch.tensor(np.array(x[:, k]))
        if groups is None:
            want = torch.nn.functional.layer_norm(own, (C,), scale, bias, 1e-5)
        else:
            want = torch.nn.functional.group_norm(own.permute(0, 3, 1, 2), groups, scale, bias, 1e-5).permute(
                0, 2, 3, 1
            )
        assert_close(y[:, k], want.numpy(), CLOSE)


@pytest.mark.parametrize("groups", [None, 2])
def test_groups_are_neighbouring_channels_of_one_image(groups):
    """float64, loops, nothing shared with the layer."""
    x = np.asarray(images(), np.float64)
    want = np.empty_like(x)
    for n in range(N):
        for k in range(K):
            if groups is None:
                for i, j in np.ndindex(H, W):
                    v = x[n, k, i, j]
                    want[n, k, i, j] = (v - v.mean()) / np.sqrt(v.var() + 1e-5)
            else:
                for first in range(0, C, C // groups):
                    v = x[n, k, :, :, first : first + C // groups]
                    want[n, k, :, :, first : first + C // groups] = (v - v.mean()) / np.sqrt(v.var() + 1e-5)
    layer = ImageNorm(K, groups)
    y, variables = layer.init_with_output(jax.random.key(0), jnp.asarray(x, jnp.float32), train=True)
    assert set(variables) == {"params"}
    assert_close(y, want, CLOSE)


@pytest.mark.parametrize("shape", [(N, K, C), (N, K, 2, 3, 4, C)])
def test_any_number_of_spatial_axes(shape):
    x, params = images(shape), affine((K, C))
    y = ours(ImageNorm(K, 3))(params, x)
    for k in range(K):
        own = jax.tree.map(lambda leaf: leaf[k], params)  # noqa: B023
        assert_close(y[:, k], STOCK[3].apply({"params": own}, x[:, k]), CLOSE)


@pytest.mark.parametrize("groups", STOCK)
def test_a_selected_branch_is_a_plain_layer_and_branches_begin_as_one(groups):
    x, variables = images(), {"params": {"norm": affine((K, C))}}
    assert branch_count(variables) == K
    whole = ours(ImageNorm(K, groups))(variables["params"]["norm"], x)
    for k in range(K):
        one = select_branch(variables, k)["params"]["norm"]
        np.testing.assert_allclose(ours(ImageNorm(1, groups))(one, x[:, k : k + 1])[:, 0], whole[:, k], atol=CLOSE)
        doubled = from_plain({"params": {"norm": one}}, K)["params"]["norm"]
        np.testing.assert_array_equal(doubled["scale"], jnp.stack([variables["params"]["norm"]["scale"][k]] * K))


def test_a_gradient_reaches_its_own_branch_alone():
    x, params = images(), affine((K, C))
    grads = jax.grad(lambda p: ours(ImageNorm(K, 3))(p, x)[:, 0].sum())(params)
    for leaf in grads.values():
        assert not leaf[1].any()
    assert grads["bias"][0].all()


def test_folded_views_share_one_scale():
    x, params = images(), affine((1, C))
    y = ours(ImageNorm(1, 3))(params, fold(x)).reshape(x.shape)
    assert_close(y, ours(ImageNorm(K, 3, False))({name: leaf[0] for name, leaf in params.items()}, x), CLOSE)


def test_bfloat16_is_computed_in_float32():
    x, params = images().astype(jnp.bfloat16), affine((K, C))
    y = ours(ImageNorm(K, 3, dtype=jnp.bfloat16))(params, x)
    assert y.dtype == jnp.bfloat16
    exact = ours(ImageNorm(K, 3))(params, x)
    np.testing.assert_allclose(y.astype(jnp.float32), exact, rtol=2**-8)  # one rounding


def test_what_does_not_fit_is_an_error():
    with pytest.raises(ValueError, match=r"norm.groups = 4 does not divide the 6 channels"):
        ImageNorm(K, 4).init(jax.random.key(0), images(), train=True)
    with pytest.raises(ValueError, match="this ImageNorm has 3 branches"):
        ImageNorm(3).init(jax.random.key(0), images(), train=True)
    with pytest.raises(ValueError, match=r"unknown norm\.layer 'grup'; did you mean 'group'"):
        make_norm("split", layer="grup", branches=K)


@pytest.mark.parametrize(("layer", "groups"), [("layer", None), ("group", 8)])
def test_words_make_layers(layer, groups):
    made = make_norm("split", layer=layer, branches=K, groups=8, epsilon=1e-3)(name="x")
    assert (made.branches, made.groups, made.split_affine, made.epsilon) == (K, groups, True, 1e-3)
    assert make_norm("none", layer=layer, branches=K) is None

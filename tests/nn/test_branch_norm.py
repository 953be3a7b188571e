"""BranchNorm against flax's BatchNorm, one a branch, and against a float64 NumPy oracle.

Tolerances: outputs are O(1) sums of a few hundred float32 terms, so a few float32 epsilons (1.2e-7) of error are
expected; 2e-6 leaves a factor of ten and is a hundredth of what a wrong epsilon, momentum or n/(n-1) would change.
Gradients are sums of N*H*W O(1) terms and get 1e-5 relative to their largest value.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sbn.nn.branch_norm import BranchNorm
from sbn.nn.branches import fold

N, K, H, W, C = 6, 3, 5, 4, 7
CLOSE = 2e-6


def images(seed=0, shape=(N, K, H, W, C)):
    """Branches of different mean and scale, so that a mixed-up branch shows."""
    rng = np.random.default_rng(seed)
    spread = rng.uniform(0.5, 2, size=(1, shape[1], *(1,) * (len(shape) - 3), shape[-1]))
    return jnp.asarray(rng.normal(size=shape) * spread + rng.normal(size=spread.shape), jnp.float32)


def variables(seed=1, branches=K, split_affine=True):
    rng = np.random.default_rng(seed)
    affine = (branches, C) if split_affine else (C,)
    draw = lambda low, high, shape: jnp.asarray(rng.uniform(low, high, shape), jnp.float32)  # noqa: E731
    return {
        "params": {"scale": draw(0.5, 2, affine), "bias": draw(-1, 1, affine)},
        "batch_stats": {"mean": draw(-1, 1, (branches, C)), "var": draw(0.5, 2, (branches, C))},
    }


def stock(**fields):
    return nn.BatchNorm(use_running_average=False, momentum=0.9, epsilon=1e-5, **fields)


def row(tree, k):
    return jax.tree.map(lambda leaf: leaf[k], tree)


def value_stats_grads(apply, v, x):
    """Output, new statistics, and gradients (params, x) of an uneven scalar of the output."""
    weights = jnp.asarray(np.random.default_rng(9).normal(size=x.shape), jnp.float32)

    def scalar(params, x):
        y, updates = apply({"params": params, "batch_stats": v["batch_stats"]}, x)
        return jnp.sum(weights * jnp.sin(y)), (y, updates["batch_stats"])

    (_, (y, stats)), grads = jax.value_and_grad(scalar, argnums=(0, 1), has_aux=True)(v["params"], x)
    return y, stats, grads


def ours(layer):
    return lambda v, x: layer.apply(v, x, train=True, mutable="batch_stats")


def assert_trees_close(got, want, tolerance=CLOSE):
    assert jax.tree.structure(got) == jax.tree.structure(want)
    for g, w in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        np.testing.assert_allclose(g, w, rtol=0, atol=tolerance * max(1, float(jnp.abs(w).max())))


def test_split_equals_separate_batchnorms():
    x, v = images(), variables()
    y, stats, (params, dx) = value_stats_grads(ours(BranchNorm(K, unbiased=False)), v, x)

    def separate(v, x):
        outs = [stock().apply(row(v, k), x[:, k], mutable="batch_stats") for k in range(K)]
        stats = jax.tree.map(lambda *rows: jnp.stack(rows), *(updates for _, updates in outs))
        return jnp.stack([y for y, _ in outs], axis=1), stats

    want_y, want_stats, (want_params, want_dx) = value_stats_grads(separate, v, x)
    assert_trees_close(y, want_y)
    assert_trees_close(stats, want_stats)
    assert_trees_close(params, want_params, 1e-5)
    assert_trees_close(dx, want_dx, 1e-5)


def test_split_equals_stock_batchnorm_with_a_branch_axis():
    x, v = images(), variables()
    got = value_stats_grads(ours(BranchNorm(K, unbiased=False)), v, x)
    want = value_stats_grads(lambda v, x: stock(axis=(1, -1)).apply(v, x, mutable="batch_stats"), v, x)
    assert_trees_close(got, want, 1e-5)


def test_initial_variables_equal_stock_batchnorm():
    got = BranchNorm(K).init(jax.random.key(0), images(), train=True)
    want = stock(axis=(1, -1)).init(jax.random.key(0), images())
    assert jax.tree.structure(got) == jax.tree.structure(want)
    jax.tree.map(np.testing.assert_array_equal, got, want)


def test_single_branch_is_plain_batchnorm():
    x, v = images(shape=(N, 1, H, W, C)), variables(branches=1)
    got = value_stats_grads(ours(BranchNorm(1, unbiased=False)), v, x)

    def plain(v, x):
        y, updates = stock().apply(row(v, 0), x[:, 0], mutable="batch_stats")
        return y[:, None], jax.tree.map(lambda leaf: leaf[None], updates)

    assert_trees_close(got, value_stats_grads(plain, v, x), 1e-5)


def test_folded_views_share_one_batchnorm():
    x, v = images(), variables(branches=1)
    y, updates = ours(BranchNorm(1, unbiased=False))(v, fold(x))
    want_y, want = stock().apply(row(v, 0), x.reshape(N * K, H, W, C), mutable="batch_stats")
    assert_trees_close(y[:, 0], want_y)
    assert_trees_close(row(updates, 0), want)


def oracle(x, v, *, group_size, unbiased, epsilon=1e-5, momentum=0.9):
    """Float64 NumPy: output and running statistics of (N, K, H, W, C)."""
    x = np.asarray(x, np.float64)
    v = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), v)
    scale, bias = (np.broadcast_to(v["params"][name], x.shape[1::3]) for name in ("scale", "bias"))
    y, means, variances = np.empty_like(x), [], []
    for start in range(0, x.shape[0], group_size):
        part = x[start : start + group_size]
        mean, var = part.mean((0, 2, 3)), part.var((0, 2, 3), ddof=0)
        means.append(mean)
        variances.append(part.var((0, 2, 3), ddof=1 if unbiased else 0))
        for k in range(x.shape[1]):
            standard = (part[:, k] - mean[k]) / np.sqrt(var[k] + epsilon)
            y[start : start + group_size, k] = standard * scale[k] + bias[k]
    old = v["batch_stats"]
    new = {"mean": np.mean(means, 0), "var": np.mean(variances, 0)}
    return y, {name: momentum * old[name] + (1 - momentum) * new[name] for name in old}


@pytest.mark.parametrize("split_affine", [True, False])
@pytest.mark.parametrize("unbiased", [True, False])
@pytest.mark.parametrize("group_size", [None, 2, 3])
def test_numpy_oracle(split_affine, unbiased, group_size):
    x, v = images(), variables(split_affine=split_affine)
    layer = BranchNorm(K, split_affine=split_affine, unbiased=unbiased, group_size=group_size)
    y, updates = ours(layer)(v, x)
    # scale and bias are shaped (C,) in split_stats: the oracle broadcasts them to (K, C)
    want_y, want_stats = oracle(x, v, group_size=group_size or N, unbiased=unbiased)
    assert_trees_close(y, want_y)
    assert_trees_close(updates["batch_stats"], want_stats)


def test_split_stats_sums_the_affine_gradient_over_branches():
    x = images()
    shared = variables(split_affine=False)
    tiled = {**shared, "params": jax.tree.map(lambda leaf: jnp.tile(leaf, (K, 1)), shared["params"])}
    _, _, (got, _) = value_stats_grads(ours(BranchNorm(K, split_affine=False)), shared, x)
    _, _, (rows, _) = value_stats_grads(ours(BranchNorm(K)), tiled, x)
    assert_trees_close(got, jax.tree.map(lambda leaf: leaf.sum(0), rows), 1e-5)


def test_running_variance_takes_bessels_correction():
    x, v = images(), variables()
    n = N * H * W
    kept = [BranchNorm(K, unbiased=unbiased, momentum=0.0) for unbiased in (True, False)]
    unbiased, biased = (ours(layer)(v, x)[1]["batch_stats"]["var"] for layer in kept)
    np.testing.assert_allclose(unbiased, biased * n / (n - 1), rtol=3e-7)  # two roundings


def test_branches_do_not_see_each_other():
    x, v = images(), variables()
    y, updates = ours(BranchNorm(K))(v, x)
    other_y, other = ours(BranchNorm(K))(v, x.at[:, 1].multiply(7.0))
    for k in (0, 2):
        np.testing.assert_array_equal(y[:, k], other_y[:, k])
        assert_trees_close(row(updates, k), row(other, k), 0)


def test_identical_views_get_identical_statistics():
    x = jnp.repeat(images()[:, :1], K, axis=1)
    v = BranchNorm(K).init(jax.random.key(0), x, train=False)
    y, updates = ours(BranchNorm(K))(v, x)
    for k in range(1, K):
        np.testing.assert_array_equal(y[:, k], y[:, 0])
        assert_trees_close(row(updates, k), row(updates, 0), 0)


def test_evaluation_uses_running_statistics_and_changes_nothing():
    x, v = images(), variables()
    y, updates = BranchNorm(K).apply(v, x, train=False, mutable="batch_stats")
    norm = nn.BatchNorm(axis=(1, -1), use_running_average=True, epsilon=1e-5)
    assert_trees_close(y, norm.apply(v, x))
    assert_trees_close(updates["batch_stats"], v["batch_stats"], 0)


@pytest.mark.parametrize(
    ("offset", "running", "relative"),
    [
        # float32 in E[d^2] - E[d]^2 rounds at (offset/std)^2 * 1.2e-7 = 1.2e-3 of the variance, a few times over
        (100.0, 0.0, 1e-2),
        # near the running mean nothing cancels, whatever the mean is; what is left is the input's own rounding,
        # 1e4 * 6e-8 = 6e-4 of a standard deviation an element, averaged over many
        (100.0, 99.0, 1e-5),
        (10_000.0, 9_999.0, 1e-4),
    ],
)
def test_variance_of_a_large_mean(offset, running, relative):
    rng = np.random.default_rng(3)
    x = jnp.asarray(rng.normal(size=(32, 1, 8, 8, C)) + offset, jnp.float32)
    v = variables(branches=1)
    v["batch_stats"] = {"mean": jnp.full((1, C), running), "var": jnp.zeros((1, C))}
    _, updates = ours(BranchNorm(1, momentum=0.0, unbiased=False))(v, x)
    exact = np.asarray(x, np.float64)
    np.testing.assert_allclose(updates["batch_stats"]["var"][0], exact.var((0, 1, 2, 3)), rtol=relative)
    np.testing.assert_allclose(updates["batch_stats"]["mean"][0], exact.mean((0, 1, 2, 3)), rtol=3e-7)


def test_running_mean_does_not_leak_into_training():
    """The shift by the running mean is a matter of rounding only: neither the output nor a gradient depends on it."""
    x, v = images(), variables()
    moved = {**v, "batch_stats": {**v["batch_stats"], "mean": v["batch_stats"]["mean"] + 3.0}}
    y, _, grads = value_stats_grads(ours(BranchNorm(K)), v, x)
    moved_y, _, moved_grads = value_stats_grads(ours(BranchNorm(K)), moved, x)
    assert_trees_close(moved_y, y, 2e-5)  # 3^2 times the usual cancellation
    assert_trees_close(moved_grads, grads, 1e-4)


def test_bfloat16_keeps_float32_statistics():
    x, v = images(), variables()
    y, updates = ours(BranchNorm(K, dtype=jnp.bfloat16))(v, x.astype(jnp.bfloat16))
    assert y.dtype == jnp.bfloat16
    assert {leaf.dtype for leaf in jax.tree.leaves(updates)} == {jnp.dtype("float32")}
    _, want = oracle(x.astype(jnp.bfloat16), v, group_size=N, unbiased=True)
    assert_trees_close(updates["batch_stats"], want)


@pytest.mark.parametrize("shape", [(N, K, C), (N, K, 9, C), (N, K, 2, 3, 4, C)])
def test_any_number_of_spatial_axes(shape):
    x, v = images(shape=shape), variables()
    y, updates = ours(BranchNorm(K))(v, x)
    flat = x.reshape(N, K, -1, 1, C)
    want_y, want = oracle(flat, v, group_size=N, unbiased=True)
    assert_trees_close(y.reshape(flat.shape), want_y)
    assert_trees_close(updates["batch_stats"], want)


def test_scale_starts_as_asked():
    v = BranchNorm(K, scale_init=nn.initializers.zeros).init(jax.random.key(0), images(), train=False)
    np.testing.assert_array_equal(v["params"]["scale"], np.zeros((K, C)))


@pytest.mark.parametrize("shape", [(N, 2, H, W, C), (N, C)])
def test_wrong_number_of_branches_is_an_error(shape):
    with pytest.raises(ValueError, match=r"3 branches and takes \(N, 3, \*spatial, C\)"):
        BranchNorm(K).init(jax.random.key(0), jnp.zeros(shape), train=False)


@pytest.mark.parametrize("group_size", [4, 0, 12])
def test_group_size_that_does_not_divide_is_an_error(group_size):
    with pytest.raises(ValueError, match=f"group_size {group_size} does not divide the batch of 6 examples"):
        ours(BranchNorm(K, group_size=group_size))(variables(), images())


def test_evaluation_takes_any_number_of_examples_whatever_the_groups():
    x, v = images(), variables()
    grouped = BranchNorm(K, group_size=4).apply(v, x, train=False)  # 6 examples
    np.testing.assert_array_equal(grouped, BranchNorm(K).apply(v, x, train=False))
    BranchNorm(K, group_size=4).init(jax.random.key(0), x[:1], train=False)

"""The K axis of arrays and variables: round trips are exact, so nothing here has a tolerance unless it says why."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sbn.models.wide_resnet import WideResNet
from sbn.nn import branches as br
from sbn.nn.branch_norm import BranchNorm
from tests.models.variables import apply, made, shapes_of

K = 3


def model(norm="split", branches=K):
    return made(WideResNet, depth=10, width=1, classes=4, branches=branches, norm=norm)


def images(seed=0, n=4):
    return jnp.asarray(np.random.default_rng(seed).normal(size=(n, K, 8, 8, 3)), jnp.float32)


def variables(norm="split", seed=1):
    """Random values everywhere, so that every branch differs from every other: variances positive, kernels small."""
    rng = np.random.default_rng(seed)

    def draw(path, leaf):
        values = rng.normal(size=leaf.shape) * 0.1 if path[-1].key == "kernel" else rng.uniform(0.5, 1.5, leaf.shape)
        return jnp.asarray(values, jnp.float32)

    return jax.tree_util.tree_map_with_path(draw, shapes_of(model(norm), size=8))


def assert_same(got, want):
    assert jax.tree.structure(got) == jax.tree.structure(want)
    jax.tree.map(np.testing.assert_array_equal, got, want)


def logits(norm, v, x, branches=K):
    return apply(model(norm, branches), v, x)


def test_fold_is_example_major_and_unfold_undoes_it():
    x = jnp.arange(4 * K * 2).reshape(4, K, 2)
    folded = br.fold(x)
    assert folded.shape == (12, 1, 2)
    for n in range(4):
        for k in range(K):
            np.testing.assert_array_equal(folded[n * K + k, 0], x[n, k])
    np.testing.assert_array_equal(br.unfold(folded, K), x)


@pytest.mark.parametrize(("shape", "branches"), [((12, 2, 5), 3), ((10, 1, 5), 3), ((12, 1), 0), ((12,), 3)])
def test_unfold_of_other_shapes_is_an_error(shape, branches):
    with pytest.raises(ValueError, match="can't be unfolded"):
        br.unfold(jnp.zeros(shape), branches)


def test_spread_repeats_each_example():
    x = jnp.arange(8).reshape(4, 2)
    wide = br.spread(x, K)
    assert wide.shape == (4, K, 2)
    for k in range(K):
        np.testing.assert_array_equal(wide[:, k], x)


@pytest.mark.parametrize("norm", ["split", "split_stats"])
def test_spread_logits_equal_the_selected_branch(norm):
    v, x = variables(norm), images()[:, 0]
    wide = logits(norm, v, br.spread(x, K))
    assert float(jnp.abs(wide[:, 0] - wide[:, 1]).max()) > 1e-3 * float(jnp.abs(wide).max())
    for k in range(K):
        alone = logits(norm, br.select_branch(v, k), x[:, None], branches=1)
        # the convolutions run over other batch sizes, hence other summation orders: float32 over ten layers
        np.testing.assert_allclose(wide[:, k], alone[:, 0], rtol=1e-5)


def test_select_branch_leaves_plain_batchnorms():
    """Cut to one branch and with K dropped, a normalisation layer's variables are those of flax's BatchNorm."""
    v, x = variables(), jnp.ones((2, 64))
    norm = {name: br.select_branch(v, 2)[name]["final_norm"] for name in v}
    plain = jax.tree.map(lambda leaf: leaf[0], norm)
    y = nn.BatchNorm(use_running_average=True, epsilon=1e-5).apply(plain, x)
    full = {name: v[name]["final_norm"] for name in v}
    want = BranchNorm(K).apply(full, br.spread(x, K), train=False)[:, 2]
    np.testing.assert_allclose(y, want, rtol=1e-6)  # (x - mean) * a and x * a - mean * a round differently


def test_from_plain_undoes_select_branch():
    v = variables()
    plain = br.select_branch(v, 1)
    wide = br.from_plain(plain, K)
    assert br.branch_count(wide) == K
    for k in range(K):
        assert_same(br.select_branch(wide, k), plain)


@pytest.mark.parametrize("branches", [1, K])
def test_from_plain_can_be_donated(branches):
    plain = br.select_branch(variables(), 0)
    wide = br.from_plain(plain, branches)
    pointers = [leaf.unsafe_buffer_pointer() for leaf in jax.tree.leaves((wide, plain))]
    assert len(set(pointers)) == len(pointers)
    jax.jit(lambda v: jax.tree.map(lambda leaf: leaf + 1, v), donate_argnums=0)(wide)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(plain))


def test_take_keeps_the_order_asked_for():
    v = variables()
    taken = br.take_branches(v, [2, 0])
    assert_same(br.select_branch(taken, 0), br.select_branch(v, 2))
    assert_same(br.select_branch(taken, 1), br.select_branch(v, 0))


@pytest.mark.parametrize("indices", [[0], [2, 0], [1, 2, 0]])
@pytest.mark.parametrize("collections", [("params", "batch_stats"), ("batch_stats",), ("params",)])
def test_put_undoes_take(indices, collections):
    v = {name: variables()[name] for name in collections}
    assert_same(br.put_branches(v, br.take_branches(v, indices), indices), v)


def test_put_writes_its_own_rows_and_all_that_is_shared():
    v = variables()
    new = jax.tree.map(lambda leaf: leaf + 1, br.take_branches(v, [1]))
    put = br.put_branches(v, new, [1])
    assert_same(br.select_branch(put, 1), new)
    for k in (0, 2):
        assert_same(br.select_branch(put, k)["batch_stats"], br.select_branch(v, k)["batch_stats"])
        norm = br.select_branch(put, k)["params"]["final_norm"]
        assert_same(norm, br.select_branch(v, k)["params"]["final_norm"])
    np.testing.assert_array_equal(put["params"]["stem"]["kernel"], new["params"]["stem"]["kernel"])


def test_put_of_one_collection_leaves_the_other():
    v = variables()
    new = {"batch_stats": br.take_branches(v, [0])["batch_stats"]}
    assert_same(br.put_branches(v, new, [0]), v)


def test_gradient_of_take_reaches_the_taken_rows_only():
    v, x = variables(), images()[:, :1]

    def loss(params, indices, branches):
        own = br.take_branches({**v, "params": params}, indices)
        return jnp.sum(jnp.sin(model(branches=branches).apply(own, x, train=False)))

    grads = jax.jit(jax.grad(loss), static_argnums=(1, 2))(v["params"], (1,), 1)
    own = br.select_branch(v, 1)
    sines = lambda p: jnp.sum(jnp.sin(logits("split", {**own, "params": p}, x, branches=1)))  # noqa: E731
    want = jax.jit(jax.grad(sines))(own["params"])
    got = br.select_branch({"params": grads}, 1)["params"]
    # two programs over the same float32 sums, so equal up to their order
    jax.tree.map(lambda g, w: np.testing.assert_allclose(g, w, rtol=1e-4, atol=1e-5 * np.abs(w).max()), got, want)
    for k in (0, 2):
        norm = br.select_branch({"params": grads}, k)["params"]["final_norm"]
        assert all(not leaf.any() for leaf in jax.tree.leaves(norm))


def test_gradient_of_put_reaches_the_new_rows_only():
    v = {"batch_stats": {"norm": {"mean": jnp.ones((K, 2))}}}
    new = br.take_branches(v, [1])
    total = lambda old, new: sum(leaf.sum() for leaf in jax.tree.leaves(br.put_branches(old, new, [1])))  # noqa: E731
    d_old, d_new = jax.grad(total, argnums=(0, 1))(v, new)
    np.testing.assert_array_equal(d_old["batch_stats"]["norm"]["mean"], [[1, 1], [0, 0], [1, 1]])
    np.testing.assert_array_equal(d_new["batch_stats"]["norm"]["mean"], [[1, 1]])


def test_shared_affine_has_no_branch_axis():
    v = variables("split_stats")
    taken = br.take_branches(v, [0])
    assert_same(taken["params"], v["params"])
    assert br.branch_count({"params": v["params"]}) == 0
    assert br.branch_count(v) == K


def test_two_dimensional_bias_beside_a_kernel_is_no_branch_axis():
    attention = {"params": {"query": {"kernel": jnp.zeros((5, 2, 4)), "bias": jnp.zeros((2, 4))}}}
    assert br.branch_count(attention) == 0
    assert_same(br.take_branches(attention, [0]), attention)


def test_variables_without_a_branch_axis_pass_unchanged():
    """Without normalisation every branch is the same network, and any of them can be asked for."""
    v = {**variables("none"), "batch_stats": {}}
    assert br.branch_count(v) == 0
    assert_same(br.select_branch(v, 1), v)
    assert_same(br.put_branches(v, br.take_branches(v, [1]), [1]), v)


def test_inputs_are_left_alone():
    v = variables()
    before = jax.tree.map(np.array, v)
    br.put_branches(v, jax.tree.map(lambda leaf: leaf + 1, br.take_branches(v, [1])), [1])
    assert_same(v, before)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda v: br.select_branch(v, 3), "branch 3 is not one of 0, 1, 2"),
        (lambda v: br.select_branch(v, -1), "branch -1 is not one of 0, 1, 2"),
        (lambda v: br.take_branches(v, [0, 5]), "branch 5 is not one of 0, 1, 2"),
        (lambda v: br.take_branches(v, [1, 1]), "name a branch twice"),
        (lambda v: br.put_branches(v, v, [0]), "3 new branches for 1 indices"),
        (lambda v: br.put_branches({"params": v["params"]}, v, [0, 1, 2]), "no 'batch_stats'"),
        (lambda v: br.from_plain(v, 2), r"plain network \(1 branch\), these have 3"),
        (lambda v: br.from_plain(v, 0), "branches 0 is below 1"),
        (lambda v: br.branch_count({"param": v["params"]}), "'param'; did you mean 'params'"),
        (lambda v: br.branch_count({"batch_stats": {"a": jnp.ones((2, 1)), "b": jnp.ones((3, 1))}}), "disagree"),
        (
            lambda v: br.put_branches(v, {"batch_stats": {"final_norm": v["batch_stats"]["final_norm"]}}, [0, 1, 2]),
            "differ in .*stem|differ in .*group1_block1",
        ),
    ],
)
def test_errors_name_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call(variables())

"""Wide ResNet against the published parameter counts, the initialisers' formulas and a slow NumPy network."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from sbn.models.wide_resnet import WideResNet
from sbn.nn.branches import select_branch
from tests.models import slow_wide_resnet

K = 2


def model(**changes):
    fields = {"depth": 10, "width": 1, "classes": 5, "branches": K, "norm": "split"}
    return WideResNet(**fields | changes)


def images(size=8, n=3, branches=K, seed=0):
    size = (size, size) if isinstance(size, int) else size
    return jnp.asarray(np.random.default_rng(seed).normal(size=(n, branches, *size, 3)), jnp.float32)


def random_variables(network, x, seed=1):
    """Every leaf random, so that a layer left out or taken twice shows; activations stay O(1)."""
    shapes = jax.eval_shape(lambda: network.init(jax.random.key(0), x, train=False))
    rng = np.random.default_rng(seed)

    def draw(path, leaf):
        if path[-1].key == "kernel":
            values = rng.normal(size=leaf.shape) / math.sqrt(math.prod(leaf.shape[:-1]))
        else:
            values = rng.uniform(0.5, 1.5, leaf.shape)
        return jnp.asarray(values, jnp.float32)

    return jax.tree_util.tree_map_with_path(draw, shapes)


def count(tree):
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(tree))


def shapes_of(network, size=32):
    x = jnp.zeros((1, network.branches, size, size, 3))
    return jax.eval_shape(lambda: network.init(jax.random.key(0), x, train=False))


@pytest.mark.parametrize(
    ("width", "shortcut", "classes", "published"),
    [
        (2, "pool_pad", 10, 1_456_858),
        (2, "conv", 10, 1_467_610),
        (2, "pool_pad", 100, 1_468_468),
        (2, "conv", 100, 1_479_220),
        (10, "pool_pad", 10, 36_220_634),
        (10, "conv", 10, 36_479_194),
        (10, "pool_pad", 100, 36_278_324),
        (10, "conv", 100, 36_536_884),
    ],
)
def test_parameter_counts_are_the_published_ones(width, shortcut, classes, published):
    fields = {"depth": 28, "width": width, "shortcut": shortcut, "classes": classes}
    plain, split = (shapes_of(model(**fields, branches=branches)) for branches in (1, 2))
    second_set = {2: 3_616, 10: 17_952}[width]
    assert count(plain["params"]) == published
    assert count(split["params"]) - published == second_set
    assert count(split["batch_stats"]) == 2 * count(plain["batch_stats"]) == 2 * second_set


def test_shared_affine_and_group_skips_add_no_parameters():
    plain = count(shapes_of(model(branches=1))["params"])
    assert count(shapes_of(model(norm="split_stats"))["params"]) == plain
    assert count(shapes_of(model(branches=1, group_skips=True))["params"]) == plain


def test_28_has_25_norms_of_4_blocks_a_group():
    stats = shapes_of(model(depth=28))["batch_stats"]
    assert len(jax.tree.leaves(stats)) == 2 * 25
    assert set(stats) == {"final_norm"} | {f"group{g}_block{b}" for g in (1, 2, 3) for b in (1, 2, 3, 4)}


def test_initial_kernels_follow_the_formulas():
    params = model(width=4, shortcut="conv", classes=100).init(jax.random.key(0), images(), train=False)["params"]
    for path, leaf in flatten_dict(params).items():
        if path[-1] == "scale":
            np.testing.assert_array_equal(leaf, 1)
        elif path[-1] == "bias":
            np.testing.assert_array_equal(leaf, 0)
        elif path[0] == "head":
            # 25,600 draws: the largest is within 1/25,600 of the bound on average; the std within 0.3 %
            assert 0.99 / 10 < float(jnp.abs(leaf).max()) <= 1 / 10
            assert float(leaf.std()) == pytest.approx(1 / 10 / math.sqrt(3), rel=0.02)
        else:
            size, _, _, channels = leaf.shape
            # the std of n draws is off by 1/sqrt(2n) of itself; five of those
            tolerance = 5 / math.sqrt(2 * leaf.size)
            assert float(leaf.std()) == pytest.approx(math.sqrt(2 / (size**2 * channels)), rel=tolerance), path


@pytest.mark.parametrize("size", [8, 32, 64, 33, (9, 14)])
@pytest.mark.parametrize("fields", [{}, {"group_skips": True}, {"shortcut": "conv"}, {"norm": "none"}])
def test_any_image_size(size, fields):
    network, x = model(**fields), jnp.zeros(images(size, n=2).shape)
    logits = jax.eval_shape(lambda: network.init_with_output(jax.random.key(0), x, train=False)[0])
    assert logits.shape == (2, K, 5)
    assert logits.dtype == jnp.float32


@pytest.mark.parametrize("size", [8, (9, 7)])
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"shortcut": "conv"},
        {"group_skips": True},
        {"width": 2, "depth": 16},
        {"width": 2, "depth": 16, "shortcut": "conv"},
        {"norm": "none"},
        {"norm": "split_stats"},
    ],
    ids=str,
)
def test_forward_equals_the_slow_network(fields, size):
    network, x = model(**fields), images(size)
    v = random_variables(network, x)
    logits = jax.jit(lambda v, x: network.apply(v, x, train=False))(v, x)
    arguments = {name: getattr(network, name) for name in ("depth", "width", "shortcut", "group_skips")}
    for k in range(K):
        own = select_branch(v, k)
        flat = {
            path: np.asarray(leaf[0] if path[-1] != "kernel" and leaf.ndim == 2 else leaf, np.float64)
            for path, leaf in flatten_dict(own).items()
        }
        plain = {}
        for path, leaf in flat.items():
            node = plain
            for name in path[:-1]:
                node = node.setdefault(name, {})
            node[path[-1]] = leaf
        want = slow_wide_resnet.forward(plain, np.asarray(x[:, k], np.float64), **arguments)
        # float32 through ten to sixteen layers, relative to the largest logit; a wrong detail moves it by percents
        np.testing.assert_allclose(logits[:, k], want, rtol=0, atol=2e-5 * np.abs(want).max())


@pytest.mark.parametrize("train", [True, False])
def test_identical_views_get_identical_logits(train):
    x = jnp.repeat(images()[:, :1], K, axis=1)
    v = model().init(jax.random.key(0), x, train=False)
    logits, updates = model().apply(v, x, train=train, mutable="batch_stats")
    np.testing.assert_allclose(logits[:, 1], logits[:, 0], rtol=1e-6)  # a convolution may tile its batch unevenly
    for leaf in jax.tree.leaves(updates):
        np.testing.assert_allclose(leaf[1], leaf[0], rtol=1e-5, atol=1e-7)


def test_dropout_acts_in_training_only():
    network, x = model(dropout=0.5), images()
    v = network.init(jax.random.key(0), x, train=False)
    assert jax.tree.structure(v) == jax.tree.structure(shapes_of(model()))
    np.testing.assert_array_equal(network.apply(v, x, train=False), model().apply(v, x, train=False))

    def train(seed):
        return network.apply(v, x, train=True, mutable="batch_stats", rngs={"dropout": jax.random.key(seed)})[0]

    without = model().apply(v, x, train=True, mutable="batch_stats")[0]
    assert float(jnp.abs(train(0) - without).max()) > 1e-2
    assert float(jnp.abs(train(0) - train(1)).max()) > 1e-2
    np.testing.assert_array_equal(train(0), train(0))


def test_dropout_stands_between_the_two_convolutions():
    """With all activations between them dropped a block is its shortcut: the last convolution sees zeros."""
    network, x = model(dropout=1.0, norm="none"), images()
    v = random_variables(network, x)
    got = network.apply(v, x, train=True, rngs={"dropout": jax.random.key(0)})
    params = jax.tree_util.tree_map_with_path(
        lambda path, leaf: leaf * 0 if "conv2" in jax.tree_util.keystr(path) else leaf, v["params"]
    )
    np.testing.assert_allclose(got, model(norm="none").apply({"params": params}, x, train=False), rtol=1e-6)


def test_bfloat16_computes_low_and_keeps_high():
    network, x = model(dtype=jnp.bfloat16), images()
    v = network.init(jax.random.key(0), x, train=True)
    assert {leaf.dtype for leaf in jax.tree.leaves(v)} == {jnp.dtype("float32")}
    logits, state = network.apply(
        v, x, train=True, mutable=["batch_stats", "intermediates"], capture_intermediates=True
    )
    assert logits.dtype == jnp.float32
    assert {leaf.dtype for leaf in jax.tree.leaves(state["batch_stats"])} == {jnp.dtype("float32")}
    seen = state["intermediates"]
    for name in ("stem", "group1_block1", "group3_block1", "final_norm"):
        assert seen[name]["__call__"][0].dtype == jnp.bfloat16
    full = model().apply(v, x, train=True, mutable="batch_stats")[0]
    # bfloat16 rounds at 0.4 %, over ten layers
    np.testing.assert_allclose(logits, full, rtol=0, atol=0.05 * float(jnp.abs(full).max()))


def test_taps_see_what_passes():
    network, x = model(), images()
    v, seen = random_variables(network, x), {}
    assert set(v) == {"params", "batch_stats"}

    def tap(name, activations):
        seen[name] = activations
        return activations

    logits = network.apply(v, x, train=False, tap=tap)
    assert [(name, value.shape) for name, value in seen.items()] == [
        ("input", (3, K, 8, 8, 3)),
        ("group1", (3, K, 8, 8, 16)),
        ("group2", (3, K, 4, 4, 32)),
        ("group3", (3, K, 2, 2, 64)),
        ("features", (3, K, 64)),
    ]
    assert set(network.mixing_points) <= set(seen)
    np.testing.assert_array_equal(seen["input"], x)
    _, state = network.apply(v, x, train=False, capture_intermediates=True)
    blocks = state["intermediates"]
    for group in (1, 2, 3):
        np.testing.assert_array_equal(seen[f"group{group}"], blocks[f"group{group}_block1"]["__call__"][0])
    head = v["params"]["head"]
    np.testing.assert_allclose(seen["features"] @ head["kernel"] + head["bias"], logits, rtol=1e-5)


@pytest.mark.parametrize("point", ["input", "group1", "group2", "group3", "features"])
def test_taps_replace_what_passes(point):
    network, x = model(), images()
    v, order = random_variables(network, x), np.array([2, 0, 1])
    swapped = network.apply(v, x, train=False, tap=lambda name, y: y[order] if name == point else y)
    # With running statistics no example sees another, so that swapping examples anywhere swaps the logits.
    np.testing.assert_allclose(swapped, network.apply(v, x, train=False)[order], rtol=1e-5)


def test_without_norm_blocks_start_as_the_identity():
    network, x = model(depth=16, norm="none", width=2), images()
    v = network.init(jax.random.key(0), x, train=False)
    assert set(v) == {"params"}
    np.testing.assert_array_equal(network.apply(v, x, train=True), 0)
    state = network.apply(v, x, train=False, capture_intermediates=True, mutable="intermediates")[1]["intermediates"]
    outs = [state[f"group1_block{b}"]["__call__"][0] for b in (1, 2)]
    np.testing.assert_array_equal(outs[0], outs[1])
    first, second = (v["params"]["group2_block2"][name]["kernel"] for name in ("conv1", "conv2"))
    assert not second.any()
    # six blocks; 36,864 draws know their std to 0.4 %
    assert float(first.std()) == pytest.approx(math.sqrt(2 / (9 * 64)) / math.sqrt(6), rel=0.02)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"depth": 27}, r"depth 27 is not 6n \+ 4 .* the nearest is 28"),
        ({"depth": 4}, "depth 4 .* the nearest is 10"),
        ({"norm": "spilt"}, "unknown norm 'spilt'; did you mean 'split'"),
        ({"shortcut": "pool"}, "unknown shortcut 'pool'; did you mean 'pool_pad'"),
        ({"branches": 3}, r"a model of 3 branches takes \(N, 3, H, W, 3\)"),
    ],
)
def test_errors_name_what_is_wrong(fields, message):
    with pytest.raises(ValueError, match=message):
        model(**fields).init(jax.random.key(0), images(), train=False)

"""Wide ResNet: published parameter counts, initialisers' formulas, dropout. test_network.py has what all share."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from sbn.models.network import init_variables
from sbn.nn.branches import plain_branch
from tests.models.variables import K, apply, count, images, initial, random_variables, shapes_of, small


def model(**changes):
    return small("wide_resnet", **changes)


@pytest.mark.parametrize(
    ("width", "shortcut", "classes", "published"),
    [
        (2, "pool_pad", 10, 1_456_858),
        pytest.param(2, "conv", 10, 1_467_610, marks=pytest.mark.slow),
        pytest.param(2, "pool_pad", 100, 1_468_468, marks=pytest.mark.slow),
        (2, "conv", 100, 1_479_220),
        (10, "pool_pad", 10, 36_220_634),
        pytest.param(10, "conv", 10, 36_479_194, marks=pytest.mark.slow),
        pytest.param(10, "pool_pad", 100, 36_278_324, marks=pytest.mark.slow),
        pytest.param(10, "conv", 100, 36_536_884, marks=pytest.mark.slow),
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
    network = model(width=4, shortcut="conv", classes=100)
    params = init_variables(network, jax.random.key(0), image_size=(32, 32))["params"]
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


@pytest.mark.parametrize("size", [*(pytest.param(size, marks=pytest.mark.slow) for size in (8, 32, 64)), 33, (9, 14)])
@pytest.mark.parametrize("fields", [{}, {"group_skips": True}, {"shortcut": "conv"}, {"norm": "none"}])
def test_any_image_size(size, fields):
    network, x = model(**fields), jnp.zeros(images(size, n=2).shape)
    logits = jax.eval_shape(lambda: network.init_with_output(jax.random.key(0), x, train=False)[0])
    assert logits.shape == (2, K, 5)
    assert logits.dtype == jnp.float32


@pytest.mark.parametrize("train", [True, False])
def test_identical_views_get_identical_logits(train):
    x = jnp.repeat(images()[:, :1], K, axis=1)
    v = initial(model(), x)
    logits, updates = jax.jit(lambda v, x: model().apply(v, x, train=train, mutable="batch_stats"))(v, x)
    np.testing.assert_allclose(logits[:, 1], logits[:, 0], rtol=1e-6)  # a convolution may tile its batch unevenly
    for leaf in jax.tree.leaves(updates):
        np.testing.assert_allclose(leaf[1], leaf[0], rtol=1e-5, atol=1e-7)


def test_dropout_acts_in_training_only():
    network, x = model(dropout=0.5), images()
    v = initial(network, x)
    assert jax.tree.structure(v) == jax.tree.structure(shapes_of(model()))
    np.testing.assert_array_equal(apply(network, v, x), apply(model(), v, x))

    @jax.jit
    def train(seed):
        return network.apply(v, x, train=True, mutable="batch_stats", rngs={"dropout": jax.random.key(seed)})[0]

    without = jax.jit(lambda v, x: model().apply(v, x, train=True, mutable="batch_stats")[0])(v, x)
    assert float(jnp.abs(train(0) - without).max()) > 1e-2
    assert float(jnp.abs(train(0) - train(1)).max()) > 1e-2
    np.testing.assert_array_equal(train(0), train(0))


def test_dropout_stands_between_the_two_convolutions():
    """With all activations between them dropped a block is its shortcut: the last convolution sees zeros."""
    network, x = model(dropout=1.0, norm="none"), images()

    def without(params, name):
        return jax.tree_util.tree_map_with_path(
            lambda path, leaf: leaf * 0 if name in jax.tree_util.keystr(path) else leaf, params
        )

    # of Fixup's biases one stands after the dropout
    params = without(random_variables(network)["params"], "shift2")
    got = jax.jit(lambda p: network.apply({"params": p}, x, train=True, rngs={"dropout": jax.random.key(0)}))(params)
    params = without(params, "conv2")
    np.testing.assert_allclose(got, apply(model(norm="none"), {"params": params}, x), rtol=1e-6)


@pytest.mark.parametrize(("shortcut", "first"), [("pool_pad", 1), ("conv", 0)])
def test_the_variants_pad_as_tensorflow_and_pytorch(shortcut, first):
    """Where a convolution with stride 2 stands over an even size: on the odd pixels, or on the even ones."""
    network = model(shortcut=shortcut)
    x = images(8, n=1)
    v = random_variables(network)
    # the second group's first convolution as one tap in its centre: what passes are the pixels it stands on
    block = v["params"]["group2_block1"]
    kernel = jnp.zeros_like(block["conv1"]["kernel"]).at[1, 1, 0, 0].set(1.0)
    v["params"]["group2_block1"] = {**block, "conv1": {"kernel": kernel}}
    look = jax.jit(lambda v, x: network.network.apply(v, x, train=False, capture_intermediates=True))
    _, state = look(plain_branch(v, 0), x[:, 0])
    inside = state["intermediates"]["group2_block1"]
    activated = jnp.maximum(inside["norm1"]["__call__"][0], 0)[..., 0]
    np.testing.assert_array_equal(inside["conv1"]["__call__"][0][..., 0], activated[:, first::2, first::2])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"depth": 27}, r"depth 27 is not 6n \+ 4 .* the nearest is 28"),
        ({"shortcut": "pool"}, "unknown shortcut 'pool'; did you mean 'pool_pad'"),
    ],
)
def test_errors_name_what_is_wrong(fields, message):
    with pytest.raises(ValueError, match=message):
        model(**fields).init(jax.random.key(0), images(), train=False)

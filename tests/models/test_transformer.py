import dataclasses
import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sbn.models.transformer import Transformer, sinusoids
from sbn.nn.branched import branched
from sbn.nn.branches import plain_branch, repeated, select_branch
from tests.models.variables import count
from tests.oracles import transformer as oracle

SMALL = Transformer(vocabulary=11, layers=2, width=8, heads=2, hidden=16)
# Vaswani et al. 2017, Table 3
BIG = Transformer(32768, layers=6, width=1024, heads=16, hidden=4096)
SHALLOW = SMALL.clone(layers=1)
SOURCE = jnp.array([[3, 4, 5, 6, 1], [7, 2, 1, 0, 0], [0, 0, 0, 0, 0]])
TARGET_IN = jnp.array([[1, 5, 6, 0], [1, 3, 4, 8], [0, 0, 0, 0]])
TRUTH = jnp.array([[5, 6, 1, 0], [3, 4, 8, 1], [0, 0, 0, 0]])


@jax.jit
def logits_of(variables, source, target_in):
    return SMALL.apply(variables, source, target_in, train=False)


def random_like(shapes, seed=0):
    """Every leaf random, so that none can be left out or swapped."""
    rng = np.random.default_rng(seed)
    return jax.tree.map(lambda leaf: jnp.asarray(rng.normal(0, 0.4, leaf.shape), jnp.float32), shapes)


def shapes_of(network):
    return jax.eval_shape(lambda key: network.init(key, SOURCE, TARGET_IN, train=False), jax.random.key(0))


@pytest.fixture(scope="module")
def variables():
    return random_like(shapes_of(SMALL))


@pytest.fixture(scope="module")
def logits(variables):
    return logits_of(variables, SOURCE, TARGET_IN)


@pytest.mark.parametrize("example", [0, 1])
def test_the_network_is_the_formulas(variables, logits, example):
    params = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), variables["params"])
    source, target = (np.asarray(x[example]) for x in (SOURCE, TARGET_IN))
    wanted = oracle.logits(source[source > 0], target[target > 0], params, heads=2, layers=2)
    np.testing.assert_allclose(logits[example, : len(wanted)], wanted, atol=2e-5)  # float32 over four layers


def test_an_example_of_padding_is_finite_and_has_a_finite_gradient(shallow, logits):
    assert jnp.isfinite(logits).all()
    assert all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(shallow.gradient))


def test_what_stands_behind_a_token_changes_nothing_before_it(variables, logits):
    changed = logits_of(variables, SOURCE, TARGET_IN.at[:, 2].set(9))
    np.testing.assert_array_equal(changed[:2, :2], logits[:2, :2])
    assert (changed[:2, 2] != logits[:2, 2]).any()


def test_the_big_network_has_the_published_number_of_parameters():
    assert count(shapes_of(BIG)["params"]) == 209_911_808  # 209.9 million


def test_three_branches_cost_their_scales_and_biases_alone():
    assert count(shapes_of_branched(BIG, 3)["params"]) - count(shapes_of(BIG)["params"]) == 2 * 2 * 1024 * 30


def shapes_of_branched(network, branches):
    model = branched(network, branches=branches)
    views = (SOURCE[:, None], TARGET_IN[:, None])
    return jax.eval_shape(lambda key: model.init(key, *views, train=False, through=(0,)), jax.random.key(0))


def test_positions_are_sines_then_cosines():
    table = sinusoids(5, 6)
    np.testing.assert_allclose(table, oracle.positions(5, 6), atol=1e-6)
    np.testing.assert_allclose(table[0, [0, 3]], [np.sin(2), np.cos(2)], rtol=1e-6)


def test_weights_start_as_fairseqs():
    network = Transformer(vocabulary=500, layers=1, width=64, heads=2, hidden=128)
    params = jax.jit(lambda key: network.init(key, SOURCE, TARGET_IN, train=False))(jax.random.key(0))["params"]
    assert not params["embedding"][0].any()
    np.testing.assert_allclose(params["embedding"][1:].std(), 1 / 8, rtol=0.02)
    decoder = params["decoder_0"]
    # Xavier's bound of a square matrix is sqrt(6 / (64 + 64)); that of projections is smaller by the square root of 2
    bounds = {
        ("self_attention", "projections"): np.sqrt(6 / 128 / 2),
        ("cross_attention", "query"): np.sqrt(6 / 128 / 2),
        ("cross_attention", "projections"): np.sqrt(6 / 128 / 2),
        ("cross_attention", "out"): np.sqrt(6 / 128),
    }
    for (part, name), bound in bounds.items():
        assert 0.98 * bound < abs(decoder[part][name]["kernel"]).max() <= bound, (part, name)
        assert not decoder[part][name]["bias"].any()
    assert 0.98 * np.sqrt(6 / 192) < abs(decoder["widen"]["kernel"]).max() <= np.sqrt(6 / 192)


@functools.partial(jax.jit, static_argnums=(0, 1))
def grads(model, through, variables, source, target_in, truth):
    """The loss and its gradient: one program for all that asks for the same."""
    own = {} if through is None else {"through": through}

    def total(v):
        rngs = {"dropout": jax.random.key(7)}
        found = model.apply(v, source, target_in, truth, train=True, label_smoothing=0.1, rngs=rngs, **own)
        return found.smoothed.sum()

    return jax.value_and_grad(total)(variables)


class Plain(NamedTuple):
    variables: Any
    loss: Any
    gradient: Any


@pytest.fixture(scope="module")
def shallow():
    """The plain network, and what it makes of a batch with padding and an example of nothing else."""
    variables = random_like(shapes_of(SHALLOW))
    return Plain(variables, *grads(SHALLOW, None, variables, SOURCE, TARGET_IN, TRUTH))


def test_one_branch_is_layer_normalisation_to_the_bit(shallow):
    model = branched(SHALLOW, branches=1)
    layout = model.layout(SOURCE, TARGET_IN)
    views = (x[:, None] for x in (SOURCE, TARGET_IN, TRUTH))
    loss, own = grads(model, (0,), repeated(shallow.variables, 1, layout=layout), *views)
    assert loss == shallow.loss
    jax.tree.map(np.testing.assert_array_equal, plain_branch(own, 0, layout=layout), shallow.gradient)


@pytest.fixture(scope="module")
def three():
    """Three branches that differ, and what they make of three views of other lengths."""
    model = branched(SHALLOW, branches=3)
    return model, random_like(shapes_of_branched(SHALLOW, 3), seed=1)


def test_views_of_one_length_are_passes_of_their_own(three):
    """Every branch gets the gradient that the plain network of its variables has; what they share gets the sum."""
    model, own = three
    layout = model.layout(SOURCE, TARGET_IN)
    views = [SOURCE, SOURCE[:, ::-1], SOURCE % 5]
    targets, truth = (jnp.repeat(x[:, None], 3, axis=1) for x in (TARGET_IN, TRUTH))
    _, together = grads(model, (0, 1, 2), own, jnp.stack(views, axis=1), targets, truth)
    alone = [
        grads(SHALLOW, None, plain_branch(own, k, layout=layout), view, TARGET_IN, TRUTH)[1]
        for k, view in enumerate(views)
    ]

    def wanted(path, *leaves):
        return np.stack(leaves) if tuple(key.key for key in path) in layout else sum(leaves)

    expected = jax.tree_util.tree_map_with_path(wanted, *alone)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5, rtol=1e-5), together, expected)


def test_a_view_that_is_not_in_the_batch_leaves_its_branch_alone(three):
    model, own = three
    # lengths 5 and 8, as two views have
    sources = (SOURCE, jnp.pad(SOURCE, ((0, 0), (0, 3))))
    targets, truth = (jnp.repeat(x[:, None], 2, axis=1) for x in (TARGET_IN, TRUTH))
    _, gradient = grads(model, (0, 2), own, sources, targets, truth)
    layout = model.layout(SOURCE, TARGET_IN)
    of_none = select_branch(gradient, 1, layout=layout)
    norms = [leaf for path, leaf in leaves(of_none) if "norm" in path]
    others = [leaf for path, leaf in leaves(select_branch(gradient, 2, layout=layout)) if "norm" in path]
    assert len(norms) == 2 * (2 + 3)
    assert not any(leaf.any() for leaf in norms)
    assert all(leaf.any() for leaf in others)


def leaves(tree):
    return [(jax.tree_util.keystr(path), leaf) for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]]


def test_longer_padding_changes_nothing(variables, logits):
    longer = logits_of(variables, jnp.pad(SOURCE, ((0, 0), (0, 3))), TARGET_IN)
    np.testing.assert_allclose(longer[:2], logits[:2], atol=1e-5)


def test_rematerialised_layers_have_the_same_gradient(shallow):
    dropping = dataclasses.replace(SHALLOW, dropout=0.3, attention_dropout=0.1, activation_dropout=0.2, parent=None)
    plain, again = (
        grads(network, None, shallow.variables, SOURCE, TARGET_IN, TRUTH)
        for network in (dropping, dropping.clone(remat=True))
    )
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), plain, again)
    assert plain[0] != shallow.loss


def test_bfloat16_is_near_and_its_logits_are_float32(variables, logits):
    near = jax.jit(lambda v: SMALL.clone(dtype=jnp.bfloat16).apply(v, SOURCE, TARGET_IN, train=False))(variables)
    assert near.dtype == jnp.float32
    np.testing.assert_allclose(near[:2], logits[:2], atol=0.15)  # 8 bits of precision, over four layers


def test_the_width_must_hold_the_heads():
    with pytest.raises(ValueError, match="heads 3 do not divide the width 8"):
        shapes_of(SMALL.clone(heads=3))


def test_encoder_and_decoder_are_pytorchs(tasks_dir):
    reference = dict(np.load(tasks_dir / "golden/torch_transformer_postnorm.npz"))
    network = Transformer(vocabulary=4, layers=2, width=16, heads=2, hidden=32)
    params = {"embedding": jnp.zeros((4, 16))}
    for stack, layer in ((stack, layer) for stack in ("encoder", "decoder") for layer in range(2)):
        params[f"{stack}_{layer}"] = of_torch(reference, f"weights/{stack}.layers.{layer}.")
    there = jnp.asarray(~reference["source_is_padding"])

    def run(params):
        encoded = network.apply({"params": params}, reference["source"], there, method="encode_embedded")
        return encoded, network.apply(
            {"params": params}, reference["encoded"], there, reference["target"], method="decode_embedded"
        )

    encoded, decoded = jax.jit(run)(params)
    # PyTorch leaves padding at 0 or at whatever it makes of it, by its version
    np.testing.assert_allclose(encoded[there], reference["encoded"][there], atol=2e-6)
    np.testing.assert_allclose(decoded, reference["decoded"], atol=2e-6)


def of_torch(reference, prefix):
    def linear(name, rows=slice(None)):
        weight, bias = reference[f"{prefix}{name}weight"], reference[f"{prefix}{name}bias"]
        return {"kernel": jnp.asarray(weight[rows].T), "bias": jnp.asarray(bias[rows])}

    def norm(name):
        return {"scale": reference[f"{prefix}{name}.weight"], "bias": reference[f"{prefix}{name}.bias"]}

    crosses = "decoder" in prefix
    found = {
        "self_attention": {"projections": linear("self_attn.in_proj_"), "out": linear("self_attn.out_proj.")},
        "attention_norm": norm("norm1"),
        "widen": linear("linear1."),
        "narrow": linear("linear2."),
        "feed_forward_norm": norm("norm3" if crosses else "norm2"),
    }
    if crosses:
        found["source_norm"] = norm("norm2")
        found["cross_attention"] = {
            "query": linear("multihead_attn.in_proj_", slice(0, 16)),
            "projections": linear("multihead_attn.in_proj_", slice(16, None)),
            "out": linear("multihead_attn.out_proj."),
        }
    return found

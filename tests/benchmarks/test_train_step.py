"""The variants that a split step is held against are what they are called; nothing here is timed."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import train_step
from sbn.config.errors import ConfigError
from sbn.models.resnet import CifarResNet


@pytest.fixture(scope="module")
def passes():
    """Returns logits and statistics by groups of branches, and those of the model as it is, whose branches differ."""
    model = CifarResNet(depth=8, width=2, classes=10, branches=2, norm="split")
    variables = train_step.init_variables(model, jax.random.key(0), image_size=(8, 8))
    noise = np.random.default_rng(0)
    variables = jax.tree.map(lambda x: x + noise.uniform(0, 0.1, x.shape).astype("f4"), variables)
    images = jax.random.normal(jax.random.key(1), (4, 2, 8, 8, 3))
    forward = jax.jit(lambda groups: train_step.forward(model, variables, images, groups), static_argnums=0)
    whole, updates = jax.jit(lambda: model.apply(variables, images, train=True, mutable="batch_stats"))()
    return lambda *groups: jax.device_get(forward(groups)), jax.device_get((whole, updates["batch_stats"]))


def test_two_passes_have_the_outcome_of_one(passes):
    forward, together = passes
    assert together[0].shape == (4, 2, 10)
    assert not np.allclose(together[0][:, 0], together[0][:, 1], atol=1e-2)
    # float32 sums in another order
    close = functools.partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-5)
    jax.tree.map(close, together, forward((0,), (1,)))


def test_every_pass_goes_through_its_own_branch_and_leaves_the_others_alone(passes):
    forward, (whole, both) = passes
    logits, alone = forward((1,))
    np.testing.assert_allclose(logits[:, 0], whole[:, 1], rtol=1e-5, atol=1e-5)
    moved, kept = (jax.tree.map(lambda leaf, k=k: leaf[k], (alone, both)) for k in (1, 0))
    jax.tree.map(lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6), *moved)
    assert not any(jax.tree.leaves(jax.tree.map(np.array_equal, *kept)))


def test_plain_and_shared_are_one_branch_and_the_same_network():
    made = train_step.make_variants(10, 1)
    assert {name: model.branches for name, model in made.items()} == {
        "plain": 1,
        "split": 2,
        "shared": 1,
        "separate": 2,
        "stock_split": 2,
    }
    images = jax.random.normal(jax.random.key(1), (6, 1, 8, 8, 3))
    variables = train_step.init_variables(made["shared"], jax.random.key(0), image_size=(8, 8))

    def stock(tree):  # flax's BatchNorm stands inside of a module of ours, and has no K axis
        return {
            name: {"BatchNorm_0": {leaf: x[0] for leaf, x in part.items()}}
            if "scale" in part or "mean" in part
            else stock(part)
            if all(isinstance(x, dict) for x in part.values())
            else part
            for name, part in tree.items()
        }

    shared, plain = (
        jax.jit(lambda v, m=made[name]: m.apply(v, images, train=True, mutable="batch_stats")[0])(given)
        for name, given in (("shared", variables), ("plain", {kind: stock(tree) for kind, tree in variables.items()}))
    )
    np.testing.assert_allclose(shared, plain, rtol=1e-4, atol=1e-5)


def test_flax_norms_keep_the_precision_of_what_they_normalise():
    for norm in (train_step.StockNorm(), train_step.StockBranchNorm()):
        x = jnp.ones((4, 1, 3, 3, 2), jnp.bfloat16)
        variables = norm.init(jax.random.key(0), x, train=True)
        found, _ = norm.apply(variables, x, train=True, mutable="batch_stats")
        assert found.dtype == jnp.bfloat16


@pytest.mark.parametrize(("wrong", "said"), [({"variants": "splt"}, "split"), ({"precision": "bf16"}, "bfloat16")])
def test_what_is_misspelt_is_named_with_the_nearest(wrong, said):
    settings = {"model": "10-1", "batch": 2, "rounds": 1, "steps": 1, "compiles": 1}
    with pytest.raises(ConfigError, match=said):
        train_step.bench(**{**settings, "variants": "split", "precision": "float32", **wrong})

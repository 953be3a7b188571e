"""Somebody else's network with flax's BatchNorm, the same with branch norms, and checkpoints between the two."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sbn.nn
from sbn.nn import BranchNorm, from_batch_norm, select_branch, to_batch_norm

K = 3


class Plain(nn.Module):
    """With flax's layer, numbered and named."""

    @nn.compact
    def __call__(self, x, train):
        x = nn.Conv(4, (3, 3))(x)
        x = nn.relu(nn.BatchNorm(use_running_average=not train, momentum=0.9)(x))
        x = nn.Conv(5, (3, 3), strides=2)(x)
        x = nn.relu(nn.BatchNorm(use_running_average=not train, momentum=0.9, name="last")(x))
        return nn.Dense(2)(x.mean((-3, -2)))


class Split(nn.Module):
    """The same with K branches."""

    split_affine: bool = True

    @nn.compact
    def __call__(self, x, train):
        norm = {"branches": K, "split_affine": self.split_affine, "unbiased": False}
        x = nn.Conv(4, (3, 3))(x)
        x = nn.relu(BranchNorm(**norm)(x, train=train))
        x = nn.Conv(5, (3, 3), strides=2)(x)
        x = nn.relu(BranchNorm(**norm, name="last")(x, train=train))
        return nn.Dense(2)(x.mean((-3, -2)))


SPLIT = {choice: Split(split_affine=choice) for choice in (True, False)}
IMAGES = np.random.default_rng(1).normal(0, 1, (6, 8, 8, 3)).astype(np.float32)

IMAGES_K = np.repeat(IMAGES[:, None], K, 1)


@pytest.fixture(scope="module")
def plain():
    """Variables as a trained network has them: no leaf holds one value alone."""
    draws = np.random.default_rng(0)
    return jax.tree.map(
        lambda leaf: jnp.asarray(np.abs(draws.normal(0.3, 0.4, leaf.shape)) + 0.1, jnp.float32),
        shapes(Plain(), IMAGES),
    )


def forward(model, variables, images):
    return jax.jit(lambda variables: model.apply(variables, images, False))(variables)


def train_step(model, variables, images):
    return jax.jit(lambda variables: model.apply(variables, images, True, mutable="batch_stats"))(variables)


def shapes(model, images):
    return jax.eval_shape(lambda: model.init(jax.random.key(0), images, False))


@pytest.mark.parametrize("split_affine", [True, False])
def test_every_branch_starts_as_the_plain_network(plain, split_affine):
    model = SPLIT[split_affine]
    loaded = from_batch_norm(plain, like=shapes(model, IMAGES_K))
    expected = forward(Plain(), plain, IMAGES)
    logits = forward(model, loaded, IMAGES_K)
    for k in range(K):
        # float32: flax scales after subtracting the mean, BranchNorm in one product and sum
        np.testing.assert_allclose(logits[:, k], expected, rtol=2e-5, atol=2e-5)


def test_training_steps_agree_with_the_plain_network_too(plain):
    model = Split()
    loaded = from_batch_norm(plain, like=shapes(model, IMAGES_K))
    expected, before = train_step(Plain(), plain, IMAGES)
    logits, after = train_step(model, loaded, IMAGES_K)
    np.testing.assert_allclose(logits[:, 1], expected, rtol=2e-4, atol=2e-4)
    statistics = after["batch_stats"]["BranchNorm_0"]
    for name in ("mean", "var"):
        theirs = before["batch_stats"]["BatchNorm_0"][name]
        np.testing.assert_allclose(statistics[name], np.stack([theirs] * K), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("split_affine", [True, False])
def test_back_is_the_same_bits(plain, split_affine):
    model = SPLIT[split_affine]
    loaded = from_batch_norm(plain, like=shapes(model, IMAGES_K))
    for k in range(K):
        back = to_batch_norm(loaded, k, like=shapes(Plain(), IMAGES))
        jax.tree.map(np.testing.assert_array_equal, back, dict(plain))


def test_a_branch_that_moved_on_is_the_plain_network_that_it_became(plain):
    model = Split()
    loaded = from_batch_norm(plain, like=shapes(model, IMAGES_K))
    moved = jax.tree.map(
        lambda leaf: leaf * jnp.arange(1, K + 1)[:, None] if leaf.ndim == 2 and leaf.shape[0] == K else leaf, loaded
    )
    logits = forward(model, moved, IMAGES_K)
    assert not np.allclose(logits[:, 0], logits[:, 2])
    for k in range(K):
        exported = to_batch_norm(moved, k, like=shapes(Plain(), IMAGES))
        np.testing.assert_allclose(forward(Plain(), exported, IMAGES), logits[:, k], rtol=2e-5, atol=2e-5)


def test_loaded_variables_share_no_buffer_with_the_checkpoint(plain):
    loaded = from_batch_norm(plain, like=shapes(Split(), IMAGES_K))
    theirs = {leaf.unsafe_buffer_pointer() for leaf in jax.tree.leaves(plain)}
    assert not theirs & {leaf.unsafe_buffer_pointer() for leaf in jax.tree.leaves(loaded)}


def without(variables, *path):
    copied = jax.tree.map(lambda leaf: leaf, dict(variables))
    node = copied
    for part in path[:-1]:
        node = node[part]
    del node[path[-1]]
    return copied


def test_other_networks_are_refused_by_the_leaf_that_tells(plain):
    like = shapes(Split(), IMAGES_K)
    with pytest.raises(ValueError, match="lacks batch_stats/last/mean"):
        from_batch_norm(without(plain, "batch_stats", "last", "mean"), like=like)
    with pytest.raises(ValueError, match="has besides params/BatchNorm_0/bias"):
        from_batch_norm(plain, like=without(like, "params", "BranchNorm_0", "bias"))
    wide = jax.tree.map(lambda leaf: jnp.concatenate([leaf, leaf], -1), plain)
    with pytest.raises(ValueError, match=r"has shape .* in the plain network"):
        from_batch_norm(wide, like=like)
    loaded = from_batch_norm(plain, like=like)
    with pytest.raises(ValueError, match="branch 3 is not one of 0, 1, 2"):
        to_batch_norm(loaded, 3, like=shapes(Plain(), IMAGES))
    with pytest.raises(ValueError, match=r"has shape .* in branch 0"):
        to_batch_norm(loaded, 0, like=wide)


def test_a_network_of_one_branch_holds_one_row(plain):
    loaded = from_batch_norm(plain, like=shapes(Split(), IMAGES_K))
    one = select_branch(loaded, 2)
    jax.tree.map(np.testing.assert_array_equal, to_batch_norm(one, 0, like=shapes(Plain(), IMAGES)), dict(plain))


def test_the_names_for_other_projects_stay():
    assert set(sbn.nn.__all__) == {
        "BranchNorm", "branch_count", "branched", "fold", "from_batch_norm", "from_plain", "put_branches",
        "select_branch",
        "spread", "take_branches", "to_batch_norm", "unfold",
    }  # fmt: skip
    for name in sbn.nn.__all__:
        assert getattr(sbn.nn, name).__doc__


def test_scales_that_are_no_branches_stay_whole():
    """A scale of two heads looks like that of two branches: the plain network tells them apart."""
    many = {"params": {"norm": {"scale": jnp.arange(4.0).reshape(2, 2)}, "heads": {"scale": jnp.ones((2, 3))}}}
    like = {"params": {"norm": {"scale": jnp.zeros(2)}, "heads": {"scale": jnp.zeros((2, 3))}}}
    back = to_batch_norm(many, 1, like=like)
    np.testing.assert_array_equal(back["params"]["norm"]["scale"], [2, 3])
    np.testing.assert_array_equal(back["params"]["heads"]["scale"], np.ones((2, 3)))

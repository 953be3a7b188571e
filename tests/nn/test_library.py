"""The README's example of library use, as it stands there."""

import re

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sbn.nn
from sbn.nn import BranchNorm, branch_count, from_batch_norm, select_branch, spread, to_batch_norm
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text()


class Plain(nn.Module):
    """What the README's network was."""

    @nn.compact
    def __call__(self, x, train):
        x = nn.relu(nn.BatchNorm(use_running_average=not train)(nn.Conv(16, (3, 3))(x)))
        return nn.Dense(10)(x.mean((1, 2)))


@pytest.fixture(scope="module")
def names():
    """What the example leaves behind."""
    (code,) = re.findall(r"<!-- code: library -->\n```python\n(.*?)```", README, re.DOTALL)
    images = np.random.default_rng(0).normal(0, 1, (4, 8, 8, 3)).astype(np.float32)
    checkpoint = jax.jit(lambda: Plain().init(jax.random.key(5), images, train=False))()
    names = {
        "BranchNorm": BranchNorm, "from_batch_norm": from_batch_norm, "jax": jax, "nn": nn, "spread": spread,
        "select_branch": select_branch, "images": images, "weak": images, "strong": -images, "jnp": jnp,
        "checkpoint": checkpoint,
    }  # fmt: skip
    exec(compile(code, "README.md", "exec"), names)
    return names


def test_the_branches_have_shapes_of_their_own(names):
    assert names["logits"].shape == names["both"].shape == (4, 2, 10)
    means = names["updated"]["batch_stats"]["BranchNorm_0"]["mean"]
    assert means.shape == (2, 16)
    assert not np.allclose(means[0], means[1])  # images and their negatives


def test_one_branch_alone_gives_its_logits(names):
    np.testing.assert_allclose(names["main"][:, 0], names["both"][:, 0], rtol=1e-5, atol=1e-6)


def test_the_checkpoint_is_in_every_branch_and_comes_out_again(names):
    assert branch_count(names["variables"]) == 2
    expected = Plain().apply(names["checkpoint"], names["images"], train=False)
    logits = names["Net"]().apply(names["variables"], jnp.asarray(names["views"][:, [0, 0]]), train=False)
    for k in range(2):
        # float32, by one product and sum where flax subtracts first
        np.testing.assert_allclose(logits[:, k], expected, rtol=1e-4, atol=1e-5)
        back = to_batch_norm(names["variables"], k, like=names["checkpoint"])
        jax.tree.map(np.testing.assert_array_equal, back, names["checkpoint"])


def test_every_public_name_is_explained():
    page = (ROOT / "docs/library.md").read_text()
    rows = re.findall(r"^\| (`[^|]*) \|", page, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)} - {"sbn", "nn"}
    assert named == set(sbn.nn.__all__)

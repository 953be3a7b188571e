"""What the classification task makes of networks with auxiliary heads, and of those that ask how far training is."""

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sbn.data.pixels import normalise
from sbn.nn.branched import Branched
from sbn.tasks.base import StageViews
from sbn.tasks.classification import Classification
from tests.tasks.parts import batch_of

VIEWS = StageViews(("main", "aux"), (0.25, 0.75), (0, 1))


class TwoHeads(nn.Module):
    """Logits that are mean colours, and in training those times 1 + progress as those of an auxiliary head."""

    @nn.compact
    def __call__(self, x, *, train, progress=0.0):
        logits = x.mean((1, 2)) + self.param("bias", nn.initializers.zeros, (3,))
        return (logits, (1 + progress) * logits) if train else logits


@pytest.fixture
def task():
    model = Branched(TwoHeads(), 2)
    numbers = {"mean": (0.5,) * 3, "std": (0.25,) * 3, "image_size": (4, 4), "classes": 3}
    return Classification(model=model, branches=("main", "aux"), **numbers, shared=False, apart=True, auxiliary=0.4)


@pytest.fixture
def batch():
    words = np.random.default_rng(0).integers(0, 2**24, (5, 2, 4, 4), np.int32)
    return batch_of(jnp.asarray(words), jnp.asarray([0, 2, 1, 1, 0]))


VARIABLES = {"params": {"bias": jnp.asarray([0.1, -0.2, 0.3])}, "batch_stats": {}}


def cross_entropies(logits, labels):
    """(K,) sums over the examples, in float64."""
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    return -np.take_along_axis(log_p, np.asarray(labels)[:, None, None], -1)[..., 0].sum(0)


def found(task, batch, numbers):
    loss = task.loss(VARIABLES, batch, views=VIEWS, numbers=numbers, keys=lambda name: jax.random.key(0))
    return float(loss.sum), {name: float(total) for name, (total, _) in loss.metrics.items()}


@pytest.mark.parametrize("epoch", [0, 3])
def test_an_auxiliary_heads_cross_entropy_counts_by_its_weight_and_the_views(task, batch, epoch):
    """By hand, from the mean colours; the share of training that is done changes from epoch to epoch."""
    colours = np.asarray(normalise(batch["inputs"]["image"], mean=task.mean, std=task.std), np.float64).mean((2, 3))
    logits, labels = colours + np.asarray(VARIABLES["params"]["bias"], np.float64), batch["targets"]["label"]
    own, head = cross_entropies(logits, labels), cross_entropies((1 + epoch / 10) * logits, labels)
    total, metrics = found(task, batch, {"epoch": jnp.asarray(epoch), "epochs": 10.0})
    assert total == pytest.approx((own + 0.4 * head) @ VIEWS.weights, rel=1e-5)
    for k, name in enumerate(VIEWS.names):
        assert metrics[f"{name}/loss"] == pytest.approx(own[k], rel=1e-5)
        assert metrics[f"{name}/auxiliary_loss"] == pytest.approx(head[k], rel=1e-5)


def test_without_a_weight_nothing_is_said_of_the_head(task, batch):
    total, metrics = found(dataclasses.replace(task, auxiliary=0.0), batch, {})
    assert total == pytest.approx(0.25 * metrics["main/loss"] + 0.75 * metrics["aux/loss"], rel=1e-6)
    assert not any("auxiliary" in name for name in metrics)


def test_at_rest_only_the_network_speaks(task, batch):
    assert task.outputs(VARIABLES, {"image": batch["inputs"]["image"][:, 0]}).shape == (5, 2, 3)
    losses = task.losses(VARIABLES, batch, views=VIEWS, numbers={}, keys=lambda name: jax.random.key(0))
    assert losses.shape == (5, 2)

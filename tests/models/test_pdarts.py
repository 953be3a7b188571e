"""P-DARTS's network: how many parameters, which paths are dropped and how often, its auxiliary head."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sbn.config import tree
from sbn.config.checks import check
from sbn.config.errors import ConfigError
from sbn.models.pdarts import AuxiliaryHead, PDarts
from sbn.nn.drop_path import DropPath
from sbn.nn.initialisers import INITIALISATIONS
from sbn.nn.layers import Layers
from sbn.tasks import make_task
from sbn.tasks.base import StageViews
from tests.models.variables import count, images, random_variables, shapes_of, small
from tests.tasks.parts import batch_of, described


def counted_by_hand(c, cells, classes):
    """Parameters by the words of the paper: separable convolutions are two of depthwise, 1x1 and norm each."""

    def entrance(inputs, outputs):
        return inputs * outputs + 2 * outputs

    def separable(c, k):
        return 2 * (k * k * c + c * c + 2 * c)

    def dilated(c, k):
        return k * k * c + c * c + 2 * c

    total, a, b = 3 * 3 * 3 * 3 * c + 2 * 3 * c, 3 * c, 3 * c
    for cell in range(cells):
        reduces = cell in (cells // 3, 2 * cells // 3)
        c *= 1 + reduces
        total += entrance(a, c) + entrance(b, c)  # two convolutions of half the channels are as many
        if reduces:
            total += separable(c, 5) + separable(c, 3) + 2 * dilated(c, 5) + 2 * dilated(c, 3)
        else:
            total += 4 * separable(c, 3) + dilated(c, 3) + dilated(c, 5)
        a, b = b, 4 * c
    return total + b * classes + classes


def test_it_has_the_3_4_million_parameters_that_its_paper_prints_and_an_auxiliary_head():
    params = shapes_of(small("pdarts", branches=1, classes=10, depth=20, width=36))["params"]
    head = params.pop("auxiliary")
    assert count(params) == counted_by_hand(36, 20, 10) == 3_433_798
    # 1x1 of 576 channels, 2x2, both with norms, and the last layer
    assert count(head) == 576 * 128 + 2 * 128 + 4 * 128 * 768 + 2 * 768 + 768 * 10 + 10 == 476_426


def drop(rate, x, seed=0):
    return jax.jit(lambda r: DropPath().apply({}, x, r, rngs={"dropout": jax.random.key(seed)}))(rate)


@pytest.mark.parametrize("rate", [0.0, 0.3, 0.9])
def test_of_all_images_that_share_is_dropped_and_the_mean_stays(rate):
    n = 20_000
    y = np.asarray(drop(rate, jnp.ones((n, 1, 1, 2))))
    assert (y[..., 0] == y[..., 1]).all()  # an image's path is dropped as a whole
    dropped = (y == 0).mean()
    # a binomial share lies within 5 deviations but once in a million
    assert abs(dropped - rate) <= 5 * math.sqrt(rate * (1 - rate) / n)
    np.testing.assert_allclose(y[y > 0], 1 / (1 - rate), rtol=1e-6)


def test_what_is_dropped_follows_the_key():
    x = jnp.ones((64, 1, 1, 1))
    np.testing.assert_array_equal(drop(0.5, x), drop(0.5, x))
    assert (drop(0.5, x) != drop(0.5, x, seed=1)).any()


def test_the_auxiliary_head_speaks_in_training_alone():
    network, x = small("pdarts").network, images(8)[:, 0]
    v = jax.eval_shape(lambda: network.init(jax.random.key(0), x, train=False))
    assert jax.eval_shape(lambda v: network.apply(v, x, train=False), v).shape == (3, 5)
    trained = jax.eval_shape(lambda v: network.apply(v, x, train=True, mutable=["batch_stats"])[0], v)
    assert [logits.shape for logits in trained] == [(3, 5)] * 2


@pytest.mark.parametrize(("side", "windows"), [(8, [(0, 5), (3, 8)]), (4, [(0, 2), (2, 4)]), (2, [(0, 1), (1, 2)])])
def test_the_auxiliary_head_sees_two_by_two_windows(side, windows):
    """Of 8 pixels those of the code: 5 wide, 3 apart. Its logits are those of the four means, by hand."""
    layers = Layers(None, INITIALISATIONS["pytorch"], blocks=1)
    head, rng = AuxiliaryHead(3, layers), np.random.default_rng(0)
    x = jnp.asarray(rng.normal(size=(2, side, side, 4)), jnp.float32)
    shapes = jax.eval_shape(lambda: head.init(jax.random.key(0), x, train=True))["params"]
    p = jax.tree.map(lambda leaf: rng.normal(size=leaf.shape).astype(np.float32), shapes)
    means = np.array([[np.maximum(x[:, a:b, c:d], 0).mean((1, 2)) for c, d in windows] for a, b in windows])
    y = np.maximum(np.einsum("ijnc,cd->ijnd", means, p["conv1"]["kernel"][0, 0]) + p["norm1"]["bias"], 0)
    y = np.maximum(np.einsum("ijnc,ijcd->nd", y, p["conv2"]["kernel"]) + p["norm2"]["bias"], 0)
    want = (y + p["head_shift"]["bias"]) @ p["head"]["kernel"] + p["head"]["bias"]
    got = head.apply({"params": p}, x, train=True)
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-5 * np.abs(want).max())


def test_images_too_small_for_the_auxiliary_head_are_refused():
    with pytest.raises(ValueError, match="given 1 x 1 pixels: it takes 2 and more"):
        jax.eval_shape(
            lambda: PDarts(classes=5, depth=8, width=2).init(jax.random.key(0), images(4)[:, 0], train=False)
        )


# --- the task ---


@pytest.mark.slow
def test_more_paths_are_dropped_by_the_epoch():
    changes = {"model.name": "pdarts", "model.depth": 8, "model.width": 2, "model.drop_path": (0.0, 0.6)}
    config = check(tree.to_config(tree.changed(tree.defaults(), {**changes, "loss.auxiliary": 0.4})))
    task = make_task(config, described(size=(8, 8)))
    v = random_variables(small("pdarts", branches=1, classes=10))
    batch = batch_of(jnp.arange(4 * 64, dtype=jnp.int32).reshape(4, 1, 8, 8) * 65_537, jnp.arange(4))
    views = StageViews(("main",), (1.0,), (0,))

    @jax.jit
    def loss(epoch, key):
        numbers = {"epoch": epoch, "epochs": 10.0}
        found = task.loss(v, batch, views=views, numbers=numbers, keys=lambda name: jax.random.key(key))
        return {name: total for name, (total, _) in found.metrics.items()}

    def loss_of(*where):
        return {name: float(total) for name, total in loss(*where).items()}

    first = loss_of(0, 0)
    assert set(first) == {"loss", "main/loss", "main/accuracy", "main/auxiliary_loss"}
    assert loss_of(0, 1) == first  # nothing is dropped, whatever the key
    assert loss_of(5, 0) == loss_of(5, 0) != loss_of(5, 1)  # 0.3 of the paths


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model.name": "pdarts", "model.drop_path": (0.3,)}, "two rates: at the start and at the end of a stage"),
        ({"loss.auxiliary": 0.4}, "has no effect with model.name = 'wide_resnet': only pdarts"),
        ({"model.name": "pdarts", "model.depth": 12}, "the nearest is 11"),
    ],
)
def test_settings_that_mean_nothing_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        check(tree.to_config(tree.changed(tree.defaults(), changes)))

"""A batch in parts: the parts' own steps, averaged."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sbn.config.errors import ConfigError
from sbn.data.pixels import pack
from sbn.tasks.base import Objective, StageViews
from sbn.tasks.classification import make_classification
from sbn.train import train
from sbn.train.accumulation import accumulated
from sbn.train.state import stream_key
from tests.e2e import runs

N = 8
VIEWS = StageViews(("main", "aux"), (0.5, 0.5), (0, 1), ((), ()), ((), ()))


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    pixels = pack(rng.integers(0, 256, (N, 2, 16, 16, 3), np.uint8))
    return {"pixels": jnp.asarray(pixels), "label": jnp.arange(N, dtype=jnp.int32)}


def parts_of(config):
    task = make_classification(config, classes=10, image_size=(16, 16), mean=(0.5,) * 3, std=(0.25,) * 3)
    variables = task.init(stream_key(3, "init"))

    def gradients(batch, stats, keys):
        def loss(params):
            own = {"params": params, "batch_stats": stats}
            return task.loss(own, batch, views=VIEWS, objective=Objective(), keys=keys)

        return jax.grad(loss, has_aux=True)(variables["params"])

    return jax.jit(gradients, static_argnums=2), variables


def keys_at(step):
    return lambda stream: stream_key(0, stream, step)


@pytest.mark.parametrize("parts", [pytest.param(2, marks=pytest.mark.slow), 4])
def test_parts_are_steps_of_their_own_averaged(tiny, batch, parts):
    gradients, variables = parts_of(tiny())
    grads, stats, metrics = accumulated(gradients, batch, variables["batch_stats"], keys_at(0), parts=parts)
    running, each = variables["batch_stats"], []
    for part in range(parts):
        own = jax.tree.map(lambda x, part=part: x[part::parts], batch)
        one, (running, numbers) = gradients(own, running, keys_at(0))
        each.append((one, numbers))
    expected = jax.tree.map(lambda *leaves: np.mean(leaves, axis=0), *each)
    # float32, summed in two programs
    for a, b in zip(jax.tree.leaves((grads, metrics)), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)
    for a, b in zip(jax.tree.leaves(stats), jax.tree.leaves(running), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_without_statistics_parts_do_what_the_whole_batch_does(tiny, batch):
    gradients, variables = parts_of(tiny({"norm.kind": "none"}))
    whole, (_, numbers) = gradients(batch, variables["batch_stats"], keys_at(0))
    grads, _, metrics = accumulated(gradients, batch, variables["batch_stats"], keys_at(0), parts=4)
    assert any((leaf != 0).any() for leaf in jax.tree.leaves(whole))
    for a, b in zip(jax.tree.leaves((grads, metrics)), jax.tree.leaves((whole, numbers)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_a_run_in_parts_trains_and_resumes(tiny, tmp_path):
    config = tiny({"optim.accumulate": 2, "duration": "4 steps", "model.dropout": 0.3, "views.aux.augment": "mixup(1)"})
    train(config, tmp_path / "whole")
    process = runs.start(config, tmp_path / "killed")
    runs.signal_at(process, "step 3/4", 9)
    train(config, tmp_path / "killed")
    runs.assert_same_state(runs.final_state(tmp_path / "whole"), runs.final_state(tmp_path / "killed"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"optim.accumulate": 3}, ["optim.accumulate = 3", "batch_size = 8"]),
        ({"optim.accumulate": 4, "norm.group_size": 4}, ["norm.group_size = 4", "batch_size / optim.accumulate = 2"]),
    ],
)
def test_parts_that_do_not_fit_are_refused(tiny, changes, words):
    with pytest.raises(ConfigError) as caught:
        tiny(changes)
    assert all(word in str(caught.value) for word in words)

"""Views of different sizes and views one after the other: each pass is a pass of a plain network."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sbn.data.pixels import normalise, pack
from sbn.nn import branches
from sbn.tasks import classification
from sbn.tasks.base import StageViews
from sbn.tasks.classification import make_classification
from sbn.tasks.passes import forward_groups, in_order
from sbn.train.state import stream_key
from tests.tasks.parts import averaged, batch_of, described

N = 6
THREE = ("main", "small", "aux")


def pixels_of(size, seed):
    return pack(np.random.default_rng(seed).integers(0, 256, (N, size, size, 3), np.uint8))


@pytest.fixture(scope="module")
def batch():
    views = tuple(pixels_of(size, seed) for seed, size in enumerate((16, 12, 16)))
    return batch_of(views, np.random.default_rng(5).integers(0, 10, N).astype(np.int32))


def task_of(config):
    return make_classification(config, described())


def loss_of(task, variables, batch, weights=(1.0, 1.0, 1.0), indices=(0, 1, 2)):
    views = StageViews(THREE, weights, indices, ((), (), ()), ((), (), ()))

    def keys(stream):
        return stream_key(0, stream, 0)

    return jax.jit(lambda v, b: averaged(task.loss(v, b, views=views, numbers={}, keys=keys)))(variables, batch)


def alone(model, variables, pixels):
    """Logits and new statistics of one view through a plain network, in training mode."""
    images = normalise(pixels[:, None], mean=(0.5,) * 3, std=(0.25,) * 3)
    logits, updates = jax.jit(lambda v, x: model.apply(v, x, train=True, mutable=["batch_stats"]))(variables, images)
    return np.asarray(logits[:, 0], np.float64), updates["batch_stats"]


def cross_entropy(logits, labels):
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    return -log_p[np.arange(len(labels)), labels].mean()


def test_views_of_one_size_pass_together_in_order(batch):
    groups = forward_groups(tuple(map(jnp.asarray, batch["inputs"]["image"])), apart=False)
    assert [(indices, pixels.shape) for indices, pixels in groups] == [((0, 2), (N, 2, 16, 16)), ((1,), (N, 1, 12, 12))]
    np.testing.assert_array_equal(groups[0][1][:, 1], batch["inputs"]["image"][2])
    apart = forward_groups(jnp.zeros((N, 3, 4, 4)), apart=True)
    assert [(indices, pixels.shape) for indices, pixels in apart] == [((k,), (N, 1, 4, 4)) for k in range(3)]
    (whole,) = forward_groups(jnp.zeros((N, 3, 4, 4)), apart=False)
    assert whole[0] == (0, 1, 2)


def test_what_passes_give_goes_back_to_the_views_order():
    parts = [((0, 2), (jnp.array([[0, 2]]), jnp.array([[10, 12]]))), ((1,), (jnp.array([[1]]), jnp.array([[11]])))]
    first, second = in_order(parts, axis=1)
    np.testing.assert_array_equal(first, [[0, 1, 2]])
    np.testing.assert_array_equal(second, [[10, 11, 12]])


@pytest.mark.parametrize("kind", ["split", "split_stats"])
def test_every_size_reads_and_updates_its_own_branch(tiny, batch, kind):
    config = {"branches": THREE, "views.small.augment": "", "norm.kind": kind}
    task = task_of(tiny(config))
    variables = task.init(stream_key(3, "init"))
    total, (stats, metrics) = loss_of(task, variables, batch)
    model = task.model.clone(branches=1)
    expected = 0.0
    for k, name in enumerate(THREE):
        logits, own = alone(model, branches.select_branch(variables, k), batch["inputs"]["image"][k])
        loss = cross_entropy(logits, batch["targets"]["label"])
        assert float(metrics[f"{name}/loss"]) == pytest.approx(loss, rel=1e-5)
        assert float(metrics[f"{name}/accuracy"]) == pytest.approx(
            (logits.argmax(-1) == batch["targets"]["label"]).mean()
        )
        expected += loss
        for new, mine in zip(jax.tree.leaves(stats), jax.tree.leaves(own), strict=True):
            np.testing.assert_allclose(new[k], mine[0], rtol=1e-4, atol=1e-6)
    assert float(total) == pytest.approx(expected, rel=1e-5)  # a sum: every weight is 1


def test_a_shared_norm_is_updated_by_one_pass_after_the_other(tiny, batch):
    """Algorithm 1 of Consistent Normalization without the switch: running averages move t times a step."""
    task = task_of(tiny({"norm.kind": "shared", "norm.sequential": True}))
    variables = task.init(stream_key(3, "init"))
    total, (stats, _) = loss_of(task, variables, batch, indices=(0, 0, 0))
    expected, running = 0.0, variables["batch_stats"]
    for pixels in batch["inputs"]["image"]:
        logits, running = alone(task.model, {**variables, "batch_stats": running}, pixels)
        expected += cross_entropy(logits, batch["targets"]["label"])
    assert float(total) == pytest.approx(expected, rel=1e-5)
    for new, old in zip(jax.tree.leaves(stats), jax.tree.leaves(running), strict=True):
        np.testing.assert_allclose(new, old, rtol=1e-4, atol=1e-6)


def test_branches_of_their_own_do_not_care_who_passes_with_whom(tiny, batch):
    same = batch_of(
        np.stack([batch["inputs"]["image"][0], batch["inputs"]["image"][2]], axis=1), batch["targets"]["label"]
    )
    losses = []
    for sequential in (False, True):
        task = task_of(tiny({"norm.sequential": sequential}))
        views = StageViews(("main", "aux"), (0.5, 0.5), (0, 1))
        variables = task.init(stream_key(3, "init"))

        def keys(stream):
            return stream_key(0, stream, 0)

        losses.append(averaged(task.loss(variables, same, views=views, numbers={}, keys=keys))[0])
    assert float(losses[0]) == pytest.approx(float(losses[1]), rel=1e-5)


@pytest.mark.parametrize("kind", ["split_stats", pytest.param("split", marks=pytest.mark.slow)])
def test_gradients_taken_pass_by_pass_are_those_of_the_sum(tiny, batch, kind, monkeypatch):
    task = task_of(tiny({"branches": THREE, "views.small.augment": "", "norm.kind": kind}))
    variables = task.init(stream_key(3, "init"))

    def gradient():
        def loss(params):
            return loss_of(task, {**variables, "params": params}, batch, weights=(0.5, 0.2, 0.3))[0]

        return jax.grad(loss)(variables["params"])

    def as_it_stands(passes, params, carried):
        losses, found = [], []
        for one in passes:
            loss, (carried, other) = one(params, carried)
            losses.append(loss)
            found.append(other)
        return sum(losses), (carried, found)

    taken = gradient()
    monkeypatch.setattr(classification, "pass_by_pass", as_it_stands)
    # float32, summed in another order
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), taken, gradient())

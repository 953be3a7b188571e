"""The classification task: its loss is the papers', and branches keep to themselves."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sbn.data.pixels import pack
from sbn.tasks.base import StageViews
from sbn.tasks.classification import make_classification
from sbn.train.state import stream_key
from tests.tasks.parts import averaged, batch_of, described

N = 6
BOTH = StageViews(("main", "aux"), (0.5, 0.5), (0, 1))


def task_of(config):
    return make_classification(config, described())


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(0)
    return batch_of(pack(rng.integers(0, 256, (N, 2, 16, 16, 3), np.uint8)), rng.integers(0, 10, N).astype(np.int32))


def keys_at(step):
    return lambda stream: stream_key(0, stream, step)


@functools.cache
def fresh(task, seed):
    """Its first variables; not to be changed."""
    return task.init(stream_key(seed, "init"))


@functools.partial(jax.jit, static_argnums=(0, 3))
def _loss_of(task, variables, batch, views):
    return averaged(task.loss(variables, batch, views=views, numbers={}, keys=keys_at(0)))


def loss_of(task, variables, batch, views, label_smoothing=0.0):
    return _loss_of(dataclasses.replace(task, label_smoothing=label_smoothing), variables, batch, views)


def logits_of(task, variables, pixels):
    """Training-mode logits of one branch's variables for one view."""
    from sbn.data.pixels import normalise

    images = normalise(pixels, mean=task.mean, std=task.std)
    return jax.jit(lambda v, x: task.model.apply(v, x, train=True, mutable=["batch_stats"]))(variables, images)


def cross_entropy(logits, labels, smoothing):
    logits = np.asarray(logits, np.float64)
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    target = np.full(logits.shape, smoothing / logits.shape[-1])
    target[np.arange(len(labels)), labels] += 1 - smoothing
    return -(target * log_p).sum(-1).mean()


@pytest.mark.parametrize("smoothing", [pytest.param(0.0, marks=pytest.mark.slow), 0.1])
def test_the_loss_is_the_weighted_mean_of_the_branches_losses(tiny, batch, smoothing):
    """Algorithm 1 of the split-BN paper, branch by branch through a network that has one branch only."""
    from sbn.nn.branches import select_branch

    task = task_of(tiny())
    alone = task_of(tiny({"branches": ("main",)}))
    variables = fresh(task, 3)
    views = StageViews(("main", "aux"), (0.25, 0.75), (0, 1))
    total, (stats, metrics) = loss_of(task, variables, batch, views, smoothing)
    expected = []
    for k, name in enumerate(("main", "aux")):
        logits, updates = logits_of(alone, select_branch(variables, k), batch["inputs"]["image"][:, k : k + 1])
        expected.append(cross_entropy(logits[:, 0], batch["targets"]["label"], smoothing))
        # float32 through ten layers
        np.testing.assert_allclose(metrics[f"{name}/loss"], expected[k], rtol=1e-5)
        assert metrics[f"{name}/accuracy"] == pytest.approx(
            (np.argmax(logits[:, 0], -1) == batch["targets"]["label"]).mean()
        )
        for new, own in zip(jax.tree.leaves(stats), jax.tree.leaves(updates["batch_stats"]), strict=True):
            np.testing.assert_allclose(new[k], own[0], rtol=1e-4, atol=1e-6)
    assert float(total) == pytest.approx(0.25 * expected[0] + 0.75 * expected[1], rel=1e-5)


def test_a_stage_of_one_view_leaves_the_other_branch_alone(tiny, batch):
    task = task_of(tiny())
    variables = fresh(task, 0)
    one = batch_of(batch["inputs"]["image"][:, :1], batch["targets"]["label"])
    aux_only = StageViews(("aux",), (1.0,), (1,))

    def loss(params):
        return loss_of(task, {**variables, "params": params}, one, aux_only)

    grads, (stats, _) = jax.grad(loss, has_aux=True)(variables["params"])
    changed = jax.tree.map(lambda new, old: (new != old).any(axis=1), stats, variables["batch_stats"])
    for rows in jax.tree.leaves(changed):
        assert list(rows) == [False, True]
    norm = grads["final_norm"]
    assert (norm["scale"][0] == 0).all()
    assert (norm["scale"][1] != 0).any()


def test_shared_is_one_batchnorm_over_all_views(tiny, batch):
    """Row 5 of Table 3: the two views as one batch of 2N through a plain network."""
    task = task_of(tiny({"norm.kind": "shared"}))
    assert task.branches == ("main",)
    variables = fresh(task, 0)
    total, (stats, _) = loss_of(task, variables, batch, StageViews(("main", "aux"), (0.5, 0.5), (0, 0)))
    as_one = np.asarray(batch["inputs"]["image"]).reshape(2 * N, 1, 16, 16)
    logits, updates = logits_of(task, variables, as_one)
    assert float(total) == pytest.approx(
        cross_entropy(logits[:, 0], np.repeat(batch["targets"]["label"], 2), 0.0), rel=1e-5
    )
    for new, own in zip(jax.tree.leaves(stats), jax.tree.leaves(updates["batch_stats"]), strict=True):
        np.testing.assert_allclose(new, own, rtol=1e-5, atol=1e-7)


def test_predictions_are_those_of_each_branch_alone(tiny, batch):
    from sbn.nn.branches import select_branch

    task, alone = task_of(tiny()), task_of(tiny({"branches": ("main",)}))
    variables = fresh(task, 0)
    variables = {**variables, "batch_stats": loss_of(task, variables, batch, BOTH)[1][0]}
    images = batch["inputs"]["image"][:, 0]
    logits = jax.jit(task.outputs)(variables, {"image": images})
    assert logits.shape == (N, 2, 10)
    assert jnp.abs(logits[:, 0] - logits[:, 1]).max() > 1e-4
    for k in (0, 1):
        np.testing.assert_allclose(
            logits[:, k],
            jax.jit(alone.outputs)(select_branch(variables, k), {"image": images})[:, 0],
            rtol=1e-5,
            atol=1e-6,
        )


# rows of tests/rows train the others in every run of the tests
@pytest.mark.parametrize(
    "kind", ["split_stats", "none", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("split", "shared"))]
)
def test_every_kind_of_normalisation_trains_a_step(tiny, batch, kind):
    task = task_of(tiny({"norm.kind": kind}))
    variables = fresh(task, 0)
    indices = (0, 1) if kind.startswith("split") else (0, 0)
    views = StageViews(("main", "aux"), (0.5, 0.5), indices)
    grads = jax.grad(lambda p: loss_of(task, {**variables, "params": p}, batch, views)[0])(variables["params"])
    assert all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(grads))
    assert any((leaf != 0).any() for leaf in jax.tree.leaves(grads))


def test_groups_of_a_shared_norm_hold_all_views_of_their_examples(tiny, batch):
    """group_size counts examples: with two views a group of 3 examples normalises 6 images together."""
    grouped = task_of(tiny({"norm.kind": "shared", "norm.group_size": 2, "batch_size": 8}))
    whole = task_of(tiny({"norm.kind": "shared"}))
    views = StageViews(("main", "aux"), (0.5, 0.5), (0, 0))
    variables = fresh(whole, 0)
    total, (stats, _) = loss_of(grouped, variables, batch, views)
    parts = [
        loss_of(whole, variables, jax.tree.map(lambda leaf, start=start: leaf[start : start + 2], batch), views)
        for start in (0, 2, 4)
    ]
    assert float(total) == pytest.approx(np.mean([float(part[0]) for part in parts]), rel=1e-5)
    pooled = jax.tree.map(lambda *leaves: np.mean(leaves, axis=0), *[part[1][0] for part in parts])
    for new, mean in zip(jax.tree.leaves(stats), jax.tree.leaves(pooled), strict=True):
        np.testing.assert_allclose(new, mean, rtol=1e-4, atol=1e-6)


def test_bfloat16_activations_leave_parameters_and_losses_in_float32(tiny, batch):
    exact, short = task_of(tiny()), task_of(tiny({"precision": "bfloat16"}))
    variables = fresh(exact, 0)
    for leaf in jax.tree.leaves(fresh(short, 0)):
        assert leaf.dtype == jnp.float32
    a, b = loss_of(exact, variables, batch, BOTH)[0], loss_of(short, variables, batch, BOTH)[0]
    assert b.dtype == jnp.float32
    assert a != b
    assert float(b) == pytest.approx(float(a), rel=0.05)  # 8 bits of mantissa through ten layers


@pytest.mark.slow
def test_dropout_follows_its_key(tiny, batch):
    task = task_of(tiny({"model.dropout": 0.5}))
    variables = fresh(task, 0)

    def total(step):
        loss = jax.jit(lambda v, b: averaged(task.loss(v, b, views=BOTH, numbers={}, keys=keys_at(step))))
        return float(loss(variables, batch)[0])

    assert total(1) == total(1)
    assert total(1) != total(2)


def test_floats_get_the_logits_of_the_packed_images(tiny, batch):
    from sbn.data.pixels import pack

    task = task_of(tiny())
    variables = fresh(task, 2)
    images = np.random.default_rng(4).integers(0, 256, (N, 16, 16, 3), np.uint8)
    packed = jax.jit(task.outputs)(variables, {"image": pack(images)})
    floats = jax.jit(task.predict_floats)(variables, images.astype(np.float32) / 255)
    assert floats.shape == (N, 2, 10)
    # inputs agree to 2e-6, and ten layers at initialisation keep the scale
    np.testing.assert_allclose(floats, packed, rtol=0, atol=1e-4)
    assert np.asarray(packed).std() > 1e-2


@pytest.mark.parametrize("kind", ["split", pytest.param("shared", marks=pytest.mark.slow)])
def test_shares_of_shake_shake_are_drawn_anew_at_every_step(tiny, batch, kind):
    changes = {"model.name": "shake_shake", "model.depth": 8, "model.width": 4, "norm.kind": kind}
    task = task_of(tiny(changes))
    variables, views = (
        fresh(task, 3),
        StageViews(("main", "aux"), (0.5, 0.5), (0, 0) if kind == "shared" else (0, 1)),
    )

    @jax.jit
    def loss(step):
        return averaged(task.loss(variables, batch, views=views, numbers={}, keys=keys_at(step)))[0]

    first, again, later = (float(loss(step)) for step in (0, 0, 1))
    assert first == again
    assert abs(first - later) > 1e-4


def test_fixup_trains_without_statistics_and_its_first_step_moves_the_head_alone(tiny, batch):
    task = task_of(tiny({"model.name": "cifar_resnet", "model.depth": 8, "model.width": 4, "norm.kind": "none"}))
    variables, views = fresh(task, 3), StageViews(("main", "aux"), (0.5, 0.5), (0, 0))
    assert variables["batch_stats"] == {}
    assert task.branches == ("main",)

    def loss(params):
        own = {**variables, "params": params}
        return averaged(task.loss(own, batch, views=views, numbers={}, keys=keys_at(0)))

    (total, (stats, _)), grads = jax.jit(jax.value_and_grad(loss, has_aux=True))(variables["params"])
    assert stats == {}
    # all logits are 0: the loss is that of guessing
    np.testing.assert_allclose(total, np.log(10), rtol=1e-6)
    moving = {name for name, leaves in grads.items() if any(leaf.any() for leaf in jax.tree.leaves(leaves))}
    assert moving == {"head"}

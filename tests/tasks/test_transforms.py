"""Consistent Normalization's training step (Zhou et al. 2019): transforms, their parameters, and those they share."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sbn.config.errors import ConfigError
from sbn.data.pixels import normalise, pack
from sbn.nn import branches
from sbn.tasks.base import StageViews
from sbn.tasks.classification import make_classification
from sbn.train.state import stream_key
from tests import compiling
from tests.tasks.parts import averaged, batch_of, described

N, SIZE = 6, 16
NETWORK = {"model.name": "cifar_resnet", "model.depth": 8, "model.width": 4}


def task_of(config):
    return make_classification(config, described(classes=10, size=(SIZE, SIZE)))


def make_batch(views, *, same):
    rng = np.random.default_rng(0)
    pixels = pack(rng.integers(0, 256, (N, 1 if same else views, SIZE, SIZE, 3), np.uint8))
    return batch_of(np.repeat(pixels, views if same else 1, axis=1), np.arange(N, dtype=np.int32))


@functools.partial(compiling.jit, static_argnums=(0, 3))
def step_of(task, variables, batch, views):
    """Gradients of the sum of the views' losses, new statistics, metrics."""

    def loss(params):
        own = {**variables, "params": params}
        keys = lambda stream: stream_key(0, stream, 0)  # noqa: E731
        return averaged(task.loss(own, batch, views=views, numbers={}, keys=keys))

    grads, (stats, metrics) = jax.grad(loss, has_aux=True)(variables["params"])
    return grads, stats, metrics


def started(task, seed=3):
    """Fresh variables with scales and biases that are not 1 and 0."""
    rng = np.random.default_rng(seed)
    variables = task.init(stream_key(seed, "init"))
    move = lambda leaf: leaf + jnp.asarray(rng.uniform(0, 0.5, leaf.shape), jnp.float32)  # noqa: E731
    moved = jax.tree.map(move, {k: v for k, v in variables["params"].items() if k.endswith("norm")})
    return {**variables, "params": {**variables["params"], **moved}}


def test_the_identity_twice_updates_both_sets_alike_and_the_weights_twice_as_much(tiny):
    two, one = task_of(tiny(NETWORK)), task_of(tiny({**NETWORK, "branches": ("main",)}))
    plain = started(one)
    views = StageViews(("main", "aux"), (1.0, 1.0), (0, 1))
    grads, stats, _ = step_of(two, branches.from_plain(plain, 2), make_batch(2, same=True), views)
    alone, own, _ = step_of(one, plain, make_batch(1, same=True), StageViews(("main",), (1.0,), (0,)))
    for leaf in jax.tree.leaves(stats):
        np.testing.assert_array_equal(leaf[0], leaf[1])
    for (path, leaf), single in zip(jax.tree_util.tree_leaves_with_path(grads), jax.tree.leaves(alone), strict=True):
        # float32 sums in another order, of gradients up to `scale`
        scale = float(jnp.abs(single).max())
        if path[-1].key in branches.AFFINE and leaf.ndim == 2:
            np.testing.assert_array_equal(leaf[0], leaf[1])
            np.testing.assert_allclose(leaf[0], single[0], rtol=0, atol=1e-5 * scale)
        else:
            np.testing.assert_allclose(leaf, 2 * single, rtol=0, atol=2e-5 * scale)
    for both, single in zip(jax.tree.leaves(stats), jax.tree.leaves(own), strict=True):
        np.testing.assert_allclose(both[0], single[0], rtol=1e-5, atol=1e-6)


def test_shared_running_averages_move_once_a_transform(tiny):
    """Three passes of one step: the average is that of three batches, each in its statistics groups, in their order."""
    config = tiny(
        {**NETWORK, "norm.kind": "shared", "norm.sequential": True, "norm.momentum": 0.8, "norm.group_size": 2}
    )
    task = task_of(config)
    variables = started(task)
    before = {"mean": 0.5, "var": 3.0}
    stem = {name: jnp.full_like(variables["batch_stats"]["stem_norm"][name], value) for name, value in before.items()}
    variables["batch_stats"] = {**variables["batch_stats"], "stem_norm": stem}
    batch, views = make_batch(3, same=False), StageViews(("a", "b", "c"), (1.0,) * 3, (0,) * 3)
    _, stats, _ = step_of(task, variables, batch, views)

    images = normalise(batch["inputs"]["image"], mean=task.mean, std=task.std)
    kernel, expected = (
        variables["params"]["stem"]["kernel"],
        {name: np.full(4, value) for name, value in before.items()},
    )
    for k in range(3):
        made = jax.lax.conv_general_dilated(
            images[:, k], kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        values = np.asarray(made, np.float64).reshape(N // 2, -1, 4)  # groups of neighbouring examples
        for name, found in (("mean", values.mean(1)), ("var", values.var(1, ddof=1))):
            expected[name] = 0.8 * expected[name] + 0.2 * found.mean(0)
    for name, value in expected.items():
        np.testing.assert_allclose(stats["stem_norm"][name][0], value, rtol=1e-5)


@pytest.mark.parametrize(
    "layer",
    [
        pytest.param({"norm.layer": "layer"}, marks=pytest.mark.slow),
        {"norm.layer": "group", "norm.groups": 2},
    ],
)
def test_layers_without_statistics_have_branches_too(tiny, layer):
    changes = {**NETWORK, **layer}
    two, one = task_of(tiny(changes)), task_of(tiny({**changes, "branches": ("main",)}))
    variables = started(two)
    assert variables["batch_stats"] == {}
    assert branches.branch_count(variables) == 2
    batch, views = make_batch(2, same=False), StageViews(("main", "aux"), (1.0, 1.0), (0, 1))
    grads, stats, metrics = step_of(two, variables, batch, views)
    assert stats == {}
    predicted = jax.jit(two.outputs)
    for k, name in enumerate(("main", "aux")):
        single = batch_of(batch["inputs"]["image"][:, k : k + 1], batch["targets"]["label"])
        plain = branches.select_branch(variables, k)
        alone, _, found = step_of(one, plain, single, StageViews(("main",), (1.0,), (0,)))
        assert float(metrics[f"{name}/loss"]) == pytest.approx(float(found["main/loss"]), rel=1e-5)
        scales = grads["stem_norm"]["scale"][k], alone["stem_norm"]["scale"][0]
        np.testing.assert_allclose(*scales, rtol=0, atol=1e-5 * float(jnp.abs(scales[1]).max()))
        # training and evaluation are the same function
        logits = predicted(variables, {"image": single["inputs"]["image"][:, 0]})[:, k]
        log_p = jax.nn.log_softmax(logits)[np.arange(N), batch["targets"]["label"]]
        assert float(-log_p.mean()) == pytest.approx(float(found["main/loss"]), rel=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"norm.groups": 8}, "norm.groups = 8 has no effect with norm.layer = 'batch'"),
        ({"norm.layer": "layer", "norm.kind": "split_stats"}, "'split_stats', which keeps no statistics"),
        ({"norm.layer": "group", "norm.kind": "none"}, "where no layer is"),
        ({"norm.layer": "group", "norm.group_size": 4}, "norm.group_size = 4 has no effect with norm.layer = 'group'"),
        ({"norm.layer": "layer", "norm.momentum": 0.99}, "norm.momentum = 0.99 has no effect"),
        ({"norm.layer": "layer", "norm.unbiased": False}, "norm.unbiased = False has no effect"),
    ],
)
def test_what_means_nothing_is_refused(tiny, changes, message):
    with pytest.raises(ConfigError) as caught:
        tiny(changes)
    assert message in str(caught.value)

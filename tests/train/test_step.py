"""The step of a stage is that of the network as the stage has it; a batch in parts is the parts' steps, added up."""

import functools
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sbn.config.errors import ConfigError
from sbn.data.pixels import pack
from sbn.nn import branches
from sbn.tasks.base import Loss, StageViews
from sbn.tasks.classification import make_classification
from sbn.train import train
from sbn.train.mesh import make_mesh
from sbn.train.optimiser import make_optimiser
from sbn.train.plan import make_plan
from sbn.train.schedules import make_schedule
from sbn.train.setup import make_setup
from sbn.train.state import init_state, stream_key
from sbn.train.step import _trained, accumulated, make_step, waits
from tests.e2e import runs
from tests.tasks.parts import batch_of, described

ONE = {"branches": ("main",), "views.main.augment": "", "schedule.kind": "constant"}


def steps_of(config):
    """What the first step of every stage makes of the same variables and batch: variables and metrics."""
    setup, rng = make_setup(config), np.random.default_rng(0)
    batch = batch_of(pack(rng.integers(0, 256, (8, 1, 16, 16, 3), np.uint8)), rng.integers(0, 10, 8).astype(np.int32))
    found = []
    for stage in setup.plan.stages:
        schedule = make_schedule(stage, setup.plan)
        state = init_state(setup.task, make_optimiser(stage, schedule), seed=config.seed)
        take = make_step(setup.task, stage, schedule, setup.mesh, prepare=lambda fed, numbers, resident: fed)
        counted = jax.tree.map(lambda leaf, n=stage.start: leaf + n if leaf.dtype == jnp.int32 else leaf, state)
        after, metrics = take(counted, batch, {}, {"seed": np.uint32(config.seed)})
        found.append(jax.tree.map(np.asarray, (after.variables, metrics)))
    return found


def test_dropout_is_a_stages_own(tiny, as_users):
    """A stage without it takes the step of a run without it, bit for bit."""
    stages = {**ONE, "stages": ("train", "refine"), "model.dropout": 0.5, "stage.refine.model.dropout": 0.0}
    first, second = steps_of(tiny(stages))
    (plain,) = steps_of(tiny(ONE))
    jax.tree.map(np.testing.assert_array_equal, second, plain)
    assert first[-1]["loss"] != plain[-1]["loss"]


def test_a_branch_that_a_stage_leaves_out_does_not_move_whatever_the_optimiser_remembers(tiny):
    """AdamW's averages of gradients and its weight decay would move it."""
    adamw = {"optim.name": "adamw", "optim.weight_decay": 0.1, "schedule.kind": "constant"}
    setup = make_setup(tiny({**adamw, "stages": ("both", "one"), "stage.one.branches": ("main",)}))
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, 8).astype(np.int32)
    schedules = [make_schedule(stage, setup.plan) for stage in setup.plan.stages]
    state = init_state(setup.task, make_optimiser(setup.plan.stages[0], schedules[0]), seed=0)
    seen = []
    for stage, schedule, views in zip(setup.plan.stages, schedules, (2, 1), strict=True):
        take = make_step(setup.task, stage, schedule, setup.mesh, prepare=lambda fed, numbers, resident: fed)
        pixels = pack(rng.integers(0, 256, (8, views, 16, 16, 3), np.uint8))
        state, _ = take(state, batch_of(pixels, labels), {}, {"seed": np.uint32(0)})
        seen.append(jax.tree.map(np.asarray, state.variables))
    main, aux = ([branches.select_branch(variables, k) for variables in seen] for k in (0, 1))
    own = lambda variables: [variables["batch_stats"], variables["params"]["final_norm"]]  # noqa: E731
    jax.tree.map(np.testing.assert_array_equal, own(aux[0]), own(aux[1]))
    assert (main[0]["params"]["final_norm"]["scale"] != main[1]["params"]["final_norm"]["scale"]).all()


def test_a_view_waits_for_the_gradient_of_the_one_before(tiny, monkeypatch):
    setup = make_setup(tiny({"data.path": "host"}), devices=jax.devices()[:1])
    stage = setup.plan.stages[0]
    schedule = make_schedule(stage, setup.plan)
    state = jax.eval_shape(lambda: init_state(setup.task, make_optimiser(stage, schedule), seed=0))
    batch = batch_of(np.zeros((8, 2, 16, 16), np.int32), np.zeros(8, np.int32))

    def barriers():
        take = make_step(setup.task, stage, schedule, setup.mesh, prepare=lambda fed, numbers, resident: fed)
        return take.lower(state, batch, {}, {"seed": np.uint32(0)}).as_text().count("optimization_barrier")

    assert barriers() == 1  # between the two views
    monkeypatch.setattr("sbn.train.step.waits", lambda mesh: False)
    assert barriers() == 0


@pytest.mark.parametrize(
    ("platform", "devices", "expected"),
    [("gpu", 1, True), ("gpu", 4, False), ("cuda", 2, False), ("tpu", 4, True), ("cpu", 8, True)],
)
def test_gpus_that_share_a_batch_do_not_wait(platform, devices, expected):
    device = types.SimpleNamespace(platform=platform)
    assert waits(types.SimpleNamespace(devices=np.array([device] * devices))) == expected


def test_what_a_stage_trains_is_told_by_the_layout():
    """Of layers in a scan and a scale of two heads the rule for unknown networks knows nothing."""
    params = {"layers": {"scale": jnp.ones((2, 3, 4))}, "heads": {"scale": jnp.ones((2, 3))}}
    trained = _trained(params, indices=(1,), layout=frozenset({("params", "layers", "scale")}), frozen=())
    np.testing.assert_array_equal(trained["layers"]["scale"], [np.zeros((3, 4)), np.ones((3, 4))])
    np.testing.assert_array_equal(trained["heads"]["scale"], np.ones((2, 3)))


N = 8
VIEWS = StageViews(("main", "aux"), (0.5, 0.5), (0, 1), ((), ()), ((), ()))


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    pixels = pack(rng.integers(0, 256, (N, 2, 16, 16, 3), np.uint8))
    return batch_of(jnp.asarray(pixels), jnp.arange(N, dtype=jnp.int32))


def parts_of(config):
    task = make_classification(config, described())
    variables = task.init(stream_key(3, "init"))

    def gradients(batch, stats, keys):
        def loss(params):
            own = {"params": params, "batch_stats": stats}
            found = task.loss(own, batch, views=VIEWS, numbers={}, keys=keys)
            return found.sum, found

        return jax.grad(loss, has_aux=True)(variables["params"])

    return jax.jit(gradients, static_argnums=2), variables


@functools.cache  # one function for a step, so that what gets it is compiled once
def keys_at(step):
    return lambda stream: stream_key(0, stream, step)


@pytest.mark.parametrize("parts", [pytest.param(2, marks=pytest.mark.slow), 4])
def test_parts_are_steps_of_their_own_added_up(tiny, batch, parts):
    gradients, variables = parts_of(tiny())
    grads, loss = accumulated(gradients, batch, variables["batch_stats"], keys_at(0), parts=parts)
    running, each = variables["batch_stats"], []
    for part in range(parts):
        own = jax.tree.map(lambda x, part=part: x[part::parts], batch)
        one, found = gradients(own, running, keys_at(0))
        running = found.batch_stats
        each.append((one, found.sum, found.weight, found.metrics))
    expected = jax.tree.map(lambda *leaves: np.sum(leaves, axis=0), *each)
    assert loss.weight == N
    # float32, summed in two programs; gradients of a sum are N times those of a mean
    sums = grads, loss.sum, loss.weight, loss.metrics
    for a, b in zip(jax.tree.leaves(sums), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=N * 1e-5)
    for a, b in zip(jax.tree.leaves(loss.batch_stats), jax.tree.leaves(running), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_without_statistics_parts_do_what_the_whole_batch_does(tiny, batch):
    gradients, variables = parts_of(tiny({"norm.kind": "none"}))
    whole, found = gradients(batch, variables["batch_stats"], keys_at(0))
    grads, loss = accumulated(gradients, batch, variables["batch_stats"], keys_at(0), parts=4)
    assert any((leaf != 0).any() for leaf in jax.tree.leaves(whole))
    for a, b in zip(jax.tree.leaves((grads, loss.metrics)), jax.tree.leaves((whole, found.metrics)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=N * 1e-6)


def test_parts_that_weigh_differently_are_one_weighted_mean():
    """A linear model on sequences of which some values do not count: closed form, against the whole batch."""
    rng = np.random.default_rng(0)
    values, counts = rng.normal(size=(N, 5)), (np.arange(5) < rng.permutation(np.arange(N))[:, None] % 6)
    batch = {"inputs": {"x": jnp.asarray(values, jnp.float32)}, "targets": {"counts": jnp.asarray(counts)}}

    def gradients(batch, stats, keys):
        def loss(slope):
            x, valid = batch["inputs"]["x"], batch["targets"]["counts"]
            total, weight = jnp.where(valid, jnp.square(slope * x - 1), 0).sum(), valid.sum().astype(jnp.float32)
            found = Loss(total, weight, stats, {"loss": (total, weight)})
            return found.sum, found

        return jax.grad(loss, has_aux=True)(jnp.float32(0.7))

    grads, loss = accumulated(gradients, batch, {}, keys_at(0), parts=4)
    x = values[counts]
    assert len({int(counts[part::4].sum()) for part in range(4)}) > 1
    assert float(loss.weight) == len(x)
    assert float(grads / loss.weight) == pytest.approx(np.mean(2 * x * (0.7 * x - 1)), rel=1e-5)
    assert float(loss.metrics["loss"][0] / loss.metrics["loss"][1]) == pytest.approx(
        np.mean((0.7 * x - 1) ** 2), rel=1e-5
    )


def test_parts_draw_anew():
    def gradients(batch, stats, keys):
        return jax.random.uniform(keys("dropout")), Loss(jnp.float32(0), jnp.float32(1), stats, {})

    drawn, _ = accumulated(gradients, {"x": jnp.zeros(N)}, {}, keys_at(0), parts=2)
    every = [jax.random.uniform(jax.random.fold_in(keys_at(0)("dropout"), part)) for part in range(2)]
    assert every[0] != every[1]
    np.testing.assert_allclose(drawn, sum(every), rtol=1e-6)


class Slope:
    """A task of one weight, whose gradient is 1."""

    branches = ("main", "aux")

    def for_stage(self, config):
        return self

    def init(self, key):
        return {"params": {"slope": {"kernel": jnp.zeros(())}}}

    def loss(self, variables, batch, *, views, numbers, keys):
        return Loss(variables["params"]["slope"]["kernel"], 1.0, variables["batch_stats"], {})


def test_the_learning_rate_is_that_of_the_runs_step_whatever_the_optimiser_counts(tiny):
    """A run may begin from another one's steps with an optimiser that begins anew."""
    plan = make_plan(tiny({"optim.weight_decay": 0.0, "optim.momentum": 0.0}), examples=40)
    stage, task = plan.stages[0], Slope()
    state = init_state(task, make_optimiser(stage, lambda step: 0.0), seed=0)._replace(step=jnp.asarray(3, jnp.int32))
    schedule = lambda step: jnp.where(step == 3, 0.5, 0.0)  # noqa: E731
    take = make_step(task, stage, schedule, make_mesh(batch_size=8), prepare=lambda fed, numbers, resident: fed)
    after, metrics = take(state, {"x": jnp.zeros(8)}, {}, {"seed": np.uint32(0)})
    assert (int(after.step), float(after.params["slope"]["kernel"]), float(metrics["lr"][0])) == (4, -0.5, 0.5)


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

"""The step of a stage is that of the network as the stage has it."""

import jax
import jax.numpy as jnp
import numpy as np

from sbn.data.pixels import pack
from sbn.nn import branches
from sbn.train.optimiser import make_optimiser
from sbn.train.schedules import make_schedule
from sbn.train.setup import make_setup
from sbn.train.state import init_state
from sbn.train.step import make_step
from tests.tasks.parts import batch_of

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


def test_dropout_is_a_stages_own(tiny):
    """A stage without it takes the step of a run without it, and a stage with it that of a run with it, bit for bit."""
    stages = {**ONE, "stages": ("train", "refine"), "model.dropout": 0.5, "stage.refine.model.dropout": 0.0}
    first, second = steps_of(tiny(stages))
    (plain,) = steps_of(tiny(ONE))
    (dropped,) = steps_of(tiny({**ONE, "model.dropout": 0.5}))
    jax.tree.map(np.testing.assert_array_equal, second, plain)
    jax.tree.map(np.testing.assert_array_equal, first, dropped)
    assert plain[-1]["loss"] != dropped[-1]["loss"]


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

"""The step of a stage is that of the network as the stage has it."""

import jax
import jax.numpy as jnp
import numpy as np

from sbn.data.pixels import pack
from sbn.train.optimiser import make_optimiser, make_schedule
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

"""`optim.frozen`: what a stage freezes does not move, costs no gradient, and must be there."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sbn.config.errors import ConfigError
from sbn.tasks.base import Loss
from sbn.train.frozen import check_frozen, is_frozen
from sbn.train.mesh import make_mesh
from sbn.train.optimiser import check_optimisers, make_optimiser
from sbn.train.plan import make_plan
from sbn.train.schedules import make_schedule
from sbn.train.state import TrainState
from sbn.train.step import make_step

PARAMS = {
    "stem": {"kernel": jnp.asarray([2.0, -1.0])},
    "stage1": {"norm": {"scale": jnp.asarray([3.0]), "bias": jnp.asarray([1.0])}},
    "head": {"kernel": jnp.asarray([0.5])},
}


@dataclasses.dataclass(frozen=True)
class Quadratic:
    """Half the squared norm of all parameters: the gradient of each is itself."""

    branches: tuple[str, ...] = ("main",)

    def for_stage(self, config):
        return self

    def loss(self, variables, batch, *, views, numbers, keys):
        total = sum(jnp.square(leaf).sum() / 2 for leaf in jax.tree.leaves(variables["params"]))
        return Loss(total, 1.0, {}, {"loss": (total, 1.0)})


def trained(tiny, changes):
    """The parameters after each stage's single step, and its metrics."""
    config = tiny(
        {"branches": ("main",), "views.main.augment": "", "duration": "1 steps", "schedule.kind": "constant", **changes}
    )
    plan = make_plan(config, examples=8)
    check_optimisers(plan, PARAMS)
    state, found = None, []
    for stage in plan.stages:
        schedule = make_schedule(stage, plan)
        if state is None:
            params = jax.tree.map(jnp.copy, PARAMS)
            momentum = make_optimiser(stage, schedule).init(params)
            state = TrainState(jnp.zeros((), jnp.int32), params, {}, momentum, None)
        step = make_step(Quadratic(), stage, schedule, make_mesh(batch_size=8), prepare=lambda fed, *_: fed)
        state, metrics = step(state, {"id": jnp.arange(8)}, {}, {"seed": np.uint32(0)})
        found.append(
            (jax.tree.map(np.array, state.params), {name: float(value) for name, (value, _) in metrics.items()})
        )
    return found


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_what_a_stage_freezes_stays_whatever_weight_decay_and_momentum_would_do(tiny, name):
    both = {"optim.name": name, "optim.weight_decay": 0.1, "stages": ("all", "some")}
    (first, _), (second, _) = trained(tiny, {**both, "stage.some.optim.frozen": ("stem*", "stage1/norm")})
    for path, leaf in jax.tree_util.tree_leaves_with_path(second):
        before = first[path[0].key]
        for key in path[1:]:
            before = before[key.key]
        assert (leaf == before).all() == (path[0].key != "head"), path
    moved = jax.tree.map(lambda a, b: (a != b).all(), first, PARAMS)
    assert all(jax.tree.leaves(moved))


def test_frozen_parts_do_not_count_where_gradients_are_clipped(tiny):
    ((_, free),) = trained(tiny, {})
    ((after, held),) = trained(
        tiny,
        {"optim.frozen": ("stem", "stage1"), "optim.clip_norm": 0.25, "optim.weight_decay": 0.0, "optim.lr": 1.0},
    )
    assert free["grad_norm"] == pytest.approx(np.sqrt(4 + 1 + 9 + 1 + 0.25))
    assert held["grad_norm"] == pytest.approx(0.5)
    # the gradient 0.5 is cut to 0.25, and Nesterov's form takes 1.9 of the first one
    np.testing.assert_allclose(after["head"]["kernel"], 0.5 - 1.9 * 0.25, rtol=1e-6)


def test_patterns_name_modules_and_paths():
    found = is_frozen(PARAMS, ("st*1/norm/scale", "head"))
    assert found == {
        "stem": {"kernel": False},
        "stage1": {"norm": {"scale": True, "bias": False}},
        "head": {"kernel": True},
    }


@pytest.mark.parametrize(
    ("patterns", "told"),
    [
        (("steem",), "part of the network in optim.frozen: 'steem'"),
        (("stem", "stage2*"), "'stage2*'"),
        (("*",), "matches all parameters: nothing is left to train"),
    ],
)
def test_a_pattern_that_names_nothing_and_one_that_names_all_are_refused(patterns, told):
    with pytest.raises(ConfigError) as error:
        check_frozen(PARAMS, patterns)
    assert told in str(error.value)
    assert "\n" not in str(error.value)

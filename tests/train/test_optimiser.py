"""SGD and its schedules, against the formulas of the code the papers descend from, in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from sbn.train.optimiser import make_optimiser
from sbn.train.plan import Before, make_plan
from sbn.train.schedules import make_schedule


def plan_of(tiny, **changes):
    return make_plan(tiny({name.replace("__", "."): value for name, value in changes.items()}), examples=40)


def rates(plan):
    schedules = [(stage, make_schedule(stage, plan)) for stage in plan.stages]
    return np.array(
        [schedule(jnp.asarray(step)) for stage, schedule in schedules for step in range(stage.start, stage.stop)]
    )


def test_cosine_counts_from_one_and_ends_at_zero(tiny):
    plan = plan_of(tiny, duration="50 steps", optim__lr=0.1)
    t = np.arange(1, 51)
    # float32 cosine
    np.testing.assert_allclose(rates(plan), 0.05 * (1 + np.cos(np.pi * t / 50)), rtol=0, atol=1e-8)
    assert rates(plan)[-1] == 0


def test_steps_multiply_at_their_boundaries_and_warm_up_is_linear(tiny):
    plan = plan_of(
        tiny,
        duration="10 steps",
        optim__lr=1.0,
        schedule__kind="step",
        schedule__boundaries=("4 steps", "7 steps"),
        schedule__warmup="2 steps",
    )
    np.testing.assert_allclose(rates(plan), [0.5, 1, 1, 1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.01], rtol=1e-6)


def test_every_stage_has_its_own_schedule_from_its_own_start(tiny):
    plan = plan_of(
        tiny,
        stages=("a", "b"),
        stage__a__duration="4 steps",
        stage__b__duration="2 steps",
        stage__b__schedule__kind="constant",
        stage__b__optim__lr=0.5,
    )
    expected = [0.025 * (1 + np.cos(np.pi * t / 4)) for t in (1, 2, 3, 4)]
    np.testing.assert_allclose(rates(plan), [*expected, 0.5, 0.5], rtol=0, atol=1e-8)


@pytest.mark.parametrize(
    "schedule",
    [
        {"schedule__kind": "step", "schedule__boundaries": ("3 steps", "7 steps")},
        {"schedule__kind": "cosine", "schedule__warmup": "5 steps"},
    ],
)
def test_a_schedule_over_the_run_does_not_see_where_its_stages_meet(tiny, schedule):
    """Figure 4 of Data Augmentation Revisited: the switch moves, the learning rate does not."""
    whole = rates(plan_of(tiny, duration="10 steps", **schedule))
    for meet in (1, 3, 4, 9):
        spans = {"stage__a__duration": f"{meet} steps", "stage__b__duration": f"{10 - meet} steps"}
        parts = plan_of(tiny, schedule__span="run", stages=("a", "b"), **spans, **schedule)
        np.testing.assert_array_equal(rates(parts), whole)


@pytest.mark.parametrize("span", ["stage", "run"])
def test_a_stage_that_goes_on_from_another_run_has_the_rates_of_a_second_stage(tiny, span):
    second = {"stage__b__duration": "6 steps", "stage__b__schedule__warmup": "1 steps", "schedule__span": span}
    both = rates(plan_of(tiny, stages=("a", "b"), stage__a__duration="4 steps", **second))
    config = tiny({name.replace("__", "."): value for name, value in {"stages": ("b",), **second}.items()})
    alone = rates(make_plan(config, examples=40, before=Before(steps=4, stages=1)))
    np.testing.assert_array_equal(alone, both[4:])


@pytest.mark.parametrize("nesterov", [True, False])
@pytest.mark.parametrize("clip", [None, 1.0])
@pytest.mark.parametrize("factor", [1.0, 0.1])
def test_three_steps_equal_the_formula(tiny, nesterov, clip, factor):
    """TF's and PyTorch's rule: decay joins the gradient, then clipping, then v = m v + g, step by v or g + m v.

    Scales and biases of every kind step by `factor` times as much, as in a group of parameters with a rate of its own.
    """
    plan = plan_of(
        tiny,
        duration="3 steps",
        schedule__kind="constant",
        optim__lr=0.1,
        optim__nesterov=nesterov,
        optim__clip_norm=clip,
        optim__weight_decay=0.01,
        optim__affine_lr_factor=factor,
    )
    optimiser = make_optimiser(plan.stages[0], make_schedule(plan.stages[0], plan))
    rng = np.random.default_rng(0)
    params = {
        "conv": {"kernel": rng.normal(size=(3, 2))},
        "norm": {"scale": rng.normal(size=2), "bias": rng.normal(size=2)},
        "head": {"kernel": rng.normal(size=(2, 2)), "bias": rng.normal(size=2)},
        "shift": {"bias": rng.normal(size=())},
        "multiplier": {"scale": rng.normal(size=())},
    }
    rates = {path: 0.1 * (1.0 if path[-1] == "kernel" else factor) for path in flatten_dict(params)}
    rates = np.concatenate([np.full(leaf.size, rates[path]) for path, leaf in sorted(flatten_dict(params).items())])
    grads = [jax.tree.map(lambda p: rng.normal(size=p.shape), params) for _ in range(3)]

    flat = np.concatenate([leaf.ravel() for leaf in jax.tree.leaves(params)])
    velocity = np.zeros_like(flat)
    for grad in grads:
        g = np.concatenate([leaf.ravel() for leaf in jax.tree.leaves(grad)]) + 0.01 * flat
        if clip:
            g = g * min(1, clip / np.linalg.norm(g))
        velocity = 0.9 * velocity + g
        flat = flat - rates * (g + 0.9 * velocity if nesterov else velocity)

    ours = jax.tree.map(jnp.asarray, params)
    state = optimiser.init(ours)
    for grad in grads:
        updates, state = optimiser.update(jax.tree.map(jnp.asarray, grad), state, ours)
        ours = jax.tree.map(jnp.add, ours, updates)
    found = np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(ours)])
    np.testing.assert_allclose(found, flat, rtol=0, atol=1e-6)  # float32 against float64, values about 1


def test_adam_of_the_transformer_equals_the_formula(tiny):
    """Kingma and Ba 2015, algorithm 1, with the settings of Vaswani et al. 2017, section 5.3."""
    rate, first, second, tiny_number = 0.01, 0.9, 0.98, 1e-8
    changes = {"optim__args__b1": first, "optim__args__b2": second, "optim__args__eps": tiny_number}
    plan = plan_of(
        tiny,
        optim__name="adam",
        optim__lr=rate,
        optim__weight_decay=0.0,
        optim__clip_norm=None,
        schedule__kind="inverse_sqrt",
        schedule__warmup="2 steps",
        schedule__warmup_lr=0.001,
        **changes,
    )
    (stage,) = plan.stages
    optimiser = make_optimiser(stage, make_schedule(stage, plan))
    params = {"kernel": jnp.array([1.0, -2.0])}
    state, wanted, m, v = optimiser.init(params), np.array([1.0, -2.0]), 0.0, 0.0
    lrs = [0.0055, 0.01, 0.01 * np.sqrt(2 / 3), 0.01 * np.sqrt(2 / 4)]
    for t, lr in enumerate(lrs, 1):
        g = wanted * t
        updates, state = optimiser.update({"kernel": jnp.asarray(g, jnp.float32)}, state, params)
        params = {"kernel": params["kernel"] + updates["kernel"]}
        m, v = first * m + (1 - first) * g, second * v + (1 - second) * g**2
        wanted = wanted - lr * (m / (1 - first**t)) / (np.sqrt(v / (1 - second**t)) + tiny_number)
        np.testing.assert_allclose(params["kernel"], wanted, rtol=1e-5)


def test_decay_can_leave_normalisation_alone(tiny):
    plan = plan_of(
        tiny,
        duration="1 steps",
        schedule__kind="constant",
        optim__decay_norm=False,
        optim__weight_decay=1.0,
        optim__clip_norm=None,
    )
    optimiser = make_optimiser(plan.stages[0], make_schedule(plan.stages[0], plan))
    ones = {
        "head": {"kernel": jnp.ones(2), "bias": jnp.ones(2)},
        "norm": {"scale": jnp.ones(2), "bias": jnp.ones(2)},
        "shift": {"bias": jnp.ones(())},
        "multiplier": {"scale": jnp.ones(())},
    }
    updates, _ = optimiser.update(jax.tree.map(jnp.zeros_like, ones), optimiser.init(ones), ones)
    assert (updates["head"]["kernel"] != 0).all()
    assert (updates["head"]["bias"] != 0).all()
    assert (updates["norm"]["scale"] == 0).all()
    assert (updates["norm"]["bias"] == 0).all()
    assert updates["shift"]["bias"] == updates["multiplier"]["scale"] == 0


def test_stages_share_the_form_of_the_state(tiny):
    own = {"clip_norm": None, "decay_norm": False, "affine_lr_factor": 0.5}
    plan = plan_of(tiny, stages=("a", "b"), **{f"stage__b__optim__{key}": value for key, value in own.items()})
    params = {"norm": {"scale": jnp.ones(2)}}
    forms = [
        jax.tree.structure(make_optimiser(stage, make_schedule(stage, plan)).init(params)) for stage in plan.stages
    ]
    assert forms[0] == forms[1]

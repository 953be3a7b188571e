"""Schedules by optax's names, the field's formulas, and of the user's own."""

import inspect
import sys

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from sbn.config.errors import ConfigError
from sbn.config.training_keys import OPTAX_SCHEDULES
from sbn.train.plan import make_plan
from sbn.train.schedules import make_schedule

TEN = {"duration": "10 steps", "optim.lr": 0.5}


def rates(tiny, changes):
    plan = make_plan(tiny({**TEN, **changes}), examples=40)
    schedules = [(stage, make_schedule(stage, plan)) for stage in plan.stages]
    return np.array(
        [schedule(jnp.asarray(step)) for stage, schedule in schedules for step in range(stage.start, stage.stop)]
    )


def test_poly_falls_from_the_first_step_by_its_power(tiny):
    i = np.arange(10)
    np.testing.assert_allclose(rates(tiny, {"schedule.kind": "poly"}), 0.5 * (1 - i / 10) ** 0.9, rtol=1e-6)
    found = rates(tiny, {"schedule.kind": "poly", "schedule.args.power": 2, "schedule.warmup": "2 steps"})
    np.testing.assert_allclose(found, [0.25, 0.5, *(0.5 * (1 - np.arange(8) / 8) ** 2)], rtol=1e-6)


def test_inverse_square_root_goes_on_from_the_peak_of_its_warm_up(tiny):
    found = rates(tiny, {"schedule.kind": "inverse_sqrt", "schedule.warmup": "4 steps"})
    t = np.arange(1, 11)
    np.testing.assert_allclose(found, 0.5 * np.minimum(t / 4, np.sqrt(4 / t)), rtol=1e-6)


def test_a_warm_up_can_come_from_a_rate_of_its_own(tiny):
    """fairseq's for Transformers; its step i counts from 0 there and from 1 here."""
    t, first = np.arange(1, 11), 0.1
    warm = {"schedule.warmup": "4 steps", "schedule.warmup_lr": first}
    found = rates(tiny, {"schedule.kind": "inverse_sqrt", **warm})
    np.testing.assert_allclose(found, np.where(t <= 4, first + (0.5 - first) * t / 4, 0.5 * np.sqrt(4 / t)), rtol=1e-6)
    # a schedule of optax's that warms up itself counts from 0
    found = rates(tiny, {"schedule.kind": "warmup_constant_schedule", **warm})
    np.testing.assert_allclose(found, first + (0.5 - first) * np.minimum((t - 1) / 4, 1), rtol=1e-6)
    found = rates(tiny, {"schedule.kind": "linear_schedule", "schedule.args.end_value": 0.5, **warm})
    np.testing.assert_allclose(found, first + (0.5 - first) * np.minimum(t / 4, 1), rtol=1e-6)


ARGS = {
    "exponential_decay": {"decay_rate": 0.5},
    "linear_schedule": {"end_value": 0.1},
    "polynomial_schedule": {"end_value": 0.1, "power": 2},
    "warmup_exponential_decay_schedule": {"decay_rate": 0.5},
}


@pytest.mark.parametrize("name", OPTAX_SCHEDULES)
def test_every_schedule_of_the_list_is_optaxs_with_what_the_config_says(tiny, name):
    args = ARGS.get(name, {})
    named = set(inspect.signature(getattr(optax, name)).parameters)
    length = 10 if "warmup_steps" in named else 8  # the others begin after a warm-up of 2
    told = {
        "peak_value": 0.5,
        "init_value": 0.0 if "peak_value" in named else 0.5,
        "decay_steps": length,
        "transition_steps": length,
        "warmup_steps": 2,
    }
    schedule = getattr(optax, name)(**{key: value for key, value in told.items() if key in named}, **args)
    expected = [float(schedule(step)) for step in range(length)]
    expected = expected if length == 10 else [0.25, 0.5, *expected]
    changes = {f"schedule.args.{key}": value for key, value in args.items()}
    found = rates(tiny, {"schedule.kind": name, "schedule.warmup": "2 steps", **changes})
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


MINE = """
def triangle(learning_rate, steps, top=0.5):
    return lambda count: learning_rate * (1 - abs(count / steps - top))
def number(learning_rate): return 3
def array(learning_rate): return lambda count: [count, count]
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    (tmp_path / "sbn_test_schedule.py").write_text(MINE)
    monkeypatch.syspath_prepend(tmp_path)
    yield "sbn_test_schedule"
    sys.modules.pop("sbn_test_schedule", None)


def test_a_schedule_of_the_users_own_counts_from_its_stages_start(tiny, mine):
    stages = {"stages": ("a", "b"), "stage.a.duration": "4 steps", "stage.b.duration": "6 steps"}
    own = {"stage.b.schedule.kind": f"{mine}:triangle", "stage.b.schedule.args.top": 0.25}
    found = rates(tiny, {**stages, "schedule.kind": "constant", **own})
    np.testing.assert_allclose(found, [*[0.5] * 4, *(0.5 * (1 - abs(np.arange(6) / 6 - 0.25)))], rtol=1e-6)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schedule.kind": "cosin"}, ["cosin", "did you mean 'cosine'"]),
        ({"schedule.kind": "linear_schedule"}, ["linear_schedule", "schedule.args.end_value"]),
        ({"schedule.kind": "poly", "schedule.args.pwer": 2}, ["pwer", "did you mean 'power'"]),
        ({"schedule.kind": "poly", "schedule.args.power": -1}, ["schedule.args.power", "-1"]),
        ({"schedule.kind": "MINE:triangle", "schedule.args.tp": 2}, ["tp", "did you mean 'top'"]),
        ({"schedule.kind": "MINE:number"}, ["int", "function of the step"]),
        ({"schedule.kind": "MINE:array"}, ["MINE:array"]),
    ],
)
def test_mistakes_are_one_line(tiny, mine, changes, words):
    changes = {key: value.replace("MINE", mine) if isinstance(value, str) else value for key, value in changes.items()}
    with pytest.raises(ConfigError) as caught:
        rates(tiny, changes)
    assert "\n" not in str(caught.value)
    for word in words:
        assert word.replace("MINE", mine) in str(caught.value)

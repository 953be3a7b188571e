"""Optimisers by optax's names and of the user's own: optax applied by hand is the truth."""

import inspect
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from sbn.config.errors import ConfigError
from sbn.config.training_keys import OPTIMISERS
from sbn.train.optimiser import check_optimisers, make_optimiser
from sbn.train.plan import make_plan
from sbn.train.schedules import make_schedule
from sbn.train.state import init_state

PLAIN = {"duration": "4 steps", "schedule.kind": "constant", "optim.lr": 0.1, "optim.weight_decay": 0.0}
PARAMS = {
    "conv": {"kernel": jnp.linspace(-1, 1, 12).reshape(3, 4)},
    "norm": {"scale": jnp.ones((2, 4)), "bias": jnp.full((2, 4), 0.5)},
    "head": {"kernel": jnp.linspace(1, 2, 8).reshape(4, 2), "bias": jnp.zeros(2)},
}
NEEDED = {"noisy_sgd": {"optim.args.key": 1}}


def plan_of(tiny, changes):
    return make_plan(tiny({**PLAIN, **changes}), examples=40)


def trained(optimiser, steps=4):
    params, state = PARAMS, optimiser.init(PARAMS)
    for step in range(steps):
        grads = jax.tree.map(lambda p, s=step: jnp.cos(3 * p + s), params)
        updates, state = optimiser.update(grads, state, params)
        params = optax.apply_updates(params, updates)
    return params


def ours(tiny, changes):
    plan = plan_of(tiny, changes)
    return make_optimiser(plan.stages[0], make_schedule(plan.stages[0], plan))


def assert_same(a, b):
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-6, atol=1e-7), a, b)


def test_the_names_are_optaxs_functions_that_take_a_learning_rate():
    for name in OPTIMISERS:
        assert "learning_rate" in inspect.signature(getattr(optax, name)).parameters, name


@pytest.mark.parametrize("name", [name for name in OPTIMISERS if name != "sgd"])
def test_every_optimiser_of_the_list_trains_as_optax_by_hand(tiny, name):
    changes = {"optim.name": name, "optim.clip_norm": 1.0, **NEEDED.get(name, {})}
    plan = plan_of(tiny, changes)
    check_optimisers(plan, PARAMS)
    args = {key.removeprefix("optim.args."): value for key, value in NEEDED.get(name, {}).items()}
    taken = inspect.signature(getattr(optax, name)).parameters
    own = {"weight_decay": 0.0} if "weight_decay" in taken else {}
    by_hand = optax.chain(optax.clip_by_global_norm(1.0), getattr(optax, name)(0.1, **own, **args))
    assert_same(trained(ours(tiny, changes)), trained(by_hand))


def test_decoupled_weight_decay_is_the_optimisers_own_and_spares_normalisation(tiny):
    changes = {"optim.name": "adamw", "optim.weight_decay": 0.3, "optim.args.b1": 0.5, "optim.clip_norm": None}
    mask = {"conv": {"kernel": True}, "norm": {"scale": False, "bias": False}, "head": {"kernel": True, "bias": True}}
    assert_same(trained(ours(tiny, changes)), trained(optax.adamw(0.1, b1=0.5, weight_decay=0.3)))
    spared = trained(ours(tiny, {**changes, "optim.decay_norm": False}))
    assert_same(spared, trained(optax.adamw(0.1, b1=0.5, weight_decay=0.3, mask=mask)))


def test_an_optimiser_without_weight_decay_has_the_papers_coupled_one(tiny):
    changes = {"optim.name": "rmsprop", "optim.weight_decay": 0.3, "optim.args.momentum": 0.5, "optim.clip_norm": None}
    by_hand = optax.chain(optax.add_decayed_weights(0.3), optax.rmsprop(0.1, momentum=0.5))
    assert_same(trained(ours(tiny, changes)), trained(by_hand))


MINE = """
import optax
def momentum(learning_rate, beta, decay=0.0):
    return optax.chain(optax.trace(beta), optax.scale_by_learning_rate(learning_rate))
def anything(**kwargs): return optax.adam(**kwargs)
def nothing(learning_rate): return 3
def no_rate(beta): return optax.identity()
def broken(learning_rate): return optax.adam(learning_rate, b1="x" + 1)
def shapes(learning_rate): return optax.stateless(lambda updates, params: {"a": 1})
number = 3
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    (tmp_path / "sbn_test_optim.py").write_text(MINE)
    monkeypatch.syspath_prepend(tmp_path)
    yield "sbn_test_optim"
    sys.modules.pop("sbn_test_optim", None)


def test_a_function_of_the_users_own_trains(tiny, mine):
    changes = {"optim.name": f"{mine}:momentum", "optim.args.beta": 0.5, "optim.clip_norm": None}
    assert_same(trained(ours(tiny, changes)), trained(optax.sgd(0.1, momentum=0.5)))
    changes = {"optim.name": f"{mine}:anything", "optim.args.b1": 0.5, "optim.clip_norm": None}
    assert_same(trained(ours(tiny, changes)), trained(optax.adam(0.1, b1=0.5)))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"optim.name": "adamm"}, ["adamm", "did you mean 'adam"]),
        ({"optim.name": "adam", "optim.args.b11": 0.5}, ["b11", "optim.args", "did you mean 'b1'"]),
        ({"optim.name": "adam", "optim.args.b1": "large"}, ["optim.name = 'adam'", "TypeError"]),
        ({"optim.name": "adam", "optim.args.learning_rate": 1}, ["optim.args.learning_rate", "optim.lr"]),
        ({"optim.name": "adamw", "optim.args.weight_decay": 1}, ["optim.args.weight_decay", "optim.weight_decay"]),
        ({"optim.name": "lamb", "optim.args.mask": 1}, ["optim.args.mask", "optim.decay_norm"]),
        ({"optim.name": "novograd", "optim.decay_norm": False}, ["optim.decay_norm", "novograd"]),
        ({"optim.name": "adam", "optim.momentum": 0.8}, ["optim.momentum", "adam", "optim.args"]),
        ({"optim.name": "adam", "optim.nesterov": False}, ["optim.nesterov", "adam"]),
        ({"optim.name": "MINE:momentum"}, ["beta", "optim.args.beta"]),
        ({"optim.name": "MINE:momentm"}, ["momentm", "did you mean 'momentum'"]),
        ({"optim.name": "MINE:nothing"}, ["int", "GradientTransformation"]),
        ({"optim.name": "MINE:number"}, ["int", "called"]),
        ({"optim.name": "MINE:no_rate"}, ["learning_rate"]),
        ({"optim.name": "MINE:broken"}, ["TypeError", "sbn_test_optim.py, line 8"]),
        ({"optim.name": "MINE:shapes"}, ["MINE:shapes"]),
        ({"optim.name": "optax:lbfgs"}, ["optax:lbfgs", "can't train this network"]),
        (
            {"optim.name": "rmsprop", "stages": ("a", "b"), "stage.b.optim.args.momentum": 0.9},
            ["stage 'b'", "optim.args", "rmsprop"],
        ),
    ],
)
def test_mistakes_are_one_line(tiny, mine, changes, words):
    changes = {key: value.replace("MINE", mine) if key == "optim.name" else value for key, value in changes.items()}
    with pytest.raises(ConfigError) as caught:
        check_optimisers(plan_of(tiny, changes), PARAMS)
    assert "\n" not in str(caught.value)
    for word in words:
        assert word.replace("MINE", mine) in str(caught.value)


def test_stages_may_change_the_numbers_of_an_optimiser(tiny):
    changes = {"optim.name": "adam", "stages": ("a", "b"), "stage.b.optim.lr": 0.01, "stage.b.optim.args.b1": 0.5}
    check_optimisers(plan_of(tiny, changes), PARAMS)


def test_a_network_beyond_the_machines_memory_is_refused_with_what_it_would_take(tiny):
    wide = {"head": {"kernel": jax.ShapeDtypeStruct((2**20, 2**20), jnp.float32)}}
    with pytest.raises(
        ConfigError, match=r"model\.name = 'wide_resnet' .* would take 12,288 GiB, and this machine has"
    ):
        check_optimisers(plan_of(tiny, {}), wide)


def test_random_keys_of_an_optimiser_are_saved_as_numbers(tiny):
    """noisy_sgd remembers a key: in our state it is an array that a checkpoint can hold."""
    optimiser = ours(tiny, {"optim.name": "noisy_sgd", "optim.args.key": 1})
    assert all(isinstance(np.asarray(leaf), np.ndarray) for leaf in jax.tree.leaves(optimiser.init(PARAMS)))
    assert_same(trained(optimiser), trained(optax.noisy_sgd(0.1, key=1)))


class Anchored:
    """A task of two weights."""

    def init(self, key):
        return {"params": {"w": jnp.ones(2)}, "batch_stats": {}}


def test_an_optimiser_may_keep_the_first_weights():
    """As optax.contrib's prodigy does: a step donates weights and state, and no buffer may be given away twice."""
    optimiser = optax.GradientTransformation(lambda params: params, lambda updates, state, params: (updates, state))
    state = init_state(Anchored(), optimiser, seed=0)
    moved = jax.jit(lambda state: jax.tree.map(lambda leaf: leaf + 1, state), donate_argnums=0)(state)
    np.testing.assert_array_equal(moved.params["w"], moved.opt_state["w"])

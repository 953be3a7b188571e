"""Averaged weights: against the recurrence in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from sbn.config.errors import ConfigError
from sbn.train.state import init_state, of_average, start_average, update_average


def variables(rng):
    layer = {"norm": {"scale": rng.normal(size=(2, 3)), "bias": rng.normal(size=(2, 3))}}
    return {
        "params": {**layer, "head": {"kernel": rng.normal(size=(3, 4))}},
        "batch_stats": {"norm": {"mean": rng.normal(size=(2, 3)), "var": rng.normal(size=(2, 3))}},
    }


def flat(tree):
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)])


def test_the_average_follows_the_recurrence_and_forgets_where_it_began():
    rng = np.random.default_rng(0)
    seen = [variables(rng) for _ in range(40)]
    average, by_hand = start_average(seen[0]), flat(seen[0])
    for step, now in enumerate(seen[1:]):
        average = update_average(average, now, step=jnp.asarray(step), decay=0.7, trained=None)
        decay = min(0.7, (1 + step) / (10 + step))
        by_hand = decay * by_hand + (1 - decay) * flat(now)
    np.testing.assert_allclose(flat(average), by_hand, rtol=1e-4, atol=1e-5)  # float32
    first = update_average(start_average(seen[0]), seen[1], step=jnp.asarray(0), decay=0.999, trained=None)
    np.testing.assert_allclose(flat(first), 0.1 * flat(seen[0]) + 0.9 * flat(seen[1]), rtol=1e-5, atol=1e-6)


def test_the_average_of_a_branch_that_is_not_trained_stays():
    rng = np.random.default_rng(0)
    old, new = variables(rng), variables(rng)
    moved = update_average(start_average(old), new, step=jnp.asarray(100), decay=0.5, trained=[0])
    for collection in ("params", "batch_stats"):
        for name, leaf in moved[collection]["norm"].items():
            before, after = old[collection]["norm"][name], new[collection]["norm"][name]
            np.testing.assert_array_equal(leaf[1], np.float32(before[1]))
            np.testing.assert_allclose(leaf[0], (before[0] + after[0]) / 2, rtol=1e-5)
    np.testing.assert_allclose(
        moved["params"]["head"]["kernel"], (old["params"]["head"]["kernel"] + new["params"]["head"]["kernel"]) / 2, 1e-5
    )


def test_a_layout_says_what_a_branch_has_of_the_average():
    """Variables that the rule for unknown networks misjudges: layers in a scan, and a scale of two heads."""
    rng = np.random.default_rng(0)
    shapes = {"layers": {"scale": (2, 3, 4)}, "heads": {"scale": (2, 3)}}
    old, new = (
        {"params": {name: {"scale": rng.normal(size=of["scale"])} for name, of in shapes.items()}} for _ in "ab"
    )
    layout = frozenset({("params", "layers", "scale")})
    moved = update_average(start_average(old), new, step=jnp.asarray(100), decay=0.5, trained=[0], layout=layout)
    for name, rows in (("layers", [0]), ("heads", [0, 1])):
        before, after = (tree["params"][name]["scale"] for tree in (old, new))
        want = np.float32(before)
        want[rows] = ((before + after) / 2)[rows]
        np.testing.assert_allclose(moved["params"][name]["scale"], want, rtol=1e-5)


class Odd:
    """A task whose network keeps what no step would change."""

    def init(self, key):
        return {"params": {"w": jnp.ones(2)}, "cache": {"seen": jnp.zeros(())}}


def test_a_task_may_have_no_statistics_but_nothing_else_beside_its_parameters(monkeypatch):
    with pytest.raises(ConfigError, match="the task Odd has variables in 'cache': only params and batch_stats"):
        init_state(Odd(), optax.sgd(0.1), seed=0)
    monkeypatch.setattr(Odd, "init", lambda self, key: {"params": {"w": jnp.ones(2)}})
    state = init_state(Odd(), optax.sgd(0.1), seed=0, ema=0.5)
    assert state.batch_stats == state.ema["batch_stats"] == {}


def test_what_is_measured_with_averaged_weights_says_so():
    assert of_average({"test/main/accuracy": 1.0, "corrupted/aux/error/fog_5": 2.0, "time/eval_secs": 3.0}) == {
        "test_ema/main/accuracy": 1.0,
        "corrupted_ema/aux/error/fog_5": 2.0,
    }

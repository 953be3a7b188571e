"""A detector begins with the backbone of a classifier: of either stage, and of either branch."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sbn.config.errors import ConfigError
from sbn.nn import branches
from sbn.train import inheritance, train
from sbn.train import mesh as meshes
from sbn.train.optimiser import make_optimiser
from sbn.train.schedules import make_schedule
from sbn.train.setup import make_setup
from sbn.train.state import init_state
from tests.e2e.detections import SMALL

CLASSIFIER = {
    "model.name": "imagenet_resnet",
    "model.depth": 10,
    "model.width": 2,
    "data.image_size": 32,
    "views.main.augment": "flip",
    "views.aux.augment": "flip",
    "stages": ("train", "refine"),
    "stage.train.duration": "1 steps",
    "stage.refine.duration": "1 steps",
    "eval.every": "0 steps",
    "save.every": "0 steps",
    "optim.lr": 1.0,
}
PARTS = {"init.only": ("stem*", "stage*")}


def moved(state):
    """A state one step on whose arrays are any others, and no two alike."""
    random = np.random.default_rng(int(state.step))
    variables = {
        name: jax.tree.map(lambda leaf: leaf + random.normal(size=leaf.shape).astype(leaf.dtype), dict(own))
        for name, own in state.variables.items()
    }
    return state._replace(step=state.step + 1, **variables)


@pytest.fixture(scope="module")
def classifier(tiny, tmp_path_factory):
    """A split model of two stages, and its variables at the end of each. What its steps learn does not matter here."""
    folder, found = tmp_path_factory.mktemp("classifier") / "run", {}

    def make_step(task, stage, schedule, mesh, *, prepare, steps):
        def step(state, *_):
            after = moved(state)
            found[stage.name] = after.variables
            return after, {"loss": (jnp.ones(()), jnp.ones(()))}

        return step

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("sbn.train.loop.make_step", make_step)
        patched.setattr("sbn.train.evaluation.Evaluation.run", lambda *_: {"test/main/accuracy": 0.0})
        train(tiny(CLASSIFIER), folder)
    return folder, found


def begun(tiny, tmp_path, changes):
    """What a detector begins with that has taken over what it is told to: its fresh arrays are all 7."""
    config = tiny({**SMALL, **changes})
    setup = make_setup(config)
    stage = setup.plan.stages[0]
    optimiser = make_optimiser(stage, make_schedule(stage, setup.plan))
    shapes = jax.eval_shape(lambda: init_state(setup.task, optimiser, seed=0, ema=None))
    fresh = jax.tree.map(lambda leaf: jnp.full(leaf.shape, 7 if leaf.shape else 0, leaf.dtype), shapes)
    inherited = inheritance.find(config, tmp_path)
    layout, sharding = setup.task.layout, meshes.replicated(setup.mesh)
    return inherited.take_over(fresh, setup.task.branches, sharding, layout=layout)


def backbone(variables):
    return {
        name: {part: own for part, own in variables[name].items() if part.startswith(("stem", "stage"))}
        for name in ("params", "batch_stats")
    }


def assert_same(a, b):
    assert jax.tree.structure(a) == jax.tree.structure(b)
    jax.tree.map(np.testing.assert_array_equal, a, b)


def test_either_branch_of_either_stage_is_a_backbone(classifier, tiny, tmp_path):
    folder, found = classifier
    seen = []
    for stage, branch in (("train", "main"), ("refine", "aux")):
        changes = {**PARTS, "init.from": str(folder), "init.stage": stage, "init.branch": branch, "branches": ("main",)}
        state, record = begun(tiny, tmp_path, changes)
        expected = branches.select_branch(found[stage], ("main", "aux").index(branch))
        taken = backbone(state.variables)
        assert_same(backbone(branches.select_branch(state.variables, 0)), backbone(expected))
        for part in ("pyramid", "proposals", "box_head"):
            assert all((leaf == 7).all() for leaf in jax.tree.leaves(state.params[part]))
        assert int(state.step) == 0
        assert (record["step"], record["branches"]) == ({"train": 1, "refine": 2}[stage], {"main": branch})
        seen.append(np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(taken)]))
    assert (seen[0] != seen[1]).any()
    assert json.loads((folder / "result.json").read_text())["stages"] == {"train": [0, 1], "refine": [1, 2]}


@pytest.mark.slow
def test_both_branches_of_a_detector_begin_as_those_of_their_names(classifier, tiny, tmp_path):
    folder, found = classifier
    state, _ = begun(tiny, tmp_path, {**PARTS, "init.from": str(folder)})
    assert_same(backbone(state.variables), backbone(found["refine"]))


def test_a_backbone_of_another_width_is_refused(classifier, tiny, tmp_path):
    changes = {**PARTS, "init.from": str(classifier[0]), "model.width": 3}
    with pytest.raises(ConfigError, match=r"init\.only .* is \(.*2\) in .* and \(.*3\) here"):
        begun(tiny, tmp_path, changes)

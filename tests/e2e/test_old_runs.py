"""Runs made by earlier code are evaluated, exported and gone on from: a stored config, and a checkpoint as it was then.

The names, forms and order of what a checkpoint holds are written down here, not asked of today's code.
"""

import contextlib
import json

import jax
import numpy as np
import pytest
from etils import epath
from flax.traverse_util import unflatten_dict

from sbn import export
from sbn.evaluate import evaluate
from sbn.runs import files
from sbn.train import inheritance
from sbn.train import mesh as meshes
from sbn.train.checkpoint import Checkpoints
from sbn.train.optimiser import make_optimiser
from sbn.train.schedules import make_schedule
from sbn.train.setup import make_setup
from sbn.train.state import TrainState
from tests.conftest import ROOT

STORED = ROOT / "results/cifar10_wrn10_1/runs/weak_augment/seed0"
STEP, EXAMPLES = 6, 12
K, CLASSES = 2, 10
CONVOLUTIONS = {
    "stem": (3, 3, 3, 16),
    "group1_block1/conv1": (3, 3, 16, 16),
    "group1_block1/conv2": (3, 3, 16, 16),
    "group2_block1/conv1": (3, 3, 16, 32),
    "group2_block1/conv2": (3, 3, 32, 32),
    "group3_block1/conv1": (3, 3, 32, 64),
    "group3_block1/conv2": (3, 3, 64, 64),
}
NORMS = {
    "group1_block1/norm1": 16,
    "group1_block1/norm2": 16,
    "group2_block1/norm1": 16,
    "group2_block1/norm2": 32,
    "group3_block1/norm1": 32,
    "group3_block1/norm2": 64,
    "final_norm": 64,
}


def variables_then():
    """Every leaf random, so that no two branches agree."""
    rng = np.random.default_rng(0)

    def normal(*shape):
        return np.asarray(rng.normal(size=shape) / np.sqrt(np.prod(shape[:-1])), np.float32)

    def uniform(*shape):
        return np.asarray(rng.uniform(0.5, 1.5, shape), np.float32)

    params = {f"{name}/kernel": normal(*shape) for name, shape in CONVOLUTIONS.items()}
    params |= {"head/kernel": normal(64, CLASSES), "head/bias": uniform(CLASSES)}
    params |= {f"{name}/{leaf}": uniform(K, c) for name, c in NORMS.items() for leaf in ("scale", "bias")}
    stats = {f"{name}/{leaf}": uniform(K, c) for name, c in NORMS.items() for leaf in ("mean", "var")}
    return unflatten_dict(params, sep="/"), unflatten_dict(stats, sep="/")


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    """The work directory, and the state in it."""
    folder = epath.Path(tmp_path_factory.mktemp("old"))
    config = json.loads((STORED / "config.json").read_text())
    config["data"] |= {"name": "shapes", "image_size": 16, "train_examples": 16, "test_examples": EXAMPLES}
    config["data"]["path"] = "device"  # a key that came later, but loading TensorFlow takes seconds
    config |= {"batch_size": 8, "duration": f"{STEP} steps"}
    config["eval"] |= {"batch_size": EXAMPLES, "every": "0 steps"}
    (folder / "config.json").write_text(json.dumps(config))
    result = json.loads((STORED / "result.json").read_text())
    (folder / "result.json").write_text(json.dumps({**result, "steps": STEP, "config": config}))
    params, stats = variables_then()
    # momentum of every parameter, and a count for the rate
    trace = jax.tree.map(lambda leaf: leaf / 2, params)
    setup = make_setup(files.read_config(folder))
    optimiser = make_optimiser(setup.plan.stages[0], make_schedule(setup.plan.stages[0], setup.plan))
    moments = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), jax.eval_shape(optimiser.init, params))
    assert len(jax.tree.leaves(moments)) == len(jax.tree.leaves(trace)) + 1
    moments = jax.tree.unflatten(jax.tree.structure(moments), [*jax.tree.leaves(trace), np.asarray(STEP, np.int32)])
    state = TrainState(np.asarray(STEP, np.int32), params, stats, moments)
    with contextlib.closing(
        Checkpoints(folder / "checkpoints", keep=2, branches=("main", "aux"), stages=setup.plan.stages)
    ) as store:
        store.save(STEP, state, seconds=1.0)
    return folder, state, setup


def test_a_checkpoint_has_the_names_that_it_had(old):
    folder, _, _ = old
    described = json.loads((folder / f"checkpoints/{STEP}/optimiser/_METADATA").read_text())["tree_metadata"]
    params = [*(f"{name}/kernel" for name in CONVOLUTIONS), "head/kernel", "head/bias"]
    params += [f"{name}/{leaf}" for name in NORMS for leaf in ("scale", "bias")]
    empty = [("0", "inner_state"), ("1",), ("3",)]  # steps of the optimiser that keep nothing
    then = [*(("2", "0", "trace", *name.split("/")) for name in params), ("2", "1", "count"), *empty]
    assert set(described) == {str(name) for name in then}


def test_evaluation_counts_what_the_exported_branches_predict(old, tmp_path):
    folder, _, setup = old
    step, found = evaluate(folder)
    assert step == STEP
    images, labels = np.asarray(setup.test.images), np.asarray(setup.test.labels)
    for branch in ("main", "aux"):
        export.export(folder, out=tmp_path / branch, branch=branch)
        logits = np.asarray(export.load(tmp_path / branch).logits(images), np.float64)
        log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
        assert found[f"test/{branch}/accuracy"] == pytest.approx((logits.argmax(-1) == labels).mean())
        loss = -log_p[np.arange(EXAMPLES), labels].mean()
        assert found[f"test/{branch}/loss"] == pytest.approx(loss, rel=1e-5)
    assert found["test/main/loss"] != found["test/aux/loss"]


def test_a_run_goes_on_from_it_with_weights_statistics_and_momentum(old, tiny, tmp_path):
    folder, state, setup = old
    config = tiny({"init.from": str(folder), "optim.clip_norm": 5.0, "optim.momentum": 0.9})
    fresh = jax.tree.map(np.zeros_like, state)
    found = inheritance.find(config, epath.Path(tmp_path))
    begun, record = found.take_over(fresh, ("main", "aux"), meshes.replicated(setup.mesh), layout=setup.task.layout)
    assert record["momentum"] == "carried over"
    jax.tree.map(np.testing.assert_array_equal, begun, state)

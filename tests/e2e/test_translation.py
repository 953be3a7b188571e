"""Small runs of translation through the public commands: stopped and started again, on eight devices, exported."""

import json
import os
import shutil
import signal

import jax
import numpy as np
import pytest
from etils import epath

from sbn import export
from sbn.config import tree
from sbn.config.checks import check
from sbn.data.sentences import Sentences
from sbn.evaluate import evaluate
from sbn.runs.arrays import read_arrays
from sbn.train import train
from sbn.train.preemption import Preempted
from tests.compiling import simulating
from tests.e2e import runs

pytestmark = pytest.mark.slow  # compiles for a minute; tests/e2e/test_sequences.py stops and starts runs in buckets too

# Two buckets, three lengths with scales and biases of their own
CHANGES = {
    "task": "translation",
    "data.name": "reverse",
    "data.train_examples": 120,
    "data.test_examples": 12,
    "model.name": "transformer",
    "norm.layer": "layer",
    "translation.layers": 1,
    "translation.width": 8,
    "translation.heads": 2,
    "translation.hidden": 16,
    "translation.dropout": 0.1,
    "translation.buckets": (12, 21),
    "branches": ("main", "half", "longer"),
    "views.main.augment": "",
    "views.half.augment": "stretch(0.5)",
    "views.longer.augment": "stretch(1.5)",
    "batch_tokens": 200,
    "duration": "12 steps",
    "optim.name": "adam",
    "optim.args.b2": 0.98,
    "optim.lr": 0.01,
    "optim.weight_decay": 0.0,
    "schedule.kind": "inverse_sqrt",
    "schedule.warmup": "4 steps",
    "eval.evals": ("metrics", "bleu"),
    "eval.bleu.scores": ("exact_match",),
    "eval.bleu.beam": 2,
    "eval.bleu.longer": 4,
    "eval.bleu.shown": 12,
    "eval.batch_size": 12,
    "save.every": "100 steps",
    "log.every": "1 steps",
    "log.tensorboard": False,
}


def config(**changes):
    return check(tree.to_config(tree.changed(tree.defaults(), {**CHANGES, **changes})))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The run, asked to stop in its middle and started again."""
    workdir, asked, load = tmp_path_factory.mktemp("runs") / "run", [], Sentences.load

    def stop_once(self, ids):
        asked.append(len(ids))
        if len(asked) == 8:
            os.kill(os.getpid(), signal.SIGTERM)
        return load(self, ids)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Sentences, "load", stop_once)
        with pytest.raises(Preempted):
            train(config(), workdir)
    assert not (workdir / "result.json").exists()
    train(config(), workdir)
    return workdir


def test_a_run_that_is_stopped_ends_with_the_bits_of_an_unbroken_one(trained, tmp_path):
    train(config(**{"eval.evals": ("metrics",)}), tmp_path / "whole")
    state = runs.final_state(trained)
    runs.assert_same_state(state, runs.final_state(tmp_path / "whole"))
    norm = state.params["decoder_0"]["source_norm"]["scale"]
    assert norm.shape == (3, 8)
    assert all((norm[a] != norm[b]).any() for a, b in ((0, 1), (0, 2), (1, 2)))


def test_it_is_evaluated_as_training_did(trained):
    result = json.loads((trained / "result.json").read_text())
    _, found = evaluate(trained)
    assert found == pytest.approx(result["metrics"], rel=1e-6)
    assert {"test/main/exact_match", "test/half/loss", "test/longer/perplexity"} <= found.keys()


@pytest.mark.parametrize("branch", ["main", "longer"])
def test_an_exported_branch_translates_as_the_run_did(trained, tmp_path, branch):
    about = export.export(trained, out=tmp_path / "net", branch=branch)
    assert about["task"] == "translation"
    shown = read_arrays(epath.Path(next((trained / "artifacts/bleu").glob("*.npz"))))
    sources, wanted = shown["source"].tolist(), shown[f"{branch}/translation"].tolist()
    network = export.load(tmp_path / "net")
    assert network.translate(sources) == wanted
    assert about["parameters"] == sum(leaf.size for leaf in jax.tree.leaves(network.variables))
    if branch == "main":
        # alone, and in another order
        assert network.translate(sources[5:6]) == wanted[5:6]
        assert network.translate(sources[::-1]) == wanted[::-1]


def test_eight_devices_do_what_one_does(tmp_path):
    # Adam divides gradients by their own size, and those of keys' biases are rounding alone: not with a large epsilon
    changes = {"optim.args.eps": 1e-3, "schedule.warmup": "1 steps", "duration": "2 steps"}
    # Batches of 32 and of 16 sentences, of which eight devices can have as many each
    changes |= {"batch_tokens": 384, "translation.buckets": (12, 24)}
    short = config(**changes, **{"eval.evals": ("metrics",)})
    train(short, tmp_path / "one")
    with runs.start(short, tmp_path / "eight", **simulating(8)) as process:
        output = process.stdout.read()
    assert process.returncode == 0, output
    one, eight = (runs.final_state(tmp_path / name) for name in ("one", "eight"))
    # float32 sums in another order
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=2e-4), one.params, eight.params)
    losses = [
        [line["train/loss"] for line in runs.metric_lines(tmp_path / name) if "train/loss" in line]
        for name in ("one", "eight")
    ]
    np.testing.assert_allclose(*losses, rtol=1e-5)


def test_a_run_does_not_go_on_where_the_devices_cut_other_batches(trained, tmp_path):
    """200 tokens are 9 sentences of 21, of which two devices can have 8."""
    shutil.copytree(trained, tmp_path / "run")
    (tmp_path / "run/result.json").unlink()
    with runs.start(config(), tmp_path / "run", **simulating(2)) as process:
        output = process.stdout.read()
    assert process.returncode == 1
    assert "of [9, 16] examples; with 2 devices there would be" in output
    evaluate(trained)  # which no batch of training has a say in

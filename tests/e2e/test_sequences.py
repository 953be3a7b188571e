"""A task on sequences of any length, written in files of a user's own, goes through the public commands."""

import itertools
import json
import os
import shutil
import signal

import jax
import numpy as np
import pytest
from flax import serialization

from sbn import export
from sbn.config import tree
from sbn.config.errors import ConfigError
from sbn.evaluate import evaluate
from sbn.nn.branches import select_branch
from sbn.report.__main__ import main as report
from sbn.train import train as train_config
from sbn.train.__main__ import main as train
from sbn.train.feed import make_feed
from sbn.train.preemption import Preempted
from sbn.train.setup import make_setup
from tests.conftest import ROOT
from tests.e2e import runs

HERE = ROOT / "tests/e2e/sequences.py"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder outside the repository, which is the current one."""
    path = tmp_path_factory.mktemp("own")
    shutil.copy(HERE, path / "sequences.py")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(path)
        patched.syspath_prepend(path)
        yield path


def config(folder, **changes):
    import sequences

    return tree.to_config(tree.changed(tree.flatten(sequences.get_config("letters/two")), changes))


@pytest.fixture(scope="module")
def trained(folder):
    """The run, asked to stop in its middle and started again."""
    import sequences

    workdir = folder / "runs/sequences/letters/two/seed0"
    command = ["--config=sequences.py:letters/two", f"--workdir={workdir}"]
    asked, load = [], sequences.Letters.load

    def stop_once(self, ids):
        asked.append(len(ids))
        if asked.count(8) == 30:
            os.kill(os.getpid(), signal.SIGTERM)
        return load(self, ids)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sequences.Letters, "load", stop_once)
        with pytest.raises(Preempted):
            train_config(config(folder), workdir)
    assert not (workdir / "result.json").exists()
    train(command)
    return workdir


def test_it_learns_is_stopped_and_ends_with_the_bits_of_an_unbroken_run(folder, trained):
    result = json.loads((trained / "result.json").read_text())
    assert result["metrics"]["test/main/right"] > 0.9
    assert result["metrics"]["test/examples"] == 80  # each once, in batches of two widths
    assert result["steps_per_epoch"] == len(make_setup(config(folder)).batching.epoch(0, stage=0, epoch=0))
    train_config(config(folder), folder / "whole")
    runs.assert_same_state(runs.final_state(trained), runs.final_state(folder / "whole"))
    assert runs.metric_lines(trained)[-3:] == runs.metric_lines(folder / "whole")[-3:]  # from after the stop


def test_it_is_evaluated_and_reported_as_training_did(folder, trained, capsys):
    result = json.loads((trained / "result.json").read_text())
    _, found = evaluate(trained)
    assert found == pytest.approx(result["metrics"], rel=1e-6)
    report(["sequences.py", "--root=runs", "--metrics=test/main/right,test/aux/right"])
    assert f"{result['metrics']['test/main/right']:.2f}"[1:] in capsys.readouterr().out


def test_a_branch_is_taken_out_as_variables(folder, trained):
    about = export.export(trained, out=folder / "net", branch="aux")
    assert about["task"] == config(folder).task
    found = serialization.msgpack_restore((folder / "net/variables.msgpack").read_bytes())
    state = runs.final_state(trained)
    expected = select_branch(state.variables, 1)
    jax.tree.map(np.testing.assert_array_equal, found, jax.tree.map(np.asarray, expected))
    with pytest.raises(ConfigError, match=r"variables of a task of your own, .*msgpack_restore reads"):
        export.load(folder / "net")


def test_both_data_paths_make_the_same_batches_of_one_size(folder):
    made = []
    for path in ("host", "device"):
        own = config(folder, **{"data.path": path, "data.args.bucketed": False, "data.args.longest": 5})
        setup = make_setup(own)
        feed = make_feed(setup, own)
        stage = setup.plan.stages[0]
        prepare = jax.jit(feed.prepare(stage))
        fed = itertools.islice(feed.batches(stage, 8), 3)  # the last two of an epoch, and the first of the next
        made.append([jax.tree.map(np.asarray, prepare(*one, feed.resident)) for one in fed])
    jax.tree.map(np.testing.assert_array_equal, *made)
    shapes = [view.shape for view in made[0][0]["inputs"]["letters"]]
    assert shapes == [(8, 5), (8, 10)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"views.main.augment": "flip"}, "flip works on image, and the examples have letters (tokens)"),
        ({"data.path": "device"}, "batches of one size"),
        ({"steps_per_call": 2}, "can't share one call"),
        ({"duration": "100 examples"}, "duration = '100 examples'"),
        ({"eval.augment": "resize(8)"}, "its examples are not images"),
        ({"eval.evals": ("metrics", "low_pass")}, "'low_pass' analyses images"),
        ({"task": "classification"}, "needs examples with a 'image'"),
        ({"data.mean": (0.1, 0.1, 0.1)}, "its examples are not images"),
        ({"task": "os:sep"}, "task: 'os:sep' can't be called: it is a str"),
        ({"task": "os.path:join"}, "task: os.path:join(config, data) fails: TypeError"),
        ({"task": "builtins:max"}, "task: builtins:max(config, data) fails: TypeError"),
        ({"eval.evals": ("metrics", "os:sep")}, "eval.evals: 'os:sep' can't be called: it is a str"),
        ({"eval.evals": ("builtins:dir",)}, "eval.evals: 'builtins:dir' makes a list, which can't be called"),
    ],
)
def test_what_means_nothing_for_sequences_is_refused_in_one_line(folder, changes, message):
    with pytest.raises(ConfigError, match=r".*") as caught:
        train_config(config(folder, **changes), folder / "wrong")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (folder / "wrong").exists()

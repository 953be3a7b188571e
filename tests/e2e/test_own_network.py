"""docs/own_network.md in a folder outside the repository: its network trains, and all commands know it."""

import json
import re
import shlex
import shutil
import sys

import jax
import numpy as np
import pytest

from sbn import export
from sbn.config import command_line, imported
from sbn.config.errors import ConfigError
from sbn.evals.make import make_evaluators
from sbn.evaluate import evaluate
from sbn.train import train
from sbn.train.setup import make_setup
from tests.conftest import ROOT
from tests.e2e.runs import assert_same_state, final_state, metric_lines

PAGE = (ROOT / "docs/own_network.md").read_text()
(FILE,) = re.findall(r"<!-- file: my_networks.py -->\n```python\n(.*?)```", PAGE, re.DOTALL)
(CODE,) = re.findall(r"<!-- code: branched -->\n```python\n(.*?)```", PAGE, re.DOTALL)
(NNX,) = re.findall(r"<!-- code: nnx -->\n```python\n(.*?)```", PAGE, re.DOTALL)
(COMMAND,) = re.findall(r"<!-- command: train -->\n```bash\n(.*?)```", PAGE, re.DOTALL)
# Further modules of the same file: what is wrong with them is in their names
OTHERS = """

class WrongShape(nn.Module):
    num_classes: int

    @nn.compact
    def __call__(self, x, train):
        return nn.Dense(self.num_classes)(x)


class Breaks(nn.Module):
    @nn.compact
    def __call__(self, x, train):
        raise RuntimeError("no such thing\\nand more")


class OfViews(nn.Module):
    branches: int
    classes: int

    @nn.compact
    def __call__(self, x, *, train):
        from sbn.nn import BranchNorm

        x = BranchNorm(self.branches)(nn.Conv(4, (3, 3), strides=4)(x), train=train)
        return nn.Dense(self.classes)(nn.relu(x).mean((2, 3)))


def no_module():
    return 3


class Unseeded(nnx.Module):
    def __init__(self, num_classes):
        self.head = nnx.Linear(3, num_classes, rngs=nnx.Rngs(0))
"""
OWN = {"model.name": "my_networks:SmallNet", "model.args.channels": 4, "model.depth": None, "model.width": None}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with the file of the page in it."""
    (tmp_path / "my_networks.py").write_text(FILE + NNX + OTHERS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    sys.modules.pop("my_networks", None)


def test_it_trains_refines_is_evaluated_exported_and_begun_from(tiny, folder, monkeypatch):
    short = {**OWN, "duration": "2 steps", "eval.every": "2 steps", "save.every": "2 steps"}
    stages = {"stages": ("train", "refine"), "stage.refine.duration": "1 steps", "stage.refine.branches": ("main",)}
    result = train(tiny({**short, **stages}), "run")
    step, found = evaluate("run")
    assert (step, result["steps"]) == (3, 3)
    for name in ("test/main/accuracy", "test/aux/loss", "test/mix_0.5/accuracy"):
        assert found[name] == result["metrics"][name]
    state = final_state("run")
    assert {leaf.shape[0] for leaf in jax.tree.leaves(state.batch_stats)} == {2}
    assert state.params["BatchNorm_0"]["scale"].shape == (2, 4)
    starts = json.loads((folder / "run/provenance.json").read_text())
    assert "my_networks" in json.dumps(starts[-1])

    # the export is the network itself with rows of the variables, and is found again by its import path
    monkeypatch.setattr(imported, "_loaded", {})  # as in a process of its own
    about = export.export("run", out="exported", branch="aux")
    assert about["classes"] == 10
    assert [name for name in about["imported"]] == ["my_networks:SmallNet"]
    loaded, setup = export.load("exported"), make_setup(tiny(short))
    images = setup.test.images[:5]
    own = jax.tree.map(lambda leaf: leaf[0] if leaf.shape[:1] == (1,) else leaf, loaded.variables)
    from my_networks import SmallNet

    from sbn.data.pixels import normalise, pack

    inputs = normalise(pack(images), mean=setup.task.mean, std=setup.task.std)
    want = SmallNet(10, channels=4).apply(own, inputs, train=False)
    np.testing.assert_allclose(loaded.logits(images), want, rtol=1e-5, atol=1e-5)

    # another run begins from its second branch
    began = train(tiny({**short, "branches": ("main",), "init.from": "run", "init.branch": "aux"}), "second")
    assert began["steps"] == 5


def test_the_command_of_the_page_is_one_that_is_understood(folder):
    words = shlex.split(COMMAND.replace("\\\n", " "))[2:]
    others, dotted = command_line.split(words)
    (experiment,) = (word.removeprefix("--config=") for word in others if word.startswith("--config="))
    config = command_line.request(experiment, dotted).config
    setup = make_setup(config)
    shapes = jax.eval_shape(setup.task.init, jax.random.key(0))
    assert shapes["params"]["Conv_0"]["kernel"].shape == (3, 3, 3, 8)
    assert shapes["params"]["BatchNorm_0"]["scale"].shape == (2, 8)
    exec(compile(CODE, "docs/own_network.md", "exec"), {})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model.name": "my_networks:SmalNet"}, ["my_networks:SmalNet", "did you mean 'SmallNet'"]),
        ({"model.name": "no_such_file:Net"}, ["no_such_file:Net", "can't be imported"]),
        ({"model.name": "my_networks:no_module"}, ["makes a int, not a module of flax.linen"]),
        ({"model.args.chanels": 3}, ["chanels", "did you mean 'channels'"]),
        ({"model.name": "my_networks:WrongShape"}, ["shape (2, 16, 16, 10)", "not logits of shape (2, 10)"]),
        ({"model.name": "my_networks:Breaks"}, ["RuntimeError: no such thing", "my_networks.py, line"]),
        ({"model.name": "my_networks:Unseeded"}, ["my_networks:Unseeded", "has no argument rngs"]),
        (
            {"model.name": "my_networks:NnxNet", "precision": "bfloat16"},
            ["precision = 'bfloat16'", "my_networks:NnxNet"],
        ),
        ({"model.name": "my_networks:NnxNet", "model.args.chanels": 3}, ["did you mean 'channels'"]),
        ({"norm.kind": "none"}, ["norm.kind = 'none'", "my_networks:SmallNet"]),
        ({"norm.layer": "group"}, ["norm.layer = 'group' has no effect", "sets its own normalisation"]),
        ({"norm.group_size": 4}, ["norm.group_size = 4 has no effect", "my_networks:SmallNet"]),
        ({"norm.momentum": 0.5}, ["norm.momentum = 0.5 has no effect"]),
        ({"precision": "bfloat16"}, ["precision = 'bfloat16'", "dtype"]),
        ({"views.aux.augment": "manifold_mixup(1)"}, ["manifold_mixup", "SmallNet"]),
    ],
)
def test_what_is_wrong_is_told_in_one_line_before_anything_is_compiled(tiny, folder, changes, words):
    own = {**OWN, **changes}
    if changes.get("model.name", "").partition(":")[2] not in ("", "SmallNet"):
        own.pop("model.args.channels")
    with pytest.raises(ConfigError) as caught:
        make_setup(tiny(own))
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_an_analysis_that_needs_more_says_so_in_one_line(tiny, folder):
    config = tiny({**OWN, "eval.evals": ("accuracy", "spectra")})
    with pytest.raises(
        ConfigError, match=r"'spectra' reads the features of a network, which .* its __call__ takes no tap"
    ):
        make_evaluators(make_setup(config).materials(config))


def test_a_module_of_nnx_trains_is_killed_evaluated_and_exported(tiny, folder):
    own = {**OWN, "model.name": "my_networks:NnxNet"}
    config = tiny({**own, "duration": "2 steps", "eval.every": "2 steps", "save.every": "1 steps"})
    result = train(config, "run")
    state = final_state("run")
    mean = state.batch_stats["norm"]["mean"]
    assert mean.shape == (2, 4)
    assert (mean[0] != mean[1]).any()
    shutil.copytree("run", "killed")  # as a kill after the first step leaves it
    shutil.rmtree("killed/checkpoints/2")
    (folder / "killed/result.json").unlink()
    train(config, "killed")
    assert_same_state(final_state("killed"), state)
    assert metric_lines("killed") == metric_lines("run")
    _, found = evaluate("run")
    assert found["test/aux/loss"] == result["metrics"]["test/aux/loss"]
    export.export("run", out="exported", branch="aux")
    images = make_setup(tiny(own)).test.images[:5]
    assert np.isfinite(export.load("exported").logits(images)).all()


def test_a_network_that_takes_the_views_itself_trains(tiny, folder):
    own = {"model.name": "my_networks:OfViews", "model.depth": None, "model.width": None}
    result = train(tiny({**own, "duration": "2 steps", "eval.every": "2 steps"}), "run")
    assert result["steps"] == 2
    state = final_state("run")
    mean = state.batch_stats["BranchNorm_0"]["mean"]
    assert mean.shape == (2, 4)
    assert (mean[0] != mean[1]).any()

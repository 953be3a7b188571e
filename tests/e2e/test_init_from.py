"""A run that goes on from another: the bits of one run with both stages, on its own from its first checkpoint on."""

import json
import shutil

import jax
import numpy as np
import pytest
from etils import epath

from sbn.config.errors import ConfigError
from sbn.nn import branches
from sbn.runs.content import read_json
from sbn.runs.seals import sealed
from sbn.train import Origin, Preempted, inheritance, preemption, train
from tests.e2e import runs

TRAIN = {"duration": "4 steps", "save.every": "0 steps", "save.keep": 1, "eval.every": "0 steps"}
REFINE = {
    "stages": ("refine",),
    "stage.refine.duration": "4 steps",
    "stage.refine.views.main.augment": "flip",
    "stage.refine.schedule.kind": "constant",
    "stage.refine.optim.lr": 0.01,
}
MIXUP = Origin("refine", "table1/mixup", {"optim.lr": 0.05})
BOTH = {**TRAIN, **REFINE, "stages": ("train", "refine"), "stage.train.duration": "4 steps"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def both(folder, tiny):
    """Two stages in one run, of which save.keep keeps one checkpoint and the first stage's end another."""
    train(tiny(BOTH), folder / "both", origin=MIXUP)
    return folder / "both"


@pytest.fixture(scope="module")
def first(folder, tiny):
    """The first stage alone."""
    train(tiny(TRAIN), folder / "first", origin=MIXUP)
    return folder / "first"


def test_the_end_of_every_stage_is_kept(both):
    assert {path.name for path in (both / "checkpoints").iterdir()} == {"4", "8"}
    assert json.loads((both / "result.json").read_text())["stages"] == {"train": [0, 4], "refine": [4, 8]}


@pytest.mark.parametrize(("source", "stage"), [("first", None), ("both", "train")])
def test_refining_another_run_gives_the_bits_of_one_run_with_both_stages(request, both, tiny, tmp_path, source, stage):
    source = request.getfixturevalue(source)
    train(tiny({**TRAIN, **REFINE, "init.from": str(source), "init.stage": stage}), tmp_path / "run")
    runs.assert_same_state(runs.final_state(tmp_path / "run"), runs.final_state(both))
    assert runs.metric_lines(tmp_path / "run") == [line for line in runs.metric_lines(both) if line["step"] > 4]
    record = read_json(tmp_path / "run/init.json")
    assert (record["from"], record["step"], record["stage"]) == (str(source), 4, "train")
    assert record["branches"] == {"main": "main", "aux": "aux"}
    assert record["momentum"] == "carried over"
    told = {"experiment": "refine", "row": "table1/mixup", "seed": 0, "overrides": {"optim.lr": 0.05}}
    assert record["source"] == {**told, "stages": {"train": [0, 4]}, "source": None}
    result = json.loads((tmp_path / "run/result.json").read_text())
    assert result["stages"] == {"refine": [4, 8]}
    assert result["init"] == record


def test_it_resumes_to_the_same_bits_without_the_run_it_began_from(first, both, tiny, tmp_path, monkeypatch):
    shutil.copytree(first, tmp_path / "first")
    config = tiny({**TRAIN, **REFINE, "init.from": str(tmp_path / "first")})
    notices = []

    class Stop(preemption.Notice):
        @property
        def given(self):
            notices.append(1)
            return len(notices) == 2

        @given.setter
        def given(self, value):
            pass

    monkeypatch.setattr(preemption, "Notice", Stop)
    with pytest.raises(Preempted, match="after step 6"):
        train(config, tmp_path / "run")
    monkeypatch.undo()
    shutil.rmtree(tmp_path / "first")
    train(config, tmp_path / "run")
    runs.assert_same_state(runs.final_state(tmp_path / "run"), runs.final_state(both))


def test_before_its_first_checkpoint_it_insists_on_the_run_it_began_from(first, both, tiny, tmp_path, monkeypatch):
    shutil.copytree(first, tmp_path / "source")
    config = tiny({**TRAIN, **REFINE, "init.from": str(tmp_path / "source")})
    monkeypatch.setattr("sbn.train.loop.make_step", None)  # killed before the first step
    with pytest.raises(TypeError):
        train(config, tmp_path / "run")
    monkeypatch.undo()
    shutil.rmtree(tmp_path / "source")
    with pytest.raises(ConfigError, match=r"init\.from: .*source holds no run"):
        train(config, tmp_path / "run")
    shutil.copytree(both, tmp_path / "source")
    with pytest.raises(ConfigError, match=r"has changed since .* started from it"):
        train(config, tmp_path / "run")


@pytest.mark.slow
def test_branches_go_by_name(first, tiny, tmp_path):
    """aux of a split model becomes a plain network; a plain network becomes both branches of a split one."""
    plain = {
        "branches": ("aux",),
        "duration": "1 steps",
        "init.from": str(first),
        "optim.lr": 0.0,
        "optim.momentum": 0.0,
    }
    train(tiny({**TRAIN, **plain}), tmp_path / "aux")
    split, aux = runs.final_state(first), runs.final_state(tmp_path / "aux")
    assert_same(aux.params, branches.select_branch({"params": split.params}, 1)["params"])
    trace, count = momentum(split)[0], momentum(aux)[1]
    assert count == 5
    assert branches.branch_count(aux.variables) == 1
    assert branches.branch_count({"params": trace}) == 2

    back = {"duration": "1 steps", "init.from": str(tmp_path / "aux"), "optim.lr": 0.0}
    train(tiny({**TRAIN, **back}), tmp_path / "split")
    again = runs.final_state(tmp_path / "split")
    assert_same(again.params, branches.from_plain({"params": aux.params}, 2)["params"])
    assert json.loads((tmp_path / "split/init.json").read_text())["branches"] == {"main": "aux", "aux": "aux"}
    assert int(again.step) == 6


def test_a_finished_run_of_another_config_is_refined_and_that_one_again(first, tiny, tmp_path):
    """Other seed, batches, images and form of momentum; steps and stages are counted on through all three."""
    other = {"seed": 7, "batch_size": 4, "data.train_examples": 24, "optim.nesterov": False, "optim.clip_norm": None}
    train(
        tiny({**TRAIN, **REFINE, **other, "stage.refine.duration": "2 steps", "init.from": str(first)}), tmp_path / "b"
    )
    last = {"duration": "1 steps", "optim.lr": 0.0, "init.from": str(tmp_path / "b"), "init.stage": "refine"}
    result = train(tiny({**TRAIN, **last}), tmp_path / "c")
    assert result["stages"] == {"train": [6, 7]}
    record = json.loads((tmp_path / "c/init.json").read_text())
    assert (record["step"], record["stages"], record["stage"]) == (6, 2, "refine")
    assert (record["source"]["seed"], record["source"]["stages"]) == (7, {"refine": [4, 6]})
    assert record["source"]["source"] == json.loads((tmp_path / "b/init.json").read_text())["source"]
    assert record["source"]["source"]["row"] == "table1/mixup"
    second, third = runs.final_state(tmp_path / "b"), runs.final_state(tmp_path / "c")
    assert (int(second.step), int(third.step)) == (6, 7)
    assert_same(third.params, second.params)
    assert any((x != y).any() for x, y in zip(*map(jax.tree.leaves, (second.params, params_of(first))), strict=True))


def params_of(workdir):
    return runs.final_state(workdir).params


def assert_same(a, b):
    jax.tree.map(np.testing.assert_array_equal, a, jax.tree.map(np.asarray, b))


def momentum(state):
    """The momentum buffer and the step counter of an optimiser's state."""
    import optax

    return optax.tree.get(state.opt_state, "trace"), int(optax.tree.get(state.opt_state, "count"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"init.from": "nowhere"}, ["init.from", "nowhere holds no run"]),
        ({"init.stage": "train"}, ["init.stage", "'train'", "init.from"]),
        ({"init.branch": "aux"}, ["init.branch", "'aux'", "init.from"]),
        ({"init.from": "FIRST", "init.stage": "refine"}, ["init.stage", "refine", "train"]),
        ({"init.from": "FIRST", "init.branch": "axu"}, ["init.branch", "axu", "did you mean 'aux'"]),
        ({"init.from": "FIRST", "branches": ("main", "more"), "views.more.augment": ""}, ["more", "init.branch"]),
        ({"init.from": "FIRST", "model.width": 2}, ["params/final_norm/bias is (2, 64) there and (2, 128) here"]),
        ({"init.from": "FIRST", "norm.kind": "split_stats"}, ["bias is (2, 64) there and (64,) here"]),
        ({"init.from": "HERE"}, ["very run"]),
    ],
)  # fmt: skip
def test_what_cannot_be_begun_from_is_refused_before_anything_is_written(first, tiny, tmp_path, changes, words):
    places = {"FIRST": str(first), "HERE": str(tmp_path / "run")}
    changes = {name: places.get(value, value) if isinstance(value, str) else value for name, value in changes.items()}
    with pytest.raises(ConfigError) as caught:
        train(tiny({**TRAIN, **changes}), tmp_path / "run")
    for word in words:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_an_unfinished_run_is_refused_unless_a_finished_stage_is_named(both, tiny, tmp_path):
    shutil.copytree(both, tmp_path / "source")
    (tmp_path / "source/result.json").unlink()
    shutil.rmtree(tmp_path / "source/checkpoints/8")
    source = {**TRAIN, "init.from": str(tmp_path / "source")}
    with pytest.raises(ConfigError, match=r"is not finished: .* set init\.stage to a stage"):
        train(tiny(source), tmp_path / "run")
    with pytest.raises(ConfigError, match="no checkpoint of the end of stage 'refine'"):
        train(tiny({**source, "init.stage": "refine"}), tmp_path / "run")
    assert not (tmp_path / "run").exists()
    train(tiny({**source, "init.stage": "train", "duration": "1 steps"}), tmp_path / "run")
    record = json.loads((tmp_path / "run/init.json").read_text())
    whose = {name: record["source"][name] for name in ("experiment", "row", "seed", "overrides")}
    assert whose == {"experiment": "refine", "row": "table1/mixup", "seed": 0, "overrides": {"optim.lr": 0.05}}
    assert record["source"]["stages"] == {"train": [0, 4]}


def test_a_finished_run_whose_end_is_gone_is_not_begun_from_earlier_in_silence(both, tiny, tmp_path):
    shutil.copytree(both, tmp_path / "source")
    shutil.rmtree(tmp_path / "source/checkpoints/8")
    config, run = {**TRAIN, "init.from": str(tmp_path / "source")}, epath.Path(tmp_path / "run")
    told = r"no checkpoint of its end, step 8, the newest is of step 4: .* init\.stage=train \(step 4\)$"
    with pytest.raises(ConfigError, match=told):
        inheritance.find(tiny(config), run)
    assert inheritance.find(tiny({**config, "init.stage": "train"}), run).before.steps == 4
    result = json.loads((tmp_path / "source/result.json").read_text())
    (tmp_path / "source/result.json").write_text(json.dumps(sealed({**result, "steps": 4})))
    assert inheritance.find(tiny(config), run).before.steps == 4
    meta = tmp_path / "source/checkpoints/4/meta/metadata"
    meta.write_text(json.dumps(sealed({**json.loads(meta.read_text()), "stage_done": False})))
    (tmp_path / "source/result.json").write_text(json.dumps(result))
    with pytest.raises(ConfigError, match="the newest is of step 4: no stage's end is there either"):
        inheritance.find(tiny(config), run)
    first_format = {name: value for name, value in json.loads(meta.read_text()).items() if not name.startswith("stage")}
    meta.write_text(json.dumps(sealed(first_format)))
    with pytest.raises(ConfigError, match=r"checkpoints of sbn's first format \(the newest is of step 4\)"):
        inheritance.find(tiny(config), run)
    shutil.rmtree(meta.parent)
    with pytest.raises(ConfigError, match=r"checkpoint 4 in .*source can't be read"):
        inheritance.find(tiny(config), run)
    shutil.rmtree(tmp_path / "source/checkpoints/4")
    with pytest.raises(ConfigError, match="no checkpoint at all"):
        inheritance.find(tiny(config), run)


@pytest.mark.parametrize("part", ["arrays", "what describes them"])
def test_a_damaged_checkpoint_is_refused(first, tiny, tmp_path, part):
    shutil.copytree(first, tmp_path / "source")
    files = [path for path in (tmp_path / "source/checkpoints/4/model").rglob("*") if path.is_file()]
    described = [path for path in files if path.name.startswith("_")]
    # Orbax keeps arrays twice, and reads one of them
    arrays = sorted(set(files) - set(described), key=lambda path: path.stat().st_size)[-3:]
    for path in arrays if part == "arrays" else described:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ConfigError, match=r"checkpoint 4 in .* can't be read"):
        train(tiny({**TRAIN, "init.from": str(tmp_path / "source")}), tmp_path / "run")
    assert not (tmp_path / "run").exists()

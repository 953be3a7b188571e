"""The files of a run: metrics, progress, config, result."""

import json

import pytest
from etils import epath

from sbn.config.errors import ConfigError
from sbn.runs.content import read_json
from sbn.runs.metrics import read_lines
from sbn.train import workdir as workdirs
from sbn.train.plan import make_plan
from sbn.train.workdir import Origin
from sbn.train.writers import Writers


def writer(folder, step=0, **options):
    return Writers(epath.Path(folder), step=step, **{"tensorboard": False, "active": True, **options})


def test_metrics_are_lines_of_json(tmp_path):
    out = writer(tmp_path)
    out.write(1, {"a": 0.1})
    out.write(2, {"b": 1e-9})
    assert read_lines(epath.Path(tmp_path) / "metrics.jsonl") == [{"step": 1, "a": 0.1}, {"step": 2, "b": 1e-9}]


def test_lines_after_the_restored_step_and_half_lines_are_dropped(tmp_path):
    out = writer(tmp_path)
    for step in (1, 2, 3):
        out.write(step, {"a": step})
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 4, "a"')
    writer(tmp_path, step=2).write(3, {"a": 33})
    assert [line["a"] for line in read_lines(epath.Path(tmp_path) / "metrics.jsonl")] == [1, 2, 33]


def test_a_run_goes_on_where_its_data_have_moved(tiny, tmp_path):
    """And says so in its config, which evaluation reads; what it learns and measures stays."""
    folder = epath.Path(tmp_path)
    before = {"data.name": "cifar10", "data.archive": "here.npz", "data.image_size": None}
    workdirs.begin(folder, tiny(before), {})
    moved = tiny({**before, "data.archive": "there.npz", "save.every": "7 steps", "data.path": "device"})
    assert workdirs.finished(folder, moved) is None
    workdirs.begin(folder, moved, {})
    assert workdirs.read_config(folder) == moved
    for change in ({"optim.lr": 0.3}, {"eval.every": "1 steps"}):
        with pytest.raises(ConfigError, match=rf"\({next(iter(change))}: [^;]* here\)"):
            workdirs.finished(folder, tiny({**before, **change}))


def test_other_processes_write_nothing(tmp_path):
    writer(tmp_path, active=False).write(1, {"a": 1})
    assert list(tmp_path.iterdir()) == []


def test_tensorboard_files_hold_the_scalars(tmp_path):
    out = writer(tmp_path, tensorboard=True)
    out.write(7, {"test/main/accuracy": 0.25})
    out.close()
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util import tensor_util

    events = EventAccumulator(str(tmp_path / "tensorboard"), size_guidance={"tensors": 0}).Reload()
    (event,) = events.Tensors("test/main/accuracy")
    assert (event.step, tensor_util.make_ndarray(event.tensor_proto)) == (7, 0.25)


def test_a_workdir_of_another_config_is_refused_with_the_difference(tmp_path, tiny):
    folder = epath.Path(tmp_path / "run")
    config = tiny()
    assert workdirs.finished(folder, config) is None
    workdirs.begin(folder, config, {"argv": []})
    assert workdirs.finished(folder, config) is None
    with pytest.raises(
        ConfigError, match=r"optim\.lr: 0\.05 there, 0\.5 here; seed: 0 there, 3 here|seed: 0 there, 3 here; optim\.lr"
    ):
        workdirs.finished(folder, tiny({"optim.lr": 0.5, "seed": 3}))


def test_a_run_begun_before_a_key_existed_goes_on_with_its_default(tmp_path, tiny):
    folder, config = epath.Path(tmp_path / "run"), tiny()
    workdirs.begin(folder, config, {})
    old = read_json(folder / "config.json")
    del old["eval"]["average"]
    (folder / "config.json").write_text(json.dumps(old))
    assert workdirs.finished(folder, config) is None
    with pytest.raises(ConfigError, match=r"eval\.average: 'probabilities' there, 'logits' here"):
        workdirs.finished(folder, tiny({"eval.average": "logits"}))


def test_every_start_is_recorded_and_the_result_says_done(tmp_path, tiny):
    folder, config = epath.Path(tmp_path / "run"), tiny({"seed": 4})
    workdirs.begin(folder, config, {"n": 1})
    workdirs.begin(folder, config, {"n": 2})
    starts = json.loads((folder / "provenance.json").read_text())
    assert [start["n"] for start in starts] == [1, 2]
    origin = Origin("split_bn", "table3/weak_augment", {"optim.lr": 0.05})
    plan = make_plan(config, examples=40)
    made = workdirs.finish(folder, config, origin, plan=plan, seconds=2.5, metrics={"test/main/accuracy": 0.5})
    assert workdirs.finished(folder, config) == json.loads(json.dumps(made))
    assert (made["row"], made["seed"], made["overrides"], made["steps"]) == (
        "table3/weak_augment",
        4,
        {"optim.lr": 0.05},
        10,
    )
    assert (made["steps_per_epoch"], made["stages"]) == (5, {"train": [0, 10]})
    (folder / "config.json").unlink()  # as of a result that was copied alone
    assert workdirs.finished(folder, config) == json.loads(json.dumps(made))
    with pytest.raises(ConfigError, match=r"holds a run with another config \(seed: 4 there, 5 here\)"):
        workdirs.finished(folder, tiny({"seed": 5}))


def test_own_code_that_changed_between_two_starts_is_told(tmp_path, tiny, caplog):
    """The second half of a run would be of another network, without a word."""
    folder, config = epath.Path(tmp_path / "run"), tiny()
    for sha256, told in (("aa", 0), ("aa", 0), ("bb", 1)):
        caplog.clear()
        workdirs.begin(folder, config, {"imported": {"mine:Net": {"file": "mine.py", "sha256": sha256}}})
        assert len(caplog.messages) == told
    assert "mine:Net has changed since the last start" in caplog.text
    workdirs.begin(folder, config, {"imported": {}})


def test_whose_run_it_is_is_known_of_finished_unfinished_and_older_runs(tmp_path, tiny):
    folder, config = epath.Path(tmp_path / "run"), tiny({"seed": 4})
    unknown = dict.fromkeys(("experiment", "row", "seed", "overrides"))
    workdirs.begin(folder, config, {"n": 1})  # as starts were recorded once
    assert workdirs.read_origin(folder, before=10) == {**unknown, "stages": {}, "source": None}
    origin = Origin("split_bn", "table3/weak_augment", {"optim.lr": 0.05})
    workdirs.begin(folder, config, {"n": 2}, origin=origin, inherited={"step": 3, "source": {"row": "a"}})
    known = {"experiment": "split_bn", "row": "table3/weak_augment", "seed": 4, "overrides": {"optim.lr": 0.05}}
    assert workdirs.read_origin(folder, before=10) == {**known, "stages": {}, "source": {"row": "a"}}
    plan = make_plan(config, examples=40)
    result = workdirs.finish(folder, config, origin, plan=plan, seconds=2.5, metrics={})
    assert (result["init"]["step"], result["init"]["source"]["row"]) == (3, "a")
    assert workdirs.read_origin(folder, before=10)["stages"] == {"train": [0, 10]}
    assert workdirs.read_origin(folder, before=9) == {**known, "stages": {}, "source": {"row": "a"}}
    (folder / "result.json").write_text("{")
    with pytest.raises(ConfigError, match=r"result\.json is damaged"):
        workdirs.read_origin(folder, before=10)


def test_what_a_run_began_from_is_recorded_once(tmp_path, tiny):
    folder = epath.Path(tmp_path / "run")
    workdirs.begin(folder, tiny(), {}, inherited={"step": 3})
    workdirs.begin(folder, tiny(), {}, inherited={"step": 4})
    assert read_json(folder / "init.json") == {"format": 1, "step": 3}


def test_a_folder_without_a_run_is_told(tmp_path):
    with pytest.raises(ConfigError, match=r"no config\.json"):
        workdirs.read_config(epath.Path(tmp_path))


def test_a_link_that_leads_nowhere_is_no_work_directory(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match=r"--workdir=.*link is a link that leads nowhere"):
        workdirs.checked_path(tmp_path / "link")
    (tmp_path / "nowhere").mkdir()
    assert workdirs.checked_path(tmp_path / "link").is_dir()

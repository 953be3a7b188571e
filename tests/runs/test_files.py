"""Every file of a work directory, damaged in every way: one error that names it, or, where nothing needs it, none."""

import json
import os
import pathlib
import shutil

import pytest
from etils import epath

from sbn.config.errors import ConfigError
from sbn.runs import files
from sbn.runs.content import Damaged
from tests.conftest import ROOT

RUN = ROOT / "results/cifar_preact10_mixup_refined/runs/preactresnet18_cifar10_mixup/seed0"

SOUND = {
    files.CONFIG: {"seed": 3},
    files.RESULT: json.loads((RUN / "result.json").read_text()),
    files.PROGRESS: {"step": 5, "total": 9, "stages": {"train": [0, 9]}, "steps_per_second": 1.5, "time": 1e9},
    files.JOB: {"engine": "local", "host": "here", "pid": 7, "code": 75, "gave_up": False, "time": 1e9},
    files.INIT: {"from": "a", "step": 20, "stages": 1, "stage": "train", "checksum": 7, "source": None},
    files.PROVENANCE: {"starts": [{"format": 1, "time": "2026-01-01T00:00:00Z", "argv": ["train", "--workdir=a"]}]},
    files.DATA: {"mean": [0.5, 0.5, 0.5], "std": [1, 1, 1]},
}

# What is written in the place of any file
DAMAGES = {
    "empty": b"",
    "blank": b" \n",
    "zeros": bytes(64),
    "half": b'{"step": 5, "to',
    "no JSON": b"step: 5",
    "no UTF-8": b'{"step": "\xff\xfe"}',
    "UTF-16": '{"step": 5}'.encode("utf-16"),
    "list": b"[1]",
    "text": b'"step"',
    "number": b"7",
    "null": b"null",
    "deep list": b"[" * 100_000 + b"]" * 100_000,
    "deep object": b'{"a":' * 900 + b"1" + b"}" * 900,
    "huge number": b'{"step": 1' + b"0" * 400 + b"}",
    "endless number": b'{"step": 1' + b"0" * 5000 + b"}",
    "half a character": b'{"step": "\\ud800"}',
    "newer": b'{"format": 2}',
    "a name twice": b'{"step": 5, "step": 6}',
    "format of another kind": b'{"format": [1]}',
}


def put(folder, name, damage):
    path = folder / name
    if damage == "folder":
        path.mkdir()
    elif damage == "link to nowhere":
        path.symlink_to(folder / "nowhere")
    else:
        path.write_bytes(DAMAGES[damage])
    return path


@pytest.mark.parametrize("damage", [*DAMAGES, "folder", "link to nowhere"])
@pytest.mark.parametrize("name", SOUND)
def test_a_damaged_file_is_one_line_that_names_it(tmp_path, name, damage):
    path = put(tmp_path, name, damage)
    with pytest.raises(Damaged) as raised:
        files.read(tmp_path, name)
    assert (raised.value.path, str(path) in str(raised.value)) == (path, True)
    assert "\n" not in str(raised.value)
    assert isinstance(raised.value, ConfigError)
    if name not in (files.CONFIG, files.RESULT):
        assert files.glance(tmp_path, name) == files.glance(tmp_path / "nowhere", name)


def test_sound_files_come_back_as_they_were_written(tmp_path):
    for name, content in SOUND.items():
        files.write(tmp_path, name, content)
        found = files.read(tmp_path, name)
        assert found == found | content, name
        assert files.read(epath.Path(tmp_path), name) == found
    assert not list(tmp_path.glob("*.draft"))


WRONG = [None, True, "x", -1, 1.5, [], [3], {}, {"a": 3}, [0, "x"], float("nan"), 2**62, "\x1b[2J"]


@pytest.mark.parametrize("name", SOUND)
def test_a_value_of_a_wrong_kind_is_told_or_harmless_and_never_another_error(tmp_path, name):
    """Every field of every file gets every wrong value; what is read then is of the kind that callers rely on."""
    told = []
    for field in SOUND[name]:
        for value in WRONG:
            (tmp_path / name).write_text(json.dumps({**SOUND[name], field: value}))
            try:
                files.read(tmp_path, name)
            except Damaged as error:
                told.append((field, error.reason))
    assert told or name == files.CONFIG
    assert all(f"'{field}" in reason or field == "format" for field, reason in told)


@pytest.mark.parametrize("field", ["experiment", "row", "seed", "overrides", "metrics", "seconds", "steps", "config"])
def test_a_result_without_a_field_that_all_need_is_damaged(tmp_path, field):
    content = {name: value for name, value in SOUND[files.RESULT].items() if name != field}
    (tmp_path / files.RESULT).write_text(json.dumps(content))
    with pytest.raises(Damaged, match=f"no '{field}' in it"):
        files.read(tmp_path, files.RESULT)


def test_metrics_that_are_not_finite_are_numbers_and_text_is_none(tmp_path):
    (tmp_path / files.RESULT).write_text(json.dumps({**SOUND[files.RESULT], "metrics": {"a": float("inf"), "b": None}}))
    found = files.read(tmp_path, files.RESULT)["metrics"]
    assert (found["a"], found["b"] == found["b"]) == (float("inf"), False)


STORED = sorted((ROOT / "results").glob("**/result.json"))


@pytest.mark.parametrize("path", STORED, ids=lambda path: "/".join(path.parts[-5:-1]))
def test_runs_made_before_files_had_formats_are_read(path):
    assert files.read(path.parent, files.RESULT)["metrics"]
    assert files.read_config(path.parent).seed == files.read(path.parent, files.RESULT)["seed"]
    for file in path.parent.glob("artifacts/*/*.json"):
        assert files.read_evaluation(file)["metrics"]


def test_there_are_such_runs():
    assert len(STORED) >= 18


def test_provenance_is_a_list_of_starts(tmp_path):
    files.write(tmp_path, files.PROVENANCE, {"starts": [{"argv": ["a"]}, {"argv": ["b"]}]})
    assert [start["argv"] for start in json.loads((tmp_path / files.PROVENANCE).read_text())] == [["a"], ["b"]]
    assert [start["argv"] for start in files.glance(tmp_path, files.PROVENANCE)["starts"]] == [["a"], ["b"]]


@pytest.mark.parametrize(
    "config", [{"seed": "x"}, {"views": 3}, {"stages": [3]}, {"optim": {"lr": "x"}}, {"no_key": 1}]
)
def test_a_config_that_no_run_could_have_is_damaged(tmp_path, config):
    (tmp_path / files.CONFIG).write_text(json.dumps(config))
    with pytest.raises(Damaged, match="not the config of a run"):
        files.read_config(tmp_path)


@pytest.mark.parametrize("name", files.REPLACEABLE)
@pytest.mark.parametrize("damage", ["empty", "list", "folder", "link to nowhere"])
def test_files_that_nothing_needs_are_replaced_when_damaged(tmp_path, name, damage):
    put(tmp_path, name, damage)
    files.write(tmp_path, name, SOUND[name])
    assert files.read(tmp_path, name) is not None


def test_checkpoints_are_listed_without_opening_them(tmp_path):
    assert files.saved_steps(tmp_path) == []
    for name in ("30", "60", "9", "60.orbax-checkpoint-tmp", "²", "x"):
        (tmp_path / "checkpoints" / name).mkdir(parents=True)
    assert files.saved_steps(tmp_path) == [9, 30, 60]
    shutil.rmtree(tmp_path / "checkpoints")
    (tmp_path / "checkpoints").write_text("")
    assert files.saved_steps(tmp_path) == []


@pytest.mark.parametrize("kind", [pathlib.Path, epath.Path])
def test_a_pipe_in_the_place_of_a_file_is_damage_and_not_waited_for(tmp_path, kind):
    os.mkfifo(tmp_path / "config.json")
    with pytest.raises(Damaged, match="not a file"):
        files.read(kind(tmp_path), files.CONFIG)

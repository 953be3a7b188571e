"""The example of docs/own_task.md, from a folder outside the repository, through the public commands."""

import hashlib
import json
import re
import shutil

import pytest

from sbn.evaluate import evaluate
from sbn.report.__main__ import main as report
from sbn.train.__main__ import main as train
from tests.conftest import ROOT
from tests.e2e import runs

PAGE = (ROOT / "docs/own_task.md").read_text()
PARTS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = re.findall(r"^sbn (\w+) (.*)$", PAGE, re.MULTILINE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The page's two files, as a reader types them, in the current folder."""
    path = tmp_path_factory.mktemp("mine")
    *task, experiments = PARTS
    (path / "locate.py").write_text("\n\n".join(task))
    (path / "mine.py").write_text(experiments)
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(path)
        patched.syspath_prepend(path)
        yield path


def arguments(command, **changed):
    (words,) = [words for name, words in COMMANDS if name == command]
    return [changed.get(word.split("=")[0].lstrip("-"), word) for word in words.split()]


@pytest.fixture(scope="module")
def trained(folder):
    """The run of the page, as a kill after step 30 leaves it, and started again."""
    workdir = folder / "runs/mine/branches/two/seed0"
    train(arguments("train"))
    shutil.copytree(workdir, folder / "whole")
    shutil.rmtree(workdir / "checkpoints/40")
    (workdir / "result.json").unlink()
    train(arguments("train"))
    return workdir


def test_it_is_killed_and_resumes_to_the_same_bits(folder, trained):
    assert len(json.loads((trained / "provenance.json").read_text())) == 2
    runs.assert_same_state(runs.final_state(trained), runs.final_state(folder / "whole"))
    assert runs.metric_lines(trained) == runs.metric_lines(folder / "whole")
    names = ["train/loss", "train/main/loss", "train/aux/loss"]
    losses = [[line[name] for name in names] for line in runs.metric_lines(trained) if "train/loss" in line]
    assert sum(losses[-1]) < 0.5 * sum(losses[0])  # it learns


def test_it_is_evaluated_as_training_did_and_records_what_it_imported(folder, trained):
    result = json.loads((trained / "result.json").read_text())
    assert set(result["metrics"]) == {"test/main/distance", "test/aux/distance", "test/main_aux/disagreement"}
    step, found = evaluate(trained)
    assert step == 40
    assert found == pytest.approx(result["metrics"], rel=1e-6)
    assert 0 < found["test/main/distance"] < 4  # of 16 pixels; a guess in the middle is about as far off
    for start in json.loads((trained / "provenance.json").read_text()):
        own = start["imported"]
        assert {"locate:make_locate", "locate:Disagreement"} <= set(own)
        assert own["locate:make_locate"]["sha256"] == hashlib.sha256((folder / "locate.py").read_bytes()).hexdigest()


def test_it_is_reported(folder, trained, capsys):
    report(arguments("report"))
    printed = capsys.readouterr().out
    distance = json.loads((trained / "result.json").read_text())["metrics"]["test/main/distance"]
    assert re.search(rf"two.*{distance:.2f}", printed), printed


def test_the_same_task_trains_on_image_files_of_any_size_with_boxes(folder, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (folder / "pictures.py").write_text(PICTURES)
    keys = {"data.name": "pictures:pictures", "data.path": "host", "eval.augment": "fit(16, 16)", "duration": "4 steps"}
    keys |= {"views.main.augment": "fit(16, 16)", "views.aux.augment": "inception_crop(16)|flip", "batch_size": "8"}
    own = [f"--config.{name}={value}" for name, value in keys.items()]
    shapes_only = ("image_size", "train_examples", "test_examples")
    base = (folder / "mine.py").read_text()
    lines = [line for line in base.splitlines() if not any(f'"data.{key}"' in line for key in shapes_only)]
    (folder / "theirs.py").write_text("\n".join(lines))
    train(["--config=theirs.py:branches/two", "--workdir=pictures", *own])
    found = json.loads((folder / "pictures/result.json").read_text())["metrics"]
    assert 0 < found["test/main/distance"] < 12


PICTURES = """
import numpy as np
from PIL import Image
from sbn.data.image_files import image_files


def pictures(split):
    rng, files, boxes = np.random.default_rng(split == "test"), [], []
    for number in range(16):
        size = rng.integers(20, 50, 2)
        top, left = rng.integers(0, size // 2)
        image = rng.integers(0, 255, (*size, 3)).astype(np.uint8)
        image[top : top + 9, left : left + 9] = 255
        files.append(f"{split}{number}.jpg")
        Image.fromarray(image).save(files[-1])
        boxes.append([(top, left, top + 9, left + 9)][: 1 if number else 0])  # one image has no box
    return image_files(files, name=split, boxes=boxes, classes=["square"], most_boxes=1)
"""

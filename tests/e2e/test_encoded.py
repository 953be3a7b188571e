"""A run on images that stay encoded: it trains, evaluates every image once, and resumes to the same bits."""

import json

import pytest

from sbn.config.errors import ConfigError
from sbn.evaluate import evaluate
from sbn.train import train
from tests.data.imagenets import examples, write_records

NAMES = ["a", "b", "c", "d", "e", "f"]
SIZES = [(40, 52), (61, 33), (48, 48), (30, 70)]


@pytest.fixture
def config(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    held = {"train": examples(21, classes=6, sizes=SIZES), "validation": examples(11, classes=6, sizes=SIZES, seed=1)}
    write_records(tmp_path, "imagenet2012", held, class_names=NAMES)
    changes = {
        "data.name": "imagenet2012",
        "data.path": "host",
        "data.dir": str(tmp_path),
        "data.test_split": "validation",
        "data.image_size": None,
        "data.train_examples": None,
        "data.test_examples": None,
        "views.main.augment": "inception_crop(16)|flip",
        "views.aux.augment": "inception_crop(16)|flip|randaugment(1, 4)",
        "eval.augment": "resize(20)|centre_crop(16)",
        "eval.batch_size": 4,
    }
    return lambda more=None: tiny({**changes, **(more or {})})


@pytest.mark.slow
def test_a_run_stopped_half_way_ends_as_one_that_was_not(config, tmp_path, monkeypatch):
    whole = train(config(), tmp_path / "whole")
    assert set(whole["metrics"]) >= {"test/main/accuracy", "test/aux/top5_accuracy", "test/mix_0.5/loss"}
    # eleven images, every one once: accuracies are elevenths
    share = whole["metrics"]["test/main/accuracy"] * 11
    assert share == pytest.approx(round(share))

    from sbn.train import checkpoint

    saves = []
    real = checkpoint.Checkpoints.save

    class Stop(Exception):
        pass

    def save(self, step, *args, **options):
        real(self, step, *args, **options)
        saves.append(step)
        if step == 6:
            raise Stop

    monkeypatch.setattr(checkpoint.Checkpoints, "save", save)
    with pytest.raises(Stop):
        train(config(), tmp_path / "stopped")
    monkeypatch.setattr(checkpoint.Checkpoints, "save", real)
    resumed = train(config(), tmp_path / "stopped")
    assert saves == [3, 6]
    assert resumed["metrics"] == whole["metrics"]
    data = json.loads((tmp_path / "stopped/provenance.json").read_text())[-1]["data"]
    assert len(set(data.values())) == 2  # fingerprints of two splits


@pytest.mark.slow
def test_evaluate_sees_what_training_saw_and_other_sizes_if_told(config, tmp_path):
    trained = train(config({"duration": "2 steps"}), tmp_path / "run")
    step, scores = evaluate(tmp_path / "run")[:2]
    assert step == 2
    assert scores == trained["metrics"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"data.path": "device"}, ["data.path", "'imagenet2012'", "host"]),
        ({"data.archive": "x.npz"}, ["data.archive", "'imagenet2012'"]),
        ({"views.main.augment": "crop(4)|flip"}, ["views.main.augment = 'crop(4)|flip'", "inception_crop(size)"]),
        ({"views.aux.augment": "random_crop(31)"}, ["views.aux.augment", "random_crop(size) is 31", "a side of 30"]),
        ({"eval.augment": "none"}, ["eval.augment", "centre_crop(size)"]),
        ({"data.test_split": "test"}, ["'test'", "validation"]),
        ({"data.dir": "/nowhere"}, ["/nowhere", "imagenet2012/VERSION/dataset_info.json", "tfds build imagenet2012"]),
    ],
)
def test_mistakes_are_told_before_anything_is_written(config, tmp_path, changes, words):
    with pytest.raises(ConfigError) as caught:
        train(config(changes), tmp_path / "run")
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)
    assert not (tmp_path / "run").exists()

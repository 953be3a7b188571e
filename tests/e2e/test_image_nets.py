"""Runs on Tiny-ImageNet as published, and on real images of ImageNet and Imagenette where there are some."""

import math

import pytest

from sbn.data import prepare
from sbn.train import train
from tests.conftest import REAL_DATA
from tests.data.imagenets import examples, write_tiny_imagenet, write_zip

MINI = REAL_DATA.with_name("tfds_mini")
NAMES = ["n01443537", "n01629819", "n02056570"]
FEW = {
    "data.path": "host",
    "duration": "2 steps",
    "batch_size": 4,
    "data.test_split": "validation",
    "data.image_size": None,
    "data.train_examples": None,
    "data.test_examples": None,
}


@pytest.mark.slow
def test_a_network_trains_on_tiny_imagenet_from_its_zip_its_folder_and_an_archive_alike(tiny, tmp_path):
    splits = {"train": examples(9, classes=3, sizes=[(64, 64)]), "validation": examples(5, classes=3, sizes=[(64, 64)])}
    root, archive = tmp_path / "tiny-imagenet-200", tmp_path / "tiny.npz"
    write_tiny_imagenet(root, splits, class_names=NAMES)
    write_zip(root, tmp_path / "any.zip")
    assert prepare.main(["tiny_imagenet", str(tmp_path / "any.zip"), f"--out={archive}"]) == 0
    sources = {
        "zip": {"data.dir": str(tmp_path / "any.zip")},
        "folder": {"data.dir": str(root)},
        "archive": {"data.archive": str(archive)},
    }
    crops = {"views.main.augment": "crop(4)|flip", "views.aux.augment": "crop(4)|flip|cutout(32)"}
    found = {
        name: train(tiny({**FEW, **crops, "data.name": "tiny_imagenet", **where}), tmp_path / name)["metrics"]
        for name, where in sources.items()
    }
    assert found["zip"] == found["folder"] == found["archive"]
    assert found["zip"]["test/main/accuracy"] * 5 == pytest.approx(round(found["zip"]["test/main/accuracy"] * 5))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "classes"), [("imagenet2012", 1000), ("imagenette", 10)])
def test_a_network_trains_on_real_images(tiny, tmp_path, monkeypatch, name, classes):
    if not (MINI / name).exists():
        pytest.skip(f"no {name} in {MINI}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    changes = {
        "data.name": name,
        "data.dir": str(MINI),
        "data.train_examples": 60,
        "data.test_examples": 20,
        "views.main.augment": "inception_crop(32)|flip",
        "views.aux.augment": "inception_crop(32)|flip|randaugment(2, 5)",
        "views.aux.draws": "main",
        "eval.augment": "resize(36)|centre_crop(32)",
    }
    metrics = train(tiny({**FEW, **changes}), tmp_path / "run")["metrics"]
    # after two steps it can know next to nothing: the loss of guessing, give or take what a first step may do
    assert metrics["test/main/loss"] == pytest.approx(math.log(classes), rel=0.5)
    assert metrics["test/main/accuracy"] * 20 == pytest.approx(round(metrics["test/main/accuracy"] * 20))

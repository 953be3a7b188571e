"""A folder of images of one's own is trained on, from outside the repository, and the run remembers its data."""

import json

import numpy as np
import pytest

from sbn import export
from sbn.config.errors import ConfigError
from sbn.evaluate import evaluate
from sbn.train import train
from tests.data.imagenets import encode, picture

OWN = {
    "data.image_size": None,
    "data.train_examples": None,
    "data.test_examples": None,
    "duration": "4 steps",
    "views.main.augment": "crop(2)|flip",
    "views.aux.augment": "crop(2)|flip",
}
NETWORK = """
import flax.linen as nn


class Flat(nn.Module):
    num_classes: int

    @nn.compact
    def __call__(self, x, train):
        x = nn.BatchNorm(use_running_average=not train)(nn.Conv(2, (3, 3))(x))
        return nn.Dense(self.num_classes, name="head")(x.reshape(len(x), -1))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    rng = np.random.default_rng(0)
    root = tmp_path_factory.mktemp("outside") / "insects"
    for split, count in (("train", 9), ("val", 3)):
        for name in ("ant", "bee"):
            (root / split / name).mkdir(parents=True)
            for number in range(count):
                (root / split / name / f"{number}.png").write_bytes(encode(picture(rng, 16, 16), "PNG"))
    return root


@pytest.fixture
def config(tiny, folder, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return lambda **changes: tiny({**OWN, "data.name": f"folder:{folder}", **changes})


def test_a_run_on_a_folder_records_its_data_and_is_evaluated_and_exported_with_them(config, folder, tmp_path):
    result = train(config(), tmp_path / "run")
    data = json.loads((tmp_path / "run/data.json").read_text())
    assert data["classes"] == ["ant", "bee"]
    assert data["examples"] == {"train": 18, "test": 6}
    assert set(data["fingerprints"]) == {"train", "test"}
    assert 0.3 < min(data["mean"]) < 0.7
    step, scalars = evaluate(tmp_path / "run")
    assert step == 4
    assert scalars.items() <= result["metrics"].items()
    about = export.export(tmp_path / "run", out=tmp_path / "net")
    assert (about["mean"], about["std"]) == (data["mean"], data["std"])
    (folder / "val/ant/0.png").write_bytes(encode(np.zeros((16, 16, 3), np.uint8), "PNG"))
    with pytest.raises(ConfigError, match=r"the test split of .* has changed since"):
        evaluate(tmp_path / "run")


def test_a_run_whose_data_changed_is_neither_resumed_nor_evaluated(config, folder, tmp_path, monkeypatch):
    monkeypatch.setattr("sbn.train.loop.make_step", None)  # ends before the first step
    with pytest.raises(TypeError):
        train(config(), tmp_path / "run")
    image = folder / "train/ant/0.png"
    before = image.read_bytes()
    image.write_bytes(encode(np.zeros((16, 16, 3), np.uint8), "PNG"))
    for command in (lambda: train(config(), tmp_path / "run"), lambda: evaluate(tmp_path / "run")):
        with pytest.raises(ConfigError, match=r"the train split of .* has changed since") as caught:
            command()
        assert "\n" not in str(caught.value)
    with pytest.raises(ConfigError, match="no checkpoint yet"):  # seen otherwise, test images are others on purpose
        evaluate(tmp_path / "run", overrides={"eval.augment": "centre_crop(8)"})
    image.write_bytes(before)


def test_images_of_several_sizes_need_the_host_path(config, folder, tmp_path):
    image = folder / "train/bee/large.png"
    image.write_bytes(encode(np.zeros((20, 24, 3), np.uint8), "PNG"))
    with pytest.raises(ConfigError, match=r"data.path = 'device'.*differ in size.*'host'"):
        train(config(**{"eval.augment": "centre_crop(16)"}), tmp_path / "run")
    image.unlink()
    assert not (tmp_path / "run").exists() or not list((tmp_path / "run").iterdir())


def test_given_mean_and_deviation_count(config, tmp_path):
    from sbn.train.setup import make_setup

    setup = make_setup(config(**{"data.mean": (0.1, 0.2, 0.3), "data.std": (0.5, 0.5, 0.5)}))
    assert (setup.task.mean, setup.task.std) == ((0.1, 0.2, 0.3), (0.5, 0.5, 0.5))
    recorded = {"mean": [0.4, 0.4, 0.4], "std": [0.2, 0.2, 0.2]}
    assert make_setup(config(), recorded=recorded).task.mean == (0.4, 0.4, 0.4)


def test_a_network_that_counts_pixels_trains_and_is_exported_on_images_of_several_sizes(config, tmp_path, monkeypatch):
    (tmp_path / "counts_pixels.py").write_text(NETWORK)
    monkeypatch.syspath_prepend(str(tmp_path))
    rng = np.random.default_rng(0)
    for split, count in (("train", 9), ("test", 3)):
        for name in ("ant", "bee"):
            (tmp_path / "sizes" / split / name).mkdir(parents=True)
            for n in range(count):
                (tmp_path / "sizes" / split / name / f"{n}.png").write_bytes(encode(picture(rng, 16 + n, 20), "PNG"))
    seen = {"data.path": "host", "eval.augment": "resize(20)|centre_crop(16)", "duration": "1 steps"}
    crops = {f"views.{view}.augment": "random_crop(16)" for view in ("main", "aux")}
    own = {"model.name": "counts_pixels:Flat", "model.depth": None, "model.width": None}
    train(config(**{"data.name": f"folder:{tmp_path / 'sizes'}"}, **seen, **crops, **own), tmp_path / "run")
    assert json.loads((tmp_path / "run/data.json").read_text())["image_size"] == [16, 16]
    export.export(tmp_path / "run", out=tmp_path / "net")
    plain = export.load(tmp_path / "net")
    assert plain.logits(np.zeros((3, 16, 16, 3), np.uint8)).shape == (3, 2)
    for wrong in (np.zeros((3, 16, 16, 3), np.float32), np.zeros((16, 16, 3), np.uint8)):
        with pytest.raises(ConfigError, match="whole numbers, 0 to 255, not"):
            plain.logits(wrong)

"""Data sets with label images in the files that TFDS prepares: the same pixels and numbers; faults are told by name."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from sbn.config import tree
from sbn.config.errors import ConfigError
from sbn.data import cityscapes, sources
from sbn.data.forms import VOID

SIZE = (6, 8)
MASKS = {"train": np.arange(5 * 48).reshape(5, *SIZE, 1) % 34, "validation": np.full((2, *SIZE, 1), 7)}


def png(pixels, **options):
    out = io.BytesIO()
    Image.fromarray(np.squeeze(pixels).astype(np.uint8)).save(out, "PNG", **options)
    return out.getvalue()


def write(path, splits):
    """Writes what TFDS would of {split: [(encoded image, encoded label image), ...]}."""
    tf = pytest.importorskip("tensorflow")
    folder = path / "cityscapes/1.0.0"
    folder.mkdir(parents=True)
    feature = {"image": {"shape": {"dimensions": ["6", "8", "3"]}, "encodingFormat": "png"}}
    known = {"features": {"image_left": feature, "segmentation_label": feature}}
    (folder / "features.json").write_text(json.dumps({"featuresDict": known}))
    listed = [{"name": split, "shardLengths": [str(len(pairs))]} for split, pairs in splits.items()]
    (folder / "dataset_info.json").write_text(json.dumps({"fileFormat": "tfrecord", "splits": listed}))
    for split, pairs in splits.items():
        with tf.io.TFRecordWriter(str(folder / f"cityscapes-{split}.tfrecord-00000-of-00001")) as writer:
            for pair in pairs:
                lists = [tf.train.BytesList(value=[data]) for data in pair]
                names = known["features"]
                features = {name: tf.train.Feature(bytes_list=own) for name, own in zip(names, lists, strict=True)}
                example = tf.train.Example(features=tf.train.Features(feature=features))
                writer.write(example.SerializeToString())
    return path


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    splits = {split: [(png(np.repeat(2 * m, 3, -1)), png(m)) for m in masks] for split, masks in MASKS.items()}
    return write(tmp_path_factory.mktemp("tfds"), splits)


def load(data_dir, split="train", **changes):
    given = {"name": "cityscapes", "dir": str(data_dir), "train_split": split, "image_feature": "image_left"}
    given |= {"label_feature": "segmentation_label", **changes}
    flat = tree.changed(tree.defaults(), {f"data.{key}": value for key, value in given.items()})
    return sources.load(tree.to_config(flat).data, "train", view="fit(6, 8)")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_every_image_has_its_mask_in_the_nineteen_classes(data_dir):
    found = load(data_dir, "train[1:]+validation")
    assert found.features["mask"].classes == cityscapes.CLASSES.names
    loaded = found.load(np.arange(len(found)))
    numbers = np.concatenate([MASKS["train"][1:], MASKS["validation"]])[..., 0]
    known = [name for name in cityscapes.NAMES if name != "-"]
    expected = [VOID if name == "-" else known.index(name) for name in cityscapes.NAMES]
    np.testing.assert_array_equal(loaded["mask"], np.array(expected)[numbers])
    assert loaded["mask"].max() == VOID
    # images say, two to a number, which mask is theirs
    np.testing.assert_array_equal(loaded["image"] & 255, numbers * 2)


def test_classes_may_be_named(data_dir):
    found = load(data_dir, mask_classes=tuple(f"class {number}" for number in range(34)))
    np.testing.assert_array_equal(found.load(np.arange(5))["mask"], MASKS["train"][..., 0])


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"mask_classes": ("-", "road")}, "cityscapes-train.tfrecord-00000-of-00001 .* label 2: numbers go to 1"),
        ({"mask_classes": ("road", "road")}, "data.mask_classes names 'road' twice"),
        ({"label_feature": "label"}, "label"),
        ({"image_feature": "image"}, r"image_left"),
        ({"split": "val"}, "unknown split .* train, validation"),
    ],
)
def test_what_is_not_right_is_refused_by_name(data_dir, changes, told):
    with pytest.raises(ConfigError, match=told):
        load(data_dir, **changes)


def test_an_image_that_exif_turns_is_refused_by_the_place_of_its_record(tmp_path):
    exif, pixels = Image.Exif(), np.zeros((*SIZE, 3))
    exif[0x0112] = 3
    pairs = [(png(pixels, **given), png(MASKS["train"][0])) for given in ({}, {"exif": exif})]
    where = r"cityscapes-train.tfrecord-00000-of-00001 \(at byte \d+\) is turned by its EXIF orientation \(3\)"
    with pytest.raises(ConfigError, match=where):
        load(write(tmp_path, {"train": pairs}))

"""Data sets with label images in the files that TFDS prepares: the same pixels and numbers; faults are told by name."""

import json

import numpy as np
import pytest

from sbn.config import tree
from sbn.config.errors import ConfigError
from sbn.data import cityscapes, sources
from sbn.data.forms import VOID

SIZE = (6, 8)
MASKS = {"train": np.arange(5 * 48).reshape(5, *SIZE, 1) % 34, "validation": np.full((2, *SIZE, 1), 7)}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    tf = pytest.importorskip("tensorflow")
    path = tmp_path_factory.mktemp("tfds")
    folder = path / "cityscapes/1.0.0"
    folder.mkdir(parents=True)
    feature = {"image": {"shape": {"dimensions": ["6", "8", "3"]}, "encodingFormat": "png"}}
    known = {"features": {"image_left": feature, "segmentation_label": feature}}
    (folder / "features.json").write_text(json.dumps({"featuresDict": known}))
    splits = [{"name": split, "shardLengths": [str(len(masks))]} for split, masks in MASKS.items()]
    (folder / "dataset_info.json").write_text(json.dumps({"fileFormat": "tfrecord", "splits": splits}))
    for split, masks in MASKS.items():
        with tf.io.TFRecordWriter(str(folder / f"cityscapes-{split}.tfrecord-00000-of-00001")) as writer:
            for mask in masks.astype(np.uint8):
                images = {"image_left": np.repeat(2 * mask, 3, axis=-1), "segmentation_label": mask}
                encoded = {name: tf.io.encode_png(image).numpy() for name, image in images.items()}
                lists = {name: tf.train.BytesList(value=[data]) for name, data in encoded.items()}
                features = {name: tf.train.Feature(bytes_list=own) for name, own in lists.items()}
                example = tf.train.Example(features=tf.train.Features(feature=features))
                writer.write(example.SerializeToString())
    return path


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

"""Corrupted sets that TFDS has prepared."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from sbn.config.errors import ConfigError
from sbn.data.corruptions import records
from sbn.data.corruptions.kinds import SEVERITIES
from tests.data.corruptions import layouts

LABELS = np.array([3, 0, 9, 1, 7])


def encoded(images, form):
    files = []
    for image in images:
        files.append(io.BytesIO())
        Image.fromarray(image).save(files[-1], form, quality=95)
    return [file.getvalue() for file in files]


@pytest.fixture
def cifar(tmp_path):
    """A data_dir with fog and glass blur, and the images of both."""
    rng, arrays = np.random.default_rng(0), {}
    for kind, name in (("fog", "fog"), ("glass_blur", "frosted_glass_blur")):
        for severity in SEVERITIES:
            images = rng.integers(0, 256, (5, 32, 32, 3), np.uint8)
            arrays[kind, severity] = images
            folder = tmp_path / f"cifar10_corrupted/{name}_{severity}/1.0.0"
            layouts.records(folder, "test", encoded(images, "PNG"), LABELS)
    return tmp_path, arrays


def test_images_are_those_of_the_records_under_tfdss_names(cifar):
    data_dir, arrays = cifar
    found = records.find(data_dir, ("glass_blur", "fog"), name="cifar10_corrupted")
    np.testing.assert_array_equal(found.labels, LABELS)
    for (kind, severity), wanted in arrays.items():
        images = found.read(kind, severity)
        assert images.shape == (5, 32, 32, 3)
        np.testing.assert_array_equal(images[:], wanted)
        np.testing.assert_array_equal(images[1:4:2], wanted[1:4:2])
        np.testing.assert_array_equal(images.first(3)[1:], wanted[1:3])


def test_the_records_made_here_are_tensorflows(cifar):
    # what this file takes for a record is read by TensorFlow's own parser, and so is what is read by ours
    data_dir, arrays = cifar
    (path, *_) = sorted(data_dir.glob("cifar10_corrupted/fog_1/1.0.0/*00000-of*"))
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    example = tf.train.Example.FromString(data[12 : 12 + length])
    assert example.features.feature["label"].int64_list.value[0] == LABELS[0]
    image = tf.io.decode_png(example.features.feature["image"].bytes_list.value[0]).numpy()
    np.testing.assert_array_equal(image, arrays["fog", 1][0])


def test_missing_configs_are_named_with_the_command_that_makes_them(cifar):
    with pytest.raises(
        ConfigError, match=r"lacks cifar10_corrupted/elastic_1, .*tfds build cifar10_corrupted/elastic_1"
    ):
        records.find(cifar[0], ("fog", "elastic_transform"), name="cifar10_corrupted")


def test_configs_that_do_not_fit_together_are_refused(cifar):
    data_dir, arrays = cifar
    for severity, labels in ((3, LABELS[:4]), (4, LABELS[::-1])):
        folder = data_dir / f"cifar10_corrupted/fog_{severity}/1.0.1"  # a newer version
        layouts.records(folder, "test", encoded(arrays["fog", severity], "PNG"), labels, shards=1)
    found = records.find(data_dir, ("fog",), name="cifar10_corrupted")
    with pytest.raises(ConfigError, match="fog_3 has 4 images, cifar10_corrupted/fog_1 5"):
        found.read("fog", 3)
    images = found.read("fog", 4)
    images[2:3]
    with pytest.raises(ConfigError, match=r"example 0 of .*has the label 7.*have 3"):
        images[:2]


def test_shards_that_are_missing_or_cut_are_noticed(cifar):
    data_dir, _ = cifar
    found = records.find(data_dir, ("fog",), name="cifar10_corrupted")
    first, second = sorted(data_dir.glob("cifar10_corrupted/fog_2/1.0.0/*.tfrecord-*"))
    second.unlink()
    with pytest.raises(ConfigError, match="holds 1 of the 2 files of 'test'"):
        found.read("fog", 2)
    whole = first.read_bytes()
    for cut in (1, 40):
        first.write_bytes(whole[:-cut])
        second.write_bytes(whole)
        with pytest.raises(ConfigError, match="cut short"):
            found.read("fog", 2)
    first.write_bytes(whole[:400] + bytes([whole[400] ^ 4]) + whole[401:])
    with pytest.raises(ConfigError, match=r"00000-of-00002 is damaged: the record at byte \d+ does not agree"):
        found.read("fog", 2)


def test_imagenets_jpegs_are_read_and_said_to_be_others(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (5, 7, 7, 3), np.uint8).repeat(32, axis=1).repeat(32, axis=2)
    files = encoded(images, "JPEG")
    for severity in SEVERITIES:
        folder = tmp_path / f"imagenet2012_corrupted/pixelate_{severity}/3.1.0"
        layouts.records(folder, "validation", files, LABELS)
    found = records.find(tmp_path, ("pixelate",), name="imagenet2012_corrupted")
    assert "not comparable" in found.about
    wanted = [np.asarray(Image.open(io.BytesIO(file))) for file in files]
    np.testing.assert_array_equal(found.read("pixelate", 5)[:], wanted)

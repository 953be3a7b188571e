"""What TFDS prepared, read without TensorFlow and through an archive, is what TFDS itself reads."""

import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from etils import epath

from sbn.config.errors import ConfigError
from sbn.data import archive, prepare, sources, tfrecords
from tests.conftest import ROOT

NAMES = [f"class_{number}" for number in range(300)]


def example(image, label):
    feature = {
        "image": tf.train.Feature(bytes_list=tf.train.BytesList(value=[tf.io.encode_png(image).numpy()])),
        "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
        "id": tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"x" * 300])),  # a length of two bytes
        "weight": tf.train.Feature(float_list=tf.train.FloatList(value=[0.5])),
    }
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A tiny data_dir as TFDS lays it out, written by TensorFlow, and what is in it."""
    data_dir = tmp_path_factory.mktemp("tfds")
    folder = data_dir / "cifar10/3.0.10"
    folder.mkdir(parents=True)
    (data_dir / "cifar10/3.0.2").mkdir()  # an older one
    (data_dir / "cifar10/3.0.2/dataset_info.json").write_text("{}")
    rng = np.random.default_rng(0)
    held, info = {}, []
    for split, shards in (("train", [7, 5]), ("test", [4])):
        images = rng.integers(0, 256, (sum(shards), 32, 32, 3), np.uint8)
        labels = rng.integers(0, 300, sum(shards))  # varints of two bytes among them
        held[split], rest = (images, labels), iter(zip(images, labels, strict=True))
        for number, count in enumerate(shards):
            path = folder / f"cifar10-{split}.tfrecord-{number:05}-of-{len(shards):05}"
            with tf.io.TFRecordWriter(str(path)) as writer:
                for _ in range(count):
                    writer.write(example(*next(rest)))
        info.append({"name": split, "shardLengths": [str(count) for count in shards]})
    (folder / "dataset_info.json").write_text(json.dumps({"splits": info}))
    (folder / "label.labels.txt").write_text("\n".join(NAMES) + "\n")
    return data_dir, held


@pytest.fixture
def made(prepared, tmp_path):
    path = str(tmp_path / "cifar10.npz")
    assert prepare.main(["cifar10", f"--out={path}", f"--data_dir={prepared[0]}"]) == 0
    return path


def test_an_archive_holds_what_tensorflow_wrote(prepared, made):
    for split, (images, labels) in prepared[1].items():
        found = archive.read(made, split, name="cifar10")
        np.testing.assert_array_equal(found.images, images)
        np.testing.assert_array_equal(found.labels, labels)
        assert (found.images.dtype, found.labels.dtype) == (np.uint8, np.int32)
    with np.load(made) as file:
        assert list(file["class_names"]) == NAMES


@pytest.mark.parametrize(
    ("split", "cut"),
    [
        ("train[:5]", slice(5)),
        ("train[9:]", slice(9, None)),
        ("train[-3:]", slice(-3, None)),
        ("train[2:4]", slice(2, 4)),
        ("train[:33%]", slice(4)),
    ],
)
def test_splits_can_be_cut(prepared, made, split, cut):
    found = archive.read(made, split, name="cifar10")
    assert found.features["label"].classes == tuple(NAMES)
    np.testing.assert_array_equal(found.images, prepared[1]["train"][0][cut])
    np.testing.assert_array_equal(found.labels, prepared[1]["train"][1][cut])


def test_what_is_no_such_archive_is_told_in_one_line(made, tmp_path):
    (tmp_path / "text.npz").write_text("not a zip")
    np.savez(tmp_path / "old.npz", format=0)
    np.savez(tmp_path / "other.npz", images=np.zeros(3))
    for path, name, split, words in (
        ("absent.npz", "cifar10", "train", ["absent.npz", "sbn.data.prepare cifar10"]),
        (tmp_path / "text.npz", "cifar10", "train", ["text.npz"]),
        (tmp_path / "old.npz", "cifar10", "train", ["format 0", "format 1"]),
        (tmp_path / "other.npz", "cifar10", "train", ["format None"]),
        (made, "cifar100", "train", ["'cifar10'", "'cifar100'"]),
        (made, "cifar10", "trian", ["trian", "'train'"]),
        (made, "cifar10", "train[:13]", ["train[:13]", "12 examples"]),
    ):
        with pytest.raises(ConfigError) as caught:
            archive.read(str(path), split, name=name)
        assert "\n" not in str(caught.value)
        for word in words:
            assert word in str(caught.value)


def test_missing_records_are_noticed(prepared, tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        prepare.main(["cifar100", f"--out={tmp_path}/x.npz", f"--data_dir={prepared[0]}"])
    assert "tfds build cifar100" in capsys.readouterr().err
    folder = tfrecords.folder("cifar10", str(prepared[0]))
    assert folder.name == "3.0.10"
    (tmp_path / "dataset_info.json").write_text((folder / "dataset_info.json").read_text())
    shard = "cifar10-train.tfrecord-00000-of-00002"
    (tmp_path / shard).write_bytes((folder / shard).read_bytes())
    with pytest.raises(ConfigError, match="1 of the 2 files of 'train'"):
        tfrecords.read(epath.Path(tmp_path), "train")


@pytest.mark.slow  # reads 10,000 images twice
def test_cifar10_is_tfds_own_to_the_last_bit(tiny, cifar10_dir, tmp_path):
    images, labels = tfrecords.read(tfrecords.folder("cifar10", cifar10_dir), "test")
    plain = {"data.name": "cifar10", "data.image_size": None, "data.train_examples": None, "data.test_examples": None}
    theirs = sources.load(tiny({**plain, "data.dir": cifar10_dir}).data, "test")
    np.testing.assert_array_equal(images, theirs.images)
    np.testing.assert_array_equal(labels, theirs.labels)
    path = str(tmp_path / "cifar10.npz")
    archive.write(path, name="cifar10", class_names=NAMES, splits={"test": (images, labels)})
    assert sources.load(tiny({**plain, "data.archive": path}).data, "test").fingerprint() == theirs.fingerprint()


def test_reading_and_preparing_load_no_tensorflow(prepared, tmp_path):
    program = (
        "import sys; sys.modules.update(dict.fromkeys(['tensorflow', 'tensorflow_datasets']))\n"
        "from sbn.data import prepare, sources\n"
        "from sbn.config import tree\n"
        "assert prepare.main(['cifar10', '--out', sys.argv[1], '--data_dir', sys.argv[2]]) == 0\n"
        "config = tree.to_config(tree.changed(tree.defaults(), {'data.archive': sys.argv[1]}))\n"
        "assert len(sources.load(config.data, 'train')) == 12\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "made.npz"), str(prepared[0])]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr

"""Data sets of one's own: any that TFDS prepared, arrays in an .npz, a function of one's own."""

import json
import sys

import numpy as np
import pytest

from sbn.config.errors import ConfigError
from sbn.data import archive, sources
from sbn.data.encoded import Encoded
from sbn.data.examples import InMemory
from tests.conftest import REAL_DATA
from tests.data.imagenets import encode, picture, pillow, write_records

FREE = {"data.image_size": None, "data.train_examples": None, "data.test_examples": None}


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def flowers(tmp_path_factory):
    """A data_dir with a set that TFDS itself prepared, of images of several sizes, and what TFDS reads of it."""
    import tensorflow_datasets as tfds

    class TinyFlowers(tfds.core.GeneratorBasedBuilder):
        """Images of noise."""

        VERSION = tfds.core.Version("1.2.0")
        code_path = None  # TFDS would look beside it, with a package that it does not bring

        def _info(self):
            kind = tfds.features.ClassLabel(names=["rose", "tulip"])
            features = {"picture": tfds.features.Image(shape=(None, None, 3)), "kind": kind}
            return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

        def _split_generators(self, downloads):
            return {"train": self._generate_examples(9), "validation": self._generate_examples(4)}

        def _generate_examples(self, count):
            rng = np.random.default_rng(count)
            for number in range(count):
                yield number, {"picture": rng.integers(0, 256, (10 + number, 12, 3), np.uint8), "kind": number % 2}

    folder = tmp_path_factory.mktemp("tfds")
    builder = TinyFlowers(data_dir=str(folder))
    builder.download_and_prepare()
    return folder, list(tfds.as_numpy(builder.as_dataset(split="train", shuffle_files=False)))


def test_any_set_of_tfds_is_read_as_tfds_reads_it(tiny, flowers):
    folder, theirs = flowers
    keys = {"data.image_feature": "picture", "data.label_feature": "kind", "data.test_split": "validation"}
    for name in ("tiny_flowers", "tiny_flowers:1.2.0"):
        data = tiny({**FREE, "data.name": name, "data.dir": str(folder), **keys}).data
        found = sources.load(data, "train", view="centre_crop(10)")
        assert isinstance(found, Encoded)  # they have sizes of their own
        assert found.features["label"].classes == ("rose", "tulip")
        np.testing.assert_array_equal(found.labels, [example["kind"] for example in theirs])
        for i, example in enumerate(theirs):
            top = (example["picture"].shape[0] - 10) // 2
            np.testing.assert_array_equal(found.images[i : i + 1][0], example["picture"][top : top + 10, 1:11])
        assert len(sources.load(data, "test", view="centre_crop(10)")) == 4


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"data.image_feature": "picture"}, ["data.label_feature", "'label'", "kind"]),
        ({"data.label_feature": "kind"}, ["data.image_feature", "'image'", "picture"]),
        ({"data.name": "tiny_flowers:2.0.0"}, ["tiny_flowers:2.0.0"]),
        ({"data.name": "tiny_flower"}, ["unknown data set", "tiny_flower"]),
        ({"data.name": "cifar10x"}, ["did you mean 'cifar10'"]),
        ({"data.name": "shaeps"}, ["did you mean 'shapes'"]),
        ({"data.name": "svhn_croped"}, ["did you mean 'svhn_cropped'"]),
        ({"data.name": "svhn_cropped"}, ["tfds build svhn_cropped", "TFDS_DATA_DIR"]),
    ],
)
def test_names_and_features_that_are_not_there_are_told_with_the_nearest(tiny, flowers, changes, words):
    data = tiny({**FREE, "data.name": "tiny_flowers", "data.dir": str(flowers[0]), **changes}).data
    with pytest.raises(ConfigError) as caught:
        sources.load(data, "train", view="centre_crop(10)")
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def declare(folder, shape):
    """Writes what TFDS notes of the features."""
    image = {"image": {"shape": {"dimensions": list(map(str, shape))}}}
    features = {"image": image, "label": {"classLabel": {"numClasses": "3"}}}
    (folder / "features.json").write_text(json.dumps({"featuresDict": {"features": features}}))


def test_grey_images_of_one_size_are_read_into_memory_as_rgb(tiny, tmp_path):
    rng = np.random.default_rng(0)
    held = [(encode(picture(rng, 8, 8), "PNG", "L"), number % 3) for number in range(7)]
    folder = write_records(tmp_path, "mnist", {"train": held, "test": held[:2]}, class_names=["0", "1", "2"])
    declare(folder, (8, 8, 1))
    found = sources.load(tiny({**FREE, "data.name": "mnist", "data.dir": str(tmp_path)}).data, "train")
    assert isinstance(found, InMemory)
    np.testing.assert_array_equal(found.images, np.stack([pillow(image) for image, _ in held]))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda folder: (folder / "dataset_info.json").write_text("{"), ["dataset_info.json is damaged"]),
        (lambda folder: (folder / "dataset_info.json").write_text("{}"), ["dataset_info.json is damaged"]),
        (lambda folder: (folder / "features.json").write_text("[]"), ["features.json is damaged"]),
        (lambda folder: (folder / "label.labels.txt").write_bytes(b"\xff\xfe\0"), ["label.labels.txt is damaged"]),
        (lambda folder: (folder / "label.labels.txt").write_text("a\nb\n"), ["labels go from 0 to 2", "2 classes"]),
        (lambda folder: (folder / "mnist-train.tfrecord-00001-of-00002").write_bytes(b""), ["holds 0 of its 4"]),
        (lambda folder: (folder / "mnist-train.tfrecord-00001-of-00002").write_bytes(b"ab"), ["cut short at byte 0"]),
    ],
)
def test_damaged_files_of_tfds_are_told_in_one_line(tiny, tmp_path, damage, words):
    rng = np.random.default_rng(0)
    held = [(encode(picture(rng, 8, 8), "PNG"), number % 3) for number in range(8)]
    folder = write_records(tmp_path, "mnist", {"train": held}, class_names=["a", "b", "c"])
    declare(folder, (8, 8, 3))
    damage(folder)
    with pytest.raises(ConfigError) as caught:
        sources.load(tiny({**FREE, "data.name": "mnist", "data.dir": str(tmp_path)}).data, "train")
    assert "\n" not in str(caught.value)
    for word in (str(folder), *words):
        assert word in str(caught.value)


def test_real_sets_are_read_by_their_names_and_labels(tiny):
    if not (REAL_DATA / "cifar100").exists():
        pytest.skip(f"no prepared CIFAR-100 in {REAL_DATA} (set TFDS_DATA_DIR)")
    data = {**FREE, "data.name": "cifar100", "data.dir": str(REAL_DATA)}
    fine, coarse = (
        sources.load(tiny({**data, "data.label_feature": label}).data, "test") for label in ("label", "coarse_label")
    )
    assert (fine.classes, coarse.classes) == (100, 20)
    np.testing.assert_array_equal(np.bincount(coarse.labels), np.full(20, 500))
    pairs = {tuple(pair) for pair in zip(fine.labels.tolist(), coarse.labels.tolist(), strict=True)}
    assert len(pairs) == 100  # every fine class is of one coarse class


IMAGES = np.random.default_rng(1).integers(0, 256, (12, 6, 6), np.uint8)
LABELS = np.arange(12)[:, None] % 4


@pytest.fixture
def arrays(tmp_path):
    parts = {
        "train_images": IMAGES[:9],
        "train_labels": LABELS[:9],
        "test_images": IMAGES[9:],
        "test_labels": LABELS[9:],
    }
    np.savez_compressed(tmp_path / "mine.npz", **parts)
    return tmp_path / "mine.npz"


def test_arrays_in_an_npz_are_a_data_set(tiny, arrays):
    data = tiny({**FREE, "data.name": str(arrays), "data.train_split": "train[:8]"}).data
    train, test = sources.load(data, "train"), sources.load(data, "test")
    assert (train.images.shape, test.images.shape, train.classes) == ((8, 6, 6, 3), (3, 6, 6, 3), 4)
    np.testing.assert_array_equal(test.images[..., 1], IMAGES[9:])
    np.testing.assert_array_equal(test.labels, LABELS[9:, 0])


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"train_labels": LABELS[:5]}, ["9 train_images, but 5 train_labels"]),
        ({"train_labels": None}, ["no train_labels"]),
        ({"train_images": IMAGES[:9] / 255}, ["float64"]),
        ({"class_names": np.array(["a", "b"])}, ["2 classes"]),
        ({name: None for name in ("train_images", "test_images")}, ["train_images, train_labels"]),
    ],
)
def test_arrays_that_do_not_fit_are_told_in_one_line(tiny, arrays, changed, words):
    with np.load(arrays) as file:
        parts = {**file, **changed}
    np.savez(arrays, **{name: part for name, part in parts.items() if part is not None})
    with pytest.raises(ConfigError) as caught:
        sources.load(tiny({**FREE, "data.name": str(arrays)}).data, "train")
    assert "\n" not in str(caught.value)
    for word in ("mine.npz", *words):
        assert word in str(caught.value)


@pytest.mark.parametrize("size", [0, 4, 300, -30])
def test_a_cut_npz_is_told_in_one_line(tiny, arrays, size):
    arrays.write_bytes(arrays.read_bytes()[:size])
    with pytest.raises(ConfigError, match=r"mine.npz.*damaged") as caught:
        sources.load(tiny({**FREE, "data.name": str(arrays)}).data, "train")
    assert "\n" not in str(caught.value)


MODULE = """
import numpy as np
from sbn.data.examples import Feature, InMemory, in_memory
from sbn.data.tokens import Ragged

def noise(split, classes=3, data=None):
    rng = np.random.default_rng(split == 'test')
    labels = np.arange(20) % classes
    images = rng.integers(0, 256, (20, 8, 8), np.uint8)
    return in_memory({'image': images, 'label': labels}, name='noise', classes=classes)

class Own:
    features = {}
    def __len__(self): return 3

def by_hand(split):
    words = Ragged(np.array([1, 2, 3]), np.array([0, 2, 1, 3]))
    return InMemory({'words': words}, {'words': Feature('tokens', (None,))})

def incomplete(split): return Own()
def fails(split): return 1 / 0
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / "sbn_test_own_sets.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    yield "sbn_test_own_sets"
    sys.modules.pop("sbn_test_own_sets", None)


def test_a_function_of_ones_own_returns_examples(tiny, module):
    data = tiny({**FREE, "data.name": f"{module}:noise", "data.args.classes": 5, "data.train_examples": 12}).data
    train, test = sources.load(data, "train"), sources.load(data, "test")
    assert (len(train), len(test), train.classes) == (12, 20, 5)
    assert train.fingerprint() != test.fingerprint()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("incomplete", ["incomplete", "Own", "fingerprint", "in_memory"]),
        ("by_hand", ["by_hand', train: words: offsets never fall: example 1"]),
        ("fails", ["fails", "ZeroDivisionError", "sbn_test_own_sets.py, line"]),
        ("nois", ["did you mean 'noise'"]),
    ],
)
def test_functions_that_give_no_examples_are_told_in_one_line(tiny, module, name, words):
    with pytest.raises(ConfigError) as caught:
        sources.load(tiny({**FREE, "data.name": f"{module}:{name}"}).data, "train")
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_a_label_that_can_not_count_classes_is_refused_before_each_gets_a_name(tmp_path):
    images = np.zeros((2, 4, 4, 3), np.uint8)
    np.savez(tmp_path / "huge.npz", train_images=images, train_labels=np.array([0, 2**40]))
    with pytest.raises(ConfigError, match=r"huge.npz.*the largest label is 1099511627776"):
        archive.read(str(tmp_path / "huge.npz"), "train")

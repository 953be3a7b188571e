"""Tiny-ImageNet is the same from its folder, its zip, and an archive of either."""

import numpy as np
import pytest

from sbn.config.errors import ConfigError
from sbn.data import prepare, sources, tiny_imagenet
from tests.conftest import REAL_DATA
from tests.data.imagenets import encode, examples, pillow, write_records, write_tiny_imagenet, write_zip

NAMES = ["n01443537", "n01629819", "n02056570"]  # sorted
MINI = REAL_DATA.with_name("tfds_mini")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("tiny")
    splits = {
        split: examples(n, classes=3, sizes=[(64, 64)], seed=n) for split, n in (("train", 14), ("validation", 12))
    }
    held = write_tiny_imagenet(root / "tiny-imagenet-200", splits, class_names=NAMES)
    write_zip(root / "tiny-imagenet-200", root / "other.zip")
    write_records(root / "tfds", "tiny_imagenet", held, class_names=NAMES)
    return root, held


@pytest.mark.parametrize("where", ["", "tiny-imagenet-200", "other.zip", "tfds"])
def test_images_and_labels_are_those_of_the_files(made, where):
    root, held = made
    for split, expected in held.items():
        found = tiny_imagenet.read(str(root / where), split)
        assert found.images.dtype == np.uint8
        np.testing.assert_array_equal(found.images, np.stack([pillow(image) for image, _ in expected]))
        np.testing.assert_array_equal(found.labels, [label for _, label in expected])
        assert found.features["label"].classes == tuple(NAMES)  # in their order, whatever that of wnids.txt


def config(tiny, changes):
    plain = {"data.name": "tiny_imagenet", "data.image_size": None, "data.test_split": "validation"}
    return tiny({**plain, "data.train_examples": None, "data.test_examples": None, **changes}).data


def test_the_archive_holds_what_the_zip_holds(made, tmp_path, tiny, monkeypatch):
    root, held = made
    monkeypatch.chdir(tmp_path)
    assert prepare.main(["tiny_imagenet", str(root / "other.zip")]) == 0
    path = str(tmp_path / "tiny_imagenet.npz")
    for split, key in (("train", "train"), ("test", "validation")):
        of_archive = sources.load(config(tiny, {"data.archive": path}), split)
        of_folder = sources.load(config(tiny, {"data.dir": str(root)}), split)
        assert of_archive.fingerprint() == of_folder.fingerprint()
        assert (of_archive.classes, len(of_archive)) == (3, len(held[key]))
    cut = sources.load(config(tiny, {"data.dir": str(root), "data.train_split": "train[-5:-2]"}), "train")
    np.testing.assert_array_equal(cut.labels, [label for _, label in held["train"][-5:-2]])


def copy(held, root, **changes):
    """A fresh folder of the same, with files replaced ({name: bytes}) or removed ({name: None})."""
    write_tiny_imagenet(root, held, class_names=NAMES)
    for name, data in changes.items():
        (root / name).unlink(missing_ok=True)
        if data is not None:
            (root / name).write_bytes(data)
    return str(root)


@pytest.mark.parametrize(
    ("changes", "split", "words"),
    [
        ({"val/images/val_3.JPEG": None}, "validation", ["incomplete", "val/images/val_3.JPEG"]),
        ({"val/val_annotations.txt": None}, "validation", ["incomplete", "val_annotations.txt"]),
        ({"val/images/val_3.JPEG": b"no image"}, "validation", ["val_3.JPEG can't be read"]),
        (
            {"val/val_annotations.txt": b"val_0.JPEG\tn99999999\t0\t0\t1\t1\n"},
            "validation",
            ["n99999999", "val_0.JPEG"],
        ),
        ({"val/val_annotations.txt": b""}, "validation", ["no images of 'validation'"]),
        ({"val/val_annotations.txt": b"val_0.JPEG\n"}, "validation", ["val_annotations.txt is damaged", "a tab"]),
        ({}, "test", ["'test'", "validation"]),
    ],
)
def test_what_is_not_whole_is_told_in_one_line(made, tmp_path, changes, split, words):
    with pytest.raises(ConfigError) as caught:
        tiny_imagenet.read(copy(made[1], tmp_path / "tiny-imagenet-200", **changes), split)
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_an_image_of_another_size_is_told_by_its_name(made, tmp_path):
    other = encode(np.zeros((64, 63, 3), np.uint8))
    root = copy(made[1], tmp_path / "tiny-imagenet-200", **{"val/images/val_3.JPEG": other})
    with pytest.raises(ConfigError, match=r"val_3.JPEG is of \(64, 63\) pixels"):
        tiny_imagenet.read(root, "validation")


def test_where_there_is_nothing_to_prepare_it_says_how_to_get_it(tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        prepare.main(["tiny_imagenet", str(tmp_path / "absent.zip"), f"--out={tmp_path / 'x.npz'}"])
    told = capsys.readouterr().err
    for words in ("absent.zip", "wnids.txt", "http://cs231n.stanford.edu/tiny-imagenet-200.zip"):
        assert words in told
    assert not (tmp_path / "x.npz").exists()


def test_an_encrypted_or_cut_zip_is_told(made, tmp_path):
    whole = (made[0] / "other.zip").read_bytes()
    flags = whole.index(b"PK\1\2") + 8
    encrypted = bytearray(whole)
    for at in [n for n in range(len(whole) - 4) if whole[n : n + 4] in (b"PK\1\2", b"PK\3\4")]:
        encrypted[at + (8 if whole[at : at + 4] == b"PK\1\2" else 6)] |= 1
    assert encrypted[flags] & 1
    for damaged in (bytes(encrypted), whole[:-200], whole[: len(whole) // 2]):
        (tmp_path / "tiny-imagenet-200.zip").write_bytes(damaged)
        with pytest.raises(ConfigError, match=r"tiny-imagenet-200\.zip.*not a complete zip file") as caught:
            tiny_imagenet.read(str(tmp_path), "train")
        assert "\n" not in str(caught.value)


def test_a_broken_zip_is_told(tmp_path):
    (tmp_path / "tiny-imagenet-200.zip").write_bytes(b"PK and nothing more")
    with pytest.raises(ConfigError, match="not a complete zip file"):
        tiny_imagenet.read(str(tmp_path), "train")


def test_ten_real_classes_have_about_the_stated_mean_and_deviation(tiny):
    if not (MINI / "tiny_imagenet").exists():
        pytest.skip(f"no Tiny-ImageNet in {MINI}")
    data = config(tiny, {"data.dir": str(MINI)})
    source = sources.load(data, "train")
    assert (source.images.shape, source.classes) == ((1600, 64, 64, 3), 10)
    np.testing.assert_array_equal(np.bincount(source.labels), np.full(10, 160))
    pixels = source.images.reshape(1600, -1, 3) / 255
    # Means of classes differ by .06, .06, .08 (one deviation), so those of ten classes by a third of that.
    np.testing.assert_allclose(pixels.mean((0, 1)), sources.channels(data).mean, atol=0.04)
    np.testing.assert_allclose(pixels.std((0, 1)), sources.channels(data).std, atol=0.01)

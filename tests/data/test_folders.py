"""A folder of images of one's own: classes, splits, every kind of image file, and what is wrong with it by name."""

import io
import os
import zipfile

import numpy as np
import pytest
from etils import epath
from PIL import Image

from sbn.augment.pipeline import parse
from sbn.config.errors import ConfigError
from sbn.data import folders, sources
from sbn.data.encoded import Encoded
from sbn.data.examples import InMemory
from sbn.data.host import batches
from sbn.data.pixels import unpack
from sbn.data.views import View
from tests.data.imagenets import encode, picture

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def data(tiny):
    """A function from a folder and changes to a config's data keys."""

    def make(path, **changes):
        plain = {"data.image_size": None, "data.train_examples": None, "data.test_examples": None}
        own = {f"data.{name}": value for name, value in changes.items()}
        return tiny({**plain, "data.name": f"folder:{path}", **own}).data

    return make


def put(path, content=None, size=(12, 10)):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode(picture(RNG, *size), "PNG") if content is None else content)


def fill(root, classes=("ant", "bee", "cat"), count=5, **options):
    for name in classes:
        for number in range(count):
            put(root / name / f"{number}.png", **options)


def test_train_and_test_folders_are_the_splits_and_their_subfolders_the_classes(tmp_path, data):
    fill(tmp_path / "own/train")
    fill(tmp_path / "own/val", classes=("bee", "cat"), count=2)
    train, test = (sources.load(data(tmp_path / "own"), split) for split in ("train", "test"))
    assert isinstance(train, InMemory)
    assert (train.images.shape, test.images.shape) == ((15, 12, 10, 3), (4, 12, 10, 3))
    assert train.features["label"].classes == test.features["label"].classes == ("ant", "bee", "cat")
    np.testing.assert_array_equal(train.labels, np.repeat([0, 1, 2], 5))
    np.testing.assert_array_equal(test.labels, [1, 1, 2, 2])  # numbered as train's are
    with Image.open(tmp_path / "own/train/bee/3.png") as image:
        np.testing.assert_array_equal(train.images[8], image)
    assert len(sources.load(data(tmp_path / "own", test_split="validation[:50%]"), "test")) == 2
    joined = sources.load(data(tmp_path / "own", train_split="train+val"), "train")
    np.testing.assert_array_equal(joined.images, np.concatenate([train.images, test.images]))


def test_a_folder_without_train_is_split_by_the_names_of_files_which_stays_so(tmp_path, data):
    fill(tmp_path / "own", count=60, size=(4, 4))
    config = data(tmp_path / "own", test_share=0.25)
    train, test = (sources.load(config, split) for split in ("train", "test"))
    assert len(train) + len(test) == 180
    assert len(test) == pytest.approx(45, abs=4 * (180 * 0.25 * 0.75) ** 0.5)
    pixels = {split.images[i].tobytes() for split in (train, test) for i in range(len(split))}
    assert len(pixels) == 180  # none is in both
    put(tmp_path / "own/dog/0.png", size=(4, 4))
    more = sources.load(config, "test")
    old = {image.tobytes() for image in test.images}
    assert old <= {image.tobytes() for image in more.images}


def test_hidden_files_and_folders_are_neither_images_nor_classes(tmp_path, data):
    fill(tmp_path / "own/train")
    fill(tmp_path / "own/test", count=1)
    before = sources.load(data(tmp_path / "own"), "train")
    hidden = (".DS_Store", "ant/.DS_Store", "ant/._0.png", ".Trash-0/x.png", "__MACOSX/ant/0.png", "bee/Thumbs.db")
    for name in (*hidden, "bee/notes.txt"):
        put(tmp_path / "own/train" / name, b"not an image")
    after = sources.load(data(tmp_path / "own"), "train")
    assert after.features["label"].classes == ("ant", "bee", "cat")
    assert after.fingerprint() == before.fingerprint()


def _kinds():
    """Files of every kind, by name, with the pixels that they mean."""
    image = picture(RNG, 12, 10)
    grey, indices = image[..., 0], image[..., 0] // 64
    palette = RNG.integers(0, 256, (4, 3), np.uint8)
    deep = RNG.integers(0, 65536, (12, 10), np.uint16)

    def saved(made, kind="PNG", **options):
        out = io.BytesIO()
        made.save(out, kind, **options)
        return out.getvalue()

    indexed = Image.fromarray(indices, "P")
    indexed.putpalette(palette.tobytes())
    alpha = Image.fromarray(np.dstack([image, grey]), "RGBA")
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter to the right
    jpeg = saved(Image.fromarray(image), "JPEG", quality=95)
    upright = np.rot90(image)  # as stored by a camera that was turned
    return {
        "rgb.png": (saved(Image.fromarray(image)), image),
        "grey.png": (saved(Image.fromarray(grey)), np.dstack([grey] * 3)),
        "palette.png": (saved(indexed), palette[indices]),
        "transparent_palette.png": (saved(indexed, transparency=b"\0\x80\xff\xff"), palette[indices]),
        "alpha.png": (saved(alpha), image),
        "deep.png": (saved(Image.fromarray(deep)), np.dstack([(deep >> 8).astype(np.uint8)] * 3)),
        "bits.png": (saved(Image.fromarray(grey > 128)), np.dstack([np.where(grey > 128, 255, 0)] * 3)),
        "turned.png": (saved(Image.fromarray(upright), exif=exif), image),
        "jpeg.jpg": (jpeg, np.asarray(Image.open(io.BytesIO(jpeg)))),
        "png_inside.jpg": (saved(Image.fromarray(image)), image),
        "profile.png": (saved(Image.fromarray(image), icc_profile=b"no profile at all"), image),
        "bitmap.bmp": (saved(Image.fromarray(image), "BMP"), image),
    }


def test_every_kind_of_image_has_the_same_pixels_in_memory_and_encoded_in_training_and_evaluation(tmp_path, data):
    kinds = _kinds()
    for name, (content, _) in kinds.items():
        put(tmp_path / "own/train/a" / name, content)
    fill(tmp_path / "own/train", classes=("b",), count=1)
    fill(tmp_path / "own/test", classes=("a", "b"), count=1)
    expected = {name: pixels for name, (_, pixels) in sorted(kinds.items())}
    memory = sources.load(data(tmp_path / "own"), "train")
    for found, (name, pixels) in zip(memory.images, expected.items(), strict=False):
        np.testing.assert_array_equal(found, pixels, err_msg=name)
    put(tmp_path / "own/train/b/larger.png", size=(30, 40))  # so that all stay encoded
    encoded = sources.load(data(tmp_path / "own"), "train", view="centre_crop(8)")
    assert isinstance(encoded, Encoded)
    np.testing.assert_array_equal(encoded.images[:12], memory.images[:12, 2:10, 1:9])
    view = View(parse("centre_crop(8)"), 0)
    ((batch, _),) = batches(encoded, [view], seed=0, stage=0, batch_size=14, start=0, stop=1)
    order = np.argsort(batch["id"])
    trained = unpack(batch["inputs"]["image"][order, 0])[0]
    np.testing.assert_array_equal(trained[:12], encoded.images[:12])


def test_images_of_several_sizes_stay_encoded_and_say_which_ops_bring_them_to_one(tmp_path, data):
    fill(tmp_path / "own", classes=("a",), count=8)
    fill(tmp_path / "own", classes=("b",), count=8, size=(20, 11))
    with pytest.raises(ConfigError, match=r"eval.augment.*differ in size.*centre_crop"):
        sources.load(data(tmp_path / "own"), "train")
    found = sources.load(data(tmp_path / "own"), "train", view="resize(9)|centre_crop(8)")
    assert found.images[:3].shape == (3, 8, 8, 3)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda root: put(root / "train/ant/9.png", b""), ["train/ant/9.png", "empty"]),
        (lambda root: put(root / "train/ant/9.png", b"no image"), ["train/ant/9.png", "not an image"]),
        (lambda root: put(root / "train/ant/9.png", encode(picture(RNG, 12, 10), "PNG")[:200]), ["train/ant/9.png"]),
        (lambda root: put(root / "train/ant/9.jpg", encode(picture(RNG, 12, 10))[:-150]), ["train/ant/9.jpg"]),
        (lambda root: (root / "train/dog").mkdir(), ["train/dog", "holds no images"]),
        (lambda root: put(root / "test/eel/0.png"), ["test/eel", "no counterpart", "ant, bee, cat"]),
        (lambda root: (root / "train/ant/9.png").symlink_to(root / "gone"), ["9.png", "points to nothing"]),
    ],
)
def test_what_is_wrong_is_told_by_name_in_one_line(tmp_path, data, make, words):
    fill(tmp_path / "own/train", count=1)
    fill(tmp_path / "own/test", count=1)
    make(tmp_path / "own")
    with pytest.raises(ConfigError) as caught:
        [sources.load(data(tmp_path / "own"), split) for split in ("train", "test")]
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_folders_that_are_none_are_told_in_one_line(tmp_path, data):
    (tmp_path / "empty").mkdir()
    for path, word in ((tmp_path / "gone", "no such folder"), (tmp_path / "empty", "holds no folders")):
        with pytest.raises(ConfigError, match=word):
            sources.load(data(path), "train")
    fill(tmp_path / "alone/train")
    with pytest.raises(ConfigError, match=r"'test'.*choices: train"):
        sources.load(data(tmp_path / "alone"), "test")
    with pytest.raises(ConfigError, match=r"data\.test_share = 0\.5 has no effect with .*alone, which has a folder"):
        sources.load(data(tmp_path / "alone", test_share=0.5), "train")


def test_a_changed_file_is_read_anew(tmp_path, data):
    fill(tmp_path / "own", count=9)
    before = sources.load(data(tmp_path / "own"), "train")
    put(tmp_path / "own/ant/0.png", size=(12, 10))
    put(tmp_path / "own/ant/1.png", size=(12, 10))
    assert sources.load(data(tmp_path / "own"), "train").fingerprint() != before.fingerprint()


def test_an_encrypted_or_cut_zip_is_no_folder(tmp_path, data):
    with zipfile.ZipFile(tmp_path / "own.zip", "w") as archive:
        archive.writestr("a/0.png", b"")
    with pytest.raises(ConfigError, match="no such folder"):
        sources.load(data(tmp_path / "own.zip"), "train")


@pytest.mark.parametrize("damage", ["overwritten", "gone"])
def test_an_image_that_can_not_be_read_while_training_is_told_by_name(tmp_path, data, damage):
    """One that Pillow has to read (a palette), damaged or removed since the index was made."""
    fill(tmp_path / "own/train", classes=("a", "b"), count=4)
    put(tmp_path / "own/train/a/other.png", size=(30, 40))
    fill(tmp_path / "own/test", classes=("a",), count=1)
    content = io.BytesIO()
    Image.fromarray(RNG.integers(0, 256, (40, 40), np.uint8), "L").convert("P").save(content, "PNG")
    put(tmp_path / "own/train/b/palette.png", content.getvalue())
    found = sources.load(data(tmp_path / "own"), "train", view="centre_crop(8)")
    if damage == "gone":
        (tmp_path / "own/train/b/palette.png").unlink()
    else:
        put(tmp_path / "own/train/b/palette.png", content.getvalue()[:-700] + bytes(700))
    made = batches(found, [View(parse("centre_crop(8)"), 0)], seed=0, stage=0, batch_size=10, start=0, stop=1)
    with pytest.raises(ConfigError, match=r"train/b/palette.png can't be read") as caught:
        list(made)
    assert "\n" not in str(caught.value)


def test_names_of_classes_are_the_same_in_every_locale(tmp_path, data):
    """Python keeps what a plain C locale can't decode as single surrogates, which no file of a run may hold."""
    for name in ("gr\u00f6\u00dfe", "a"):
        fill(tmp_path / "own/train", classes=(name,), count=1)
        fill(tmp_path / "own/test", classes=(name,), count=1)
    found = folders.own(epath.Path(tmp_path / "own"), "train", test_share=0.2)
    assert found.class_names == ("a", "gr\u00f6\u00dfe")
    assert folders._text(os.fsdecode("gr\u00f6\u00dfe".encode())) == "gr\u00f6\u00dfe"
    with pytest.raises(ConfigError, match=r"the class folder 'a\\udcff' has a name that is not UTF-8: rename it"):
        folders._text(os.fsdecode(b"a\xff"))

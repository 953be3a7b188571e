"""An index gives the very bytes of every image at random, from records and from folders, and is made once."""

import io
import os

import numpy as np
import pytest
from etils import epath
from PIL import Image

from sbn.config.errors import ConfigError
from sbn.data import folders, prepared
from sbn.data import index as index_module
from sbn.data.layouts import Place
from sbn.data.tfrecords import Keys
from tests.data.imagenets import encode, examples, write_folder, write_records

NAMES = ["n01440764", "n02102040", "n02979186"]
SIZES = [(40, 52), (61, 33), (48, 48)]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache/sbn/indices"


@pytest.fixture(scope="module")
def held():
    return {"train": examples(23, classes=3, sizes=SIZES), "validation": examples(7, classes=3, sizes=SIZES, seed=1)}


def places(tmp_path, held):
    """Both layouts, each with what it holds in order."""
    records = write_records(tmp_path / "tfds", "imagenet2012", held, class_names=NAMES, shards=3)
    folder = tmp_path / "plain"
    ordered = write_folder(folder, held, class_names=NAMES)
    return [(Place("records", epath.Path(records)), held), (Place("folder", epath.Path(folder)), ordered)]


def load(place, split="train"):
    files = prepared.of_records(place.path, split, keys=Keys()) if place.kind == "records" else None
    return index_module.load(files or folders.published(place.path, split), name=f"imagenet2012 {split}")


def test_every_image_is_read_by_its_id_in_any_order(tmp_path, held):
    for place, expected in places(tmp_path, held):
        for split, items in expected.items():
            index = load(place, split)
            assert index.class_names == tuple(NAMES)
            np.testing.assert_array_equal(index.labels, [label for _, label in items])
            sizes = [Image.open(io.BytesIO(image)).size[::-1] for image, _ in items]
            np.testing.assert_array_equal(index.sizes, sizes)
            ids = np.random.default_rng(0).permutation(len(items))
            assert index.read(ids) == [items[i][0] for i in ids]
            assert index.take(slice(3, 6)).read(np.array([1])) == [items[4][0]]


def test_what_lies_in_the_cloud_is_read_through_epath(tmp_path, held, monkeypatch):
    (place, expected), _ = places(tmp_path, held)
    index = load(place)
    far = index_module.dataclasses.replace(index, root="gs://bucket/imagenet2012")
    opened = []

    class Path:
        def __init__(self, name):
            opened.append(name)

        def open(self, mode):
            return (place.path / opened[-1].rsplit("/", 1)[1]).open(mode)

    monkeypatch.setattr(index_module.epath, "Path", Path)
    monkeypatch.setattr(index_module, "_READS", 1)  # so that `opened[-1]` is its own
    assert far.read(np.arange(23)) == [image for image, _ in expected["train"]]
    assert set(opened) == {f"gs://bucket/imagenet2012/imagenet2012-train.tfrecord-{n:05}-of-00003" for n in range(3)}


def test_the_index_is_made_once_and_anew_when_files_change(tmp_path, held, cache, monkeypatch):
    looked = []
    monkeypatch.setattr(
        index_module, "_make", lambda files, name, make=index_module._make: looked.append(name) or make(files, name)
    )
    for place, _ in places(tmp_path, held):
        looked.clear()
        first = load(place)
        again = load(place)
        assert looked == ["imagenet2012 train"]
        for name, part in vars(first).items():
            np.testing.assert_array_equal(part, getattr(again, name))
        assert first.fingerprint() == again.fingerprint()
        os.utime(first.path(0), (0, 0))
        load(place)
        assert len(looked) == 2
    assert not list(cache.glob(".*"))  # drafts


def test_an_unwritable_cache_costs_time_and_no_more(tmp_path, held, monkeypatch, caplog):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    (place, expected), _ = places(tmp_path, held)
    assert len(load(place)) == len(expected["train"])
    assert "can't be written" in caplog.text


def test_fingerprints_tell_data_sets_apart(tmp_path, held):
    (records, _), (folder, _) = places(tmp_path, held)
    assert load(records).fingerprint() != load(records).take(slice(5)).fingerprint()
    assert load(records).fingerprint() != load(folder).fingerprint()  # another order


def truncate(path, cut=10):
    path.write_bytes(path.read_bytes()[:-cut])


def test_records_that_are_not_whole_are_told_in_one_line(tmp_path, held):
    (place, _), _ = places(tmp_path, held)
    shard = sorted(place.path.glob("*-train*"))
    truncate(shard[1])
    with pytest.raises(ConfigError, match=f"{shard[1].name} is cut short"):
        load(place)
    shard[1].write_bytes(shard[0].read_bytes())
    with pytest.raises(ConfigError, match=r"00001-of-00003 holds 7 of its 8 examples"):
        load(place)
    shard[1].unlink()
    with pytest.raises(ConfigError, match="2 of the 3 files of 'train'"):
        load(place)
    with pytest.raises(ConfigError, match=r"'test'.*train, validation"):
        load(place, "test")
    info = place.path / "dataset_info.json"
    info.write_text(info.read_text().replace("tfrecord", "array_record"))
    with pytest.raises(ConfigError, match="prepared as array_record"):
        load(place)


def test_folders_that_are_not_as_published_are_told_in_one_line(tmp_path, held):
    _, (place, _) = places(tmp_path, held)
    with pytest.raises(ConfigError, match=r"'test'.*train, validation"):
        load(place, "test")
    (place.path / "val/n99999999").mkdir()
    with pytest.raises(ConfigError, match=r"n99999999.*n01440764"):
        load(place, "validation")
    for folder in (place.path / "val").iterdir():
        folder.rmtree()
    (place.path / "val/ILSVRC2012_val_00000001.JPEG").write_bytes(encode(np.zeros((8, 8, 3), np.uint8)))
    with pytest.raises(ConfigError, match=r"val holds no CLASS/\*.JPEG"):
        load(place, "validation")
    broken = place.path / "train" / NAMES[0] / "broken.JPEG"
    broken.write_bytes(b"no image")
    with pytest.raises(ConfigError, match=r"broken.JPEG can't be read"):
        load(place)


def test_a_file_that_shrank_since_is_told_by_its_name(tmp_path, held):
    for place, _ in places(tmp_path, held):
        index = load(place)
        path = epath.Path(index.path(len(index) - 1))
        truncate(path, 100 + 16)
        with pytest.raises(OSError, match=f"{path.name} is shorter"):
            index.read(np.array([len(index) - 1]))


def test_a_flipped_bit_of_a_record_is_found_by_its_checksum(tmp_path, held):
    """As TFDS does, which says DataLossError."""
    (place, _), _ = places(tmp_path, held)
    shard = sorted(place.path.glob("*-train*"))[1]
    whole = shard.read_bytes()
    for at, words in ((len(whole) // 2, "agree with its checksum"), (3, "damaged"), (len(whole) - 1, "agree")):
        shard.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(ConfigError, match=rf"{shard.name} is damaged.*byte \d+|{shard.name}.*{words}") as caught:
            load(place)
        assert "\n" not in str(caught.value)
    shard.write_bytes(whole)
    assert len(load(place)) == 23


def test_a_cache_that_can_not_be_read_is_made_again(tmp_path, held, cache):
    (place, _), _ = places(tmp_path, held)
    first = load(place)
    (kept,) = cache.glob("*.npz")
    for damage in (b"", b"not a zip", kept.read_bytes()[:300]):
        kept.write_bytes(damage)
        assert load(place).fingerprint() == first.fingerprint()
    assert kept.stat().st_size > 300


def test_a_class_more_makes_another_index(tmp_path, held):
    """The files of train stay as they are, but their labels move."""
    _, (place, _) = places(tmp_path, held)
    before = load(place)
    (place.path / "train" / "n00000001").mkdir()
    after = load(place)
    assert after.class_names == ("n00000001", *NAMES)
    np.testing.assert_array_equal(after.labels, before.labels + 1)

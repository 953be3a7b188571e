"""Damaged data sets in every form: what is taken has the same images and labels, all else is one line."""

import os
import pathlib
import shutil
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from ml_collections import ConfigDict

from sbn.config import tree
from sbn.config.checks import check
from sbn.config.errors import ConfigError
from sbn.data import sources
from sbn.data.corruptions import sets
from sbn.data.corruptions.kinds import BENCHMARK, SEVERITIES
from sbn.data.encoded import Encoded
from sbn.data.examples import in_memory
from sbn.runs.commands import describe
from tests.fuzz import data_sets
from tests.fuzz.cases import LENGTHS, tried
from tests.fuzz.damage import REPLACED, other_bytes, other_json, replace

# Files of a form with a checksum over all that is read: whatever else is in them is told, never taken
_GUARDED = ("own.npz", "tiny-imagenet-200.zip", ".tfrecord-")


def data_keys(form: str, path: pathlib.Path) -> ConfigDict:
    """Returns the data keys of a config that names a data set."""
    named: dict[str, dict[str, Any]] = {
        "archive": {"data.name": str(path)},
        "folder": {"data.name": f"folder:{path}"},
        "records": {"data.name": "mnist", "data.dir": str(path)},
    }
    tiny = {"data.name": "tiny_imagenet", "data.dir": str(path), "data.test_split": "validation"}
    return check(tree.to_config(tree.changed(tree.defaults(), named.get(form, tiny)))).data


def read(form: str, path: pathlib.Path) -> dict[str, tuple[np.ndarray, np.ndarray, tuple[str, ...]]] | None:
    """Returns images, labels and classes by split; None where one line, a ConfigError, says why not."""
    found = {}
    try:
        data = data_keys(form, path)
        for split in ("train", "test"):
            examples = sources.load_images(data, split, view=None)
            images = None if isinstance(examples, Encoded) else np.asarray(examples.images)
            found[split] = (images, np.asarray(examples.labels), examples.features["label"].classes)
            checked(*found[split])
    except (ConfigError, OSError) as error:
        line, code = describe(error)
        if line is None or code != 2:
            raise
        return None
    return found


def checked(images: np.ndarray | None, labels: np.ndarray, classes: tuple[str, ...]) -> None:
    """Asserts what holds of every data set that is taken."""
    assert labels.dtype == np.int32
    assert labels.ndim == 1
    assert labels.min() >= 0
    assert labels.max() < len(classes)
    if images is not None:
        assert images.dtype == np.uint8
        assert images.ndim == 4
        assert images.shape[3] == 3
        assert len(images) == len(labels)


@st.composite
def damages(draw: Any, contents: dict[str, bytes]) -> tuple[str, bytes | str]:
    """Draws a file, by its name, and what is to stand in its place."""
    name = draw(st.sampled_from(sorted(contents)))
    kinds = [other_bytes(contents[name]), other_bytes(contents[name]), st.sampled_from(REPLACED)]
    if name.endswith(".json"):
        kinds = [other_json(contents[name]), other_json(contents[name]), *kinds]
    if name.endswith(".txt"):
        lines = contents[name].splitlines(keepends=True)
        kinds.append(st.permutations([*lines, b"", b"\n", "é\t\n".encode(), lines[0]]).map(b"".join))
    return name, draw(st.one_of(kinds))


@pytest.fixture
def made(here) -> Callable[[str], tuple[pathlib.Path, dict[str, bytes]]]:
    """Makes a form of the data set; returns where it lies, and its files."""

    def make(form: str) -> tuple[pathlib.Path, dict[str, bytes]]:
        (here / "whole").mkdir()
        path = data_sets.FORMS[form](here / "whole")
        files = {str(file.relative_to(here / "whole")): file for file in (here / "whole").rglob("*") if file.is_file()}
        contents = {name: file.read_bytes() for name, file in files.items()}
        if form == "zip":
            contents = {name: content for name, content in contents.items() if name.endswith(".zip")}
        return path, contents

    return make


@LENGTHS
@pytest.mark.parametrize("form", data_sets.FORMS)
def test_a_damaged_file_of_a_data_set_is_told_or_changes_no_label(length, form, here, made):
    whole, contents = made(form)
    expected = read(form, whole)
    assert expected is not None

    @tried(length, short=6, long=150, damage=damages(contents))
    def _(damage):
        name, content = damage
        (here / "damaged").mkdir()
        try:
            for other, data in contents.items():
                replace(here / "damaged" / other, content if other == name else data)
            found = read(form, here / "damaged" / whole.relative_to(here / "whole"))
        finally:
            shutil.rmtree(here / "damaged")
        if found is None or not isinstance(content, bytes) or not any(guarded in name for guarded in _GUARDED):
            return
        for split, (images, labels, classes) in expected.items():
            np.testing.assert_array_equal(found[split][0], images)
            np.testing.assert_array_equal(found[split][1], labels)
            assert found[split][2] == classes


@LENGTHS
@pytest.mark.parametrize("form", ["folder", "records"])
def test_a_damaged_index_is_made_anew(length, form, here, made):
    """Images that stay encoded: their places are kept between runs."""
    whole, _ = made(form)
    if form == "records":
        (whole / "mnist/1.0.0/features.json").unlink()
    expected = read(form, whole)
    kept = sorted((pathlib.Path(os.environ["XDG_CACHE_HOME"]) / "sbn/indices").glob("*.npz"))
    contents = {str(place): path.read_bytes() for place, path in enumerate(kept)}

    @tried(length, short=3, long=150, damage=damages(contents))
    def _(damage):
        name, content = damage
        replace(kept[int(name)], content)
        try:
            found = read(form, whole)
        finally:
            for path, data in zip(kept, contents.values(), strict=True):
                replace(path, data)
        for split, (images, labels, classes) in expected.items():
            np.testing.assert_array_equal(found[split][0], images)
            np.testing.assert_array_equal(found[split][1], labels)
            assert found[split][2] == classes


_SHAPES = st.sampled_from(
    [
        (),
        (0,),
        (5,),
        (7,),
        (7, 1),
        (7, 3),
        (7, 8, 8),
        (7, 8, 8, 1),
        (7, 8, 8, 4),
        (7, 3, 8, 8),
        (0, 8, 8, 3),
        (7, 0, 8, 3),
        (7, 2, 2, 2, 3),
    ]
)
_DTYPES = st.sampled_from(
    ["u1", "i1", "i2", "i4", "i8", "u8", "f2", "f8", "c8", "?", "U3", "S3", "M8[s]", "V4", "O", [("a", "i4")]]
)


@st.composite
def arrays(draw: Any) -> np.ndarray:
    """Draws an array of odd type, shape and values."""
    shape, dtype = draw(_SHAPES), np.dtype(draw(_DTYPES))
    number = draw(st.sampled_from([0, 1, 2, 3, -1, 255, 256, 2**31, 2**62, 0.5, np.nan, np.inf]))
    with np.errstate(all="ignore"):
        try:
            return np.full(shape, number).astype(dtype)
        except (ValueError, TypeError, OverflowError):
            return np.zeros(shape, dtype)


@LENGTHS
def test_an_archive_of_other_arrays_is_refused_or_taken_for_what_it_is(length, here):
    names = [f"{split}_{kind}" for split in data_sets.COUNTS for kind in ("images", "labels")]

    @tried(
        length,
        short=20,
        long=400,
        changes=st.dictionaries(st.sampled_from([*names, "class_names", "format", "name"]), arrays(), max_size=2),
        more=st.dictionaries(
            st.sampled_from(["_images", "é_images", "../x", "train_images_images", "a"]), arrays(), max_size=1
        ),
    )
    def _(changes, more):
        found = read("archive", data_sets.archive(here, **changes, **more))
        if found is None:
            return
        whole = {f"{split}_images": data_sets.pictures(split) for split in data_sets.COUNTS}
        whole |= {f"{split}_labels": data_sets.labels(split) for split in data_sets.COUNTS}
        for split, (images, labels, _) in found.items():
            given = {**whole, **changes}
            np.testing.assert_array_equal(labels, given[f"{split}_labels"].reshape(-1))
            np.testing.assert_array_equal(
                images[..., 0], given[f"{split}_images"].reshape(*images.shape[:3], -1)[..., 0]
            )


def _corrupted(form: str, folder: pathlib.Path) -> str:
    {
        "arrays": data_sets.corrupted_arrays,
        "folders": data_sets.corrupted_folders,
        "records": data_sets.corrupted_records,
    }[form](folder)
    return "imagenet2012" if form == "folders" else "cifar10"


@LENGTHS
@pytest.mark.parametrize("form", ["arrays", "folders", "records"])
def test_a_damaged_file_of_a_corrupted_set_is_told_or_changes_no_label(length, form, here):
    side = {"arrays": 8, "folders": 224, "records": 32}[form]
    clean = in_memory(
        {"image": data_sets.pictures("test", side), "label": data_sets.labels("test")}, name="a", classes=3
    )
    name = _corrupted(form, here / "whole")
    files = {str(path.relative_to(here / "whole")): path for path in (here / "whole").rglob("*") if path.is_file()}
    contents = {name: path.read_bytes() for name, path in files.items()}

    def taken(folder: pathlib.Path) -> list[np.ndarray] | None:
        try:
            found = sets.load(clean, data=name, source="released", dir=str(folder), kinds=BENCHMARK[:1])
            np.testing.assert_array_equal(found.labels, data_sets.labels("test"))
            return [np.asarray(found.images(BENCHMARK[0], severity)[:]) for severity in SEVERITIES]
        except (ConfigError, OSError) as error:
            if describe(error)[1] != 2:
                raise
            return None

    expected = taken(here / "whole")
    assert expected is not None

    @tried(length, short=3, long=100, damage=damages(contents))
    def _(damage):
        damaged, content = damage
        replace(here / "whole" / damaged, content)
        try:
            found = taken(here / "whole")
        finally:
            replace(here / "whole" / damaged, contents[damaged])
        if found is not None:
            assert [images.shape for images in found] == [images.shape for images in expected]


def test_an_array_that_is_read_in_part_does_not_escape_its_checksum(here):
    """A turned bit in its header has half of the bytes read, and a zip compares a checksum where a file ends."""
    count = 5000  # smaller files are read to their end whatever is asked for
    many = {"train_images": np.zeros((count, 2, 2, 3), np.uint8), "train_labels": np.arange(count, dtype=np.int32) % 3}
    path = data_sets.archive(here, **many)
    assert len(sources.load_images(data_keys("archive", path), "train")) == count
    path.write_bytes(path.read_bytes().replace(b"'<i4'", b"'<i2'", 1))
    with pytest.raises(ConfigError, match=r"own\.npz"):
        sources.load_images(data_keys("archive", path), "train")


@pytest.mark.parametrize("length", ["1e400", "-1", "null", "[]", '"a"', "1" + "0" * 400])
def test_lengths_of_files_that_can_not_be_are_told(here, length):
    path = data_sets.records(here)
    info = path / "dataset_info.json"
    info.write_text(info.read_text().replace('"4"', length))
    with pytest.raises(ConfigError, match=r"dataset_info\.json is damaged"):
        sources.load_images(data_keys("records", here), "train")


def test_an_array_file_that_says_it_is_smaller_than_it_is_is_told(here):
    """NumPy maps the first part of it."""
    folder = data_sets.corrupted_arrays(here / "c")
    path = folder / f"{BENCHMARK[0]}.npy"
    path.write_bytes(path.read_bytes().replace(b"(25, 8, 8, 3)", b"(25, 8, 7, 3)"))
    clean = in_memory({"image": data_sets.pictures("test"), "label": data_sets.labels("test")}, name="a", classes=3)
    found = sets.load(clean, data="cifar10", source="released", dir=str(folder), kinds=BENCHMARK[:1])
    with pytest.raises(ConfigError, match=r"\.npy"):
        found.images(BENCHMARK[0], 1)

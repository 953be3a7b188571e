"""Damaged data sets with boxes and label images: what is taken fits its images."""

import contextlib
import pathlib
import shutil
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from sbn.config import tree
from sbn.config.errors import ConfigError
from sbn.data import sources
from sbn.data.encoded import Encoded
from sbn.data.forms import VOID
from sbn.data.image_files import image_files
from sbn.data.pairing import check_together
from sbn.runs.commands import describe
from tests.fuzz import annotated_sets
from tests.fuzz.cases import LENGTHS, tried
from tests.fuzz.damage import REPLACED, other_bytes, other_json, replace

_NUMBERS = ("-1", "0", "1", "11.5", "1e3", "1e300", "1e999", "nan", "", "x", "9" * 5000, "0x3", "٣", "\u202e")
_NAMES = ("..", "../a", "/etc/passwd", "a/../../a", "é", "a\x1b[2J", "A", "", "a b", "a.png", "\udcff")
_EXTRA = (
    '<!DOCTYPE a [<!ENTITY e "ant">]>',
    '<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
    '<?xml version="1.0" encoding="no such"?>',
    '<?xml version="1.0" encoding="utf-16"?>',
    "<!--",
    "<a>" * 3000,
    "&e;",
    "<object/>",
    "\x00",
)


@st.composite
def other_xml(draw: Any, content: bytes) -> bytes:
    """Draws XML like `content`, in which a text is another one, or there is something before or within."""
    text = content.decode()
    inner = [part for part in text.replace("<", "\n<").replace(">", ">\n").split("\n") if part and part[0] != "<"]
    if inner and draw(st.booleans()):
        old = draw(st.sampled_from(inner))
        new = draw(st.sampled_from((*_NUMBERS, *_NAMES, *_EXTRA)))
        return text.replace(f">{old}<", f">{new}<", 1).encode(errors="surrogateescape")
    place = draw(st.sampled_from((0, text.find("<object") if "<object" in text else 0, len(text))))
    return (text[:place] + draw(st.sampled_from(_EXTRA)) + text[place:]).encode()


@st.composite
def damages(draw: Any, contents: dict[str, bytes]) -> tuple[str, bytes | str]:
    """Draws a file, by its name, those that are no images as often, and what is to stand in its place."""
    told = sorted(name for name in contents if not name.endswith(".png"))
    name = draw(st.one_of(st.sampled_from(told or sorted(contents)), st.sampled_from(sorted(contents))))
    kinds = [other_bytes(contents[name]), st.sampled_from(REPLACED)]
    if name.endswith(".json"):
        kinds += [other_json(contents[name])] * 3
    if name.endswith(".xml"):
        kinds += [other_xml(contents[name])] * 3
    if name.endswith(".txt"):
        lines = st.one_of(st.sampled_from(_NAMES), st.sampled_from(contents[name].decode().split()))
        kinds.append(st.lists(lines, max_size=5).map(lambda own: "\n".join(own).encode(errors="surrogateescape")))
    return name, draw(st.one_of(kinds))


def files_of(folder: pathlib.Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def read(name: str) -> dict[str, Encoded] | None:
    """Returns both splits of a data set; None where one line says why not."""
    data = tree.to_config(
        tree.changed(tree.defaults(), {"data.name": name, "data.train_split": "train", "data.test_split": "test"})
    ).data
    try:
        found = {split: sources.load(data, split, view="fit(12, 13)") for split in ("train", "test")}
        check_together(data, **found, view="fit(12, 13)")
        return found
    except (ConfigError, OSError) as error:
        line, code = describe(error)
        if line is None or code != 2 or "\n" in line:
            raise
        return None


def checked(examples: Encoded) -> None:
    """Asserts what training on boxes or masks relies on."""
    sizes, arrays = examples.index.sizes, examples.beside.arrays
    for masks in examples.beside.masks.values():
        with contextlib.suppress(ConfigError):  # which names the file once it is needed
            made = [masks.labels(i) for i in range(len(examples.index))]
            assert [own.shape for own in made] == [tuple(size) for size in sizes]
            assert all(((own < masks.classes) | (own == VOID)).all() for own in made)
    if "boxes" not in arrays:
        return
    boxes, labels = arrays["boxes"], arrays["box_label"]
    assert np.isfinite(boxes).all()
    assert (boxes[..., :2] <= boxes[..., 2:]).all()
    assert boxes.min(initial=0) >= 0
    assert (boxes[..., 2:] <= sizes[:, None]).all()
    assert labels.shape == boxes.shape[:2]
    assert labels.min(initial=0) >= 0
    assert labels.max(initial=0) < len(examples.beside.features["box_label"].classes)


@pytest.mark.filterwarnings("error")
@LENGTHS
@pytest.mark.parametrize("layout", annotated_sets.LAYOUTS)
def test_a_damaged_data_set_with_boxes_or_masks_is_told_or_has_what_they_may_be(length, layout, here):
    (here / "whole").mkdir()
    name = annotated_sets.LAYOUTS[layout](here / "whole")
    contents = files_of(here / "whole")
    sound = read(name)
    assert sound is not None
    assert [len(part.index) for part in sound.values()] == [4, 2]

    @tried(length, short=25, long=500, damage=damages(contents))
    def _(damage):
        where, content = damage
        replace(here / "whole" / where, content)
        try:
            found = read(name)
        finally:
            replace(here / "whole" / where, contents[where])
        for part in (found or {}).values():
            checked(part)


@LENGTHS
def test_a_damaged_label_image_is_told_or_has_the_same_labels(length, here):
    (here / "whole").mkdir()
    annotated_sets.with_masks(here / "whole")
    names = annotated_sets.SPLITS["train"]
    contents = {name: content for name, content in files_of(here / "whole").items() if name[-5] in names}

    def taken(folder: pathlib.Path) -> list[np.ndarray] | None:
        pairs = {part: [folder / part / f"{name}.png" for name in names] for part in ("images", "masks")}
        try:
            found = image_files(pairs["images"], name="a", masks=pairs["masks"], classes=annotated_sets.CLASSES)
            masks = found.beside.masks["mask"]
            made = [masks.labels(i) for i in range(len(names))]
        except ConfigError as error:
            assert "\n" not in str(error)  # noqa: PT017
            return None
        assert all(((own < 3) | (own == VOID)).all() for own in made)
        assert [own.shape for own in made] == [tuple(size) for size in found.index.sizes]
        return made

    sound = taken(here / "whole")
    assert sound is not None

    @tried(length, short=20, long=500, damage=damages(contents))
    def _(damage):
        where, content = damage
        shutil.copytree(here / "whole", here / "damaged")
        try:
            replace(here / "damaged" / where, content)
            found = taken(here / "damaged")
        finally:
            shutil.rmtree(here / "damaged")
        for made, whole in zip(found or [], sound, strict=bool(found)):
            np.testing.assert_array_equal(made, whole)

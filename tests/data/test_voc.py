"""Folders in PASCAL VOC's layout: what they come to, and what is told of those that are not right."""

import collections
import os

import numpy as np
import pytest
from etils import epath
from PIL import Image

from sbn.config.errors import ConfigError
from sbn.data import sources, voc

OBJECT = """<object><name>{name}</name><difficult>{difficult}</difficult><bndbox>
<xmin>{x0}</xmin><ymin>{y0}</ymin><xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox></object>"""


def xml(*objects):
    parts = [OBJECT.format(**{"difficult": 0, **own}) for own in objects]
    return f"<annotation><filename>any</filename>{''.join(parts)}</annotation>"


CAT = {"name": "cat", "x0": 1, "y0": 3, "x1": 10, "y1": 8}
DOG = {"name": "dog", "x0": 5, "y0": 5, "x1": 30, "y1": 20, "difficult": 1}


@pytest.fixture
def folder(tmp_path):
    """Three images of two sizes with their annotations, two in the list train, one in test."""
    for name in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (tmp_path / name).mkdir(parents=True)
    annotations = {"a": xml(CAT, DOG), "b": xml(), "c": xml({**DOG, "difficult": 0})}
    for number, (name, text) in enumerate(annotations.items()):
        Image.new("RGB", (40, 30 + number)).save(tmp_path / f"JPEGImages/{name}.jpg")
        (tmp_path / f"Annotations/{name}.xml").write_text(text)
    (tmp_path / "ImageSets/Main/train.txt").write_text("a\nb\n")
    (tmp_path / "ImageSets/Main/test.txt").write_text("c\n")
    return tmp_path


def read(folder, split="train"):
    return voc.read(epath.Path(folder), split, key="data.train_split")


def test_the_last_pixel_belongs_to_a_box_and_pixels_count_from_one(folder):
    found = read(folder)
    np.testing.assert_array_equal(found.beside.arrays["boxes"][0], [[2, 0, 8, 10], [4, 4, 20, 30]])
    assert found.beside.features["boxes"].classes == voc.CLASSES  # they name no other
    np.testing.assert_array_equal(
        found.beside.arrays["box_label"][0], [voc.CLASSES.index("cat"), voc.CLASSES.index("dog")]
    )
    np.testing.assert_array_equal(found.beside.arrays["box_difficult"], [[0, 1], [0, 0]])
    np.testing.assert_array_equal(found.beside.arrays["image_size"], [[30, 40], [31, 40]])


def test_hidden_files_beside_images_and_annotations_are_not_looked_at(folder):
    for name in ("JPEGImages/._a.jpg", "Annotations/._a.xml", "Annotations/.DS_Store"):
        (folder / name).write_bytes(b"\x00\x05\x16\x07")
    assert len(read(folder).index) == 2


# An entity of an entity of an entity: nine levels of ten are a thousand million
BOMB = "".join(f'<!ENTITY e{level} "{f"&e{level - 1};" * 10}">' for level in range(1, 10))
NAMED = "<annotation><object><name>?</name></object></annotation>"
HOSTILE = {
    "entities that grow": f'<!DOCTYPE a [<!ENTITY e0 "ant">{BOMB}]>{NAMED.replace("?", "&e9;")}',
    "a long entity, often": f'<!DOCTYPE a [<!ENTITY e "{"a" * 50_000}">]><annotation>{"&e;" * 50_000}</annotation>',
    "a short entity": f'<!DOCTYPE a [<!ENTITY e "cat">]>{xml({**CAT, "name": "&e;"})}',
    "another file": f'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]>{NAMED.replace("?", "&e;")}',
    "an encoding that nobody knows": '<?xml version="1.0" encoding="no such"?><annotation/>',
    "an encoding that is not its own": '<?xml version="1.0" encoding="utf-16"?><annotation/>',
    "no end": "<annotation>" * 100_000,
    "a number beyond all bounds": xml({**CAT, "x1": "9" * 5000}),
    "digits without end": xml({**CAT, "x1": "1e999"}),
    "a box beyond float32": xml({**CAT, "x1": "1e300"}),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_annotations_are_told_in_a_line_and_nothing_else_is_read(folder, what):
    (folder / "Annotations/a.xml").write_text(HOSTILE[what])
    with pytest.raises(ConfigError) as raised:
        read(folder)
    assert "a.xml" in str(raised.value) or "a.jpg" in str(raised.value)
    assert "root:" not in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["..", "../a", "/etc/passwd", "a/../b", "JPEGImages/a", "A", "a.jpg"])
def test_a_list_names_images_of_its_folder_alone(folder, name):
    (folder / "ImageSets/Main/train.txt").write_text(f"b\n{name}\n")
    with pytest.raises(ConfigError, match="unknown image named in"):
        read(folder)


def test_splits_are_lists_and_their_parts_and_have_the_same_slots(folder):
    assert len(read(folder, "train+test").index) == 3
    assert len(read(folder, "train[:1]+test").index) == 2
    assert read(folder, "test").beside.arrays["boxes"].shape == (1, 2, 4)


def test_years_can_be_joined(folder):
    (folder / "VOC2007").mkdir()
    (folder / "VOC2012").mkdir()
    for name in ("JPEGImages", "Annotations", "ImageSets"):
        (folder / "VOC2012" / name).symlink_to(folder / name)
        (folder / name).rename(folder / "VOC2007" / name)
        (folder / name).symlink_to(folder / "VOC2007" / name)
    joined = read(folder, "VOC2007/train+VOC2012/test")
    assert [joined.index.path(i).split("/")[-3:] for i in range(3)] == [
        ["VOC2007", "JPEGImages", "a.jpg"],
        ["VOC2007", "JPEGImages", "b.jpg"],
        ["VOC2012", "JPEGImages", "c.jpg"],
    ]
    with pytest.raises(ConfigError, match=r"there is no folder .*VOC2021$"):
        read(folder, "VOC2021/train")
    for name in ("JPEGImages", "Annotations", "ImageSets"):
        (folder / name).unlink()
    with pytest.raises(ConfigError, match=r"of several folders \(VOC2007, VOC2012\): .* 'VOC2007/trainval'"):
        read(folder, "trainval")


def test_classes_of_ones_own_are_in_alphabetical_order(folder):
    (folder / "Annotations/b.xml").write_text(xml({**CAT, "name": "axolotl"}))
    assert read(folder).beside.features["boxes"].classes == ("axolotl", "cat", "dog")


def test_boxes_without_an_area_are_counted_and_left_out(folder, capsys):
    (folder / "Annotations/b.xml").write_text(xml({**CAT, "x1": 1}, CAT))
    assert (read(folder).beside.arrays["boxes"][1, 1] == 0).all()
    assert "'train': objects with a box without an area in their image are left out: 1, " in capsys.readouterr().err


def test_classes_that_a_file_lists_are_in_its_order(folder):
    (folder / "labels.txt").write_text("\ufeffdog\r\nrare one\ncat\n", encoding="utf-8")
    found = read(folder)
    assert found.beside.features["box_label"].classes == ("dog", "rare one", "cat")
    np.testing.assert_array_equal(found.beside.arrays["box_label"][0], [2, 0])


def test_boxes_beyond_their_image_are_cut_off_there_and_counted(folder, capsys):
    """All of the first image's, 40 x 30 pixels."""
    edges = [(5, 41), (-3, 20), (41, 50), (-9, -2), (0, 40)]  # the last counts from 0, and is whole
    objects = [{**CAT, "x0": x0, "x1": x1} for x0, x1 in edges]
    (folder / "Annotations/a.xml").write_text(xml(*objects))
    found = read(folder).beside.arrays["boxes"][0]
    np.testing.assert_array_equal(found[:3], [[2, 4, 8, 40], [2, 0, 8, 20], [2, 0, 8, 40]])
    assert (found[3:] == 0).all()
    told = capsys.readouterr().err
    assert "without an area in their image are left out: 2, the first in " in told
    assert "boxes that reach beyond their image are cut off there: 2, the first in " in told
    assert told.count("the first in ") == told.count("a.jpg\n") == 2


def test_annotations_of_another_size_than_their_image_are_told(folder, capsys):
    """As where a photograph was turned after it was annotated."""
    size = "<annotation><size><width>{}</width><height>{}</height></size>"
    for name, sides in (("a", (30, 40)), ("b", (40, 31)), ("c", (0, 0))):
        text = (folder / f"Annotations/{name}.xml").read_text()
        (folder / f"Annotations/{name}.xml").write_text(text.replace("<annotation>", size.format(*sides)))
    assert len(read(folder, "train+test").index) == 3
    told = capsys.readouterr().err
    assert "1 images have another size" in told
    assert "a.jpg: 40 pixels wide and 30 high, not 30 and 40" in told


def test_names_may_have_spaces_and_flags_of_a_class_behind_them(folder):
    (folder / "JPEGImages/a.jpg").rename(folder / "JPEGImages/a 1.jpg")
    (folder / "Annotations/a.xml").rename(folder / "Annotations/a 1.xml")
    for text in ("a 1\nb\n", "\ufeffa 1  1\r\nb\t-1\r\n"):
        (folder / "ImageSets/Main/train.txt").write_text(text, encoding="utf-8")
        found = read(folder).index
        assert [found.path(i).rpartition("/")[2] for i in range(2)] == ["a 1.jpg", "b.jpg"]


@pytest.mark.parametrize(
    ("break_it", "told"),
    [
        (lambda folder: (folder / "JPEGImages/a.jpg").unlink(), ["image named in", "'a'"]),
        (lambda folder: (folder / "Annotations/b.xml").unlink(), ["annotation named in", "'b'"]),
        (lambda folder: (folder / "Annotations/a.xml").write_text("<annotation>"), ["a.xml can't be read"]),
        (lambda folder: os.mkfifo(folder / "Annotations/d.xml"), ["d.xml is damaged (it is not a file)"]),
        (
            lambda folder: (folder / "ImageSets/Main/train.txt").write_bytes(b"a\xff"),
            ["train.txt is damaged (not UTF-8"],
        ),
        (lambda folder: (folder / "JPEGImages/a.png").write_bytes(b""), ["a.png and a.jpg are both the image 'a'"]),
        (
            lambda folder: (folder / "Annotations/a.xml").write_text(xml(CAT, {**DOG, "x1": "many"})),
            ["a.xml, object 2", "'many'"],
        ),
        (
            lambda folder: (folder / "Annotations/a.xml").write_text(xml({**CAT, "x1": 0})),
            ["a.xml, object 1", "ends before"],
        ),
        (
            lambda folder: (folder / "Annotations/a.xml").write_text(xml({**CAT, "name": ""})),
            ["a.xml, object 1 has no name"],
        ),
        (
            lambda folder: (folder / "Annotations/a.xml").write_text(xml(CAT, {**DOG, "difficult": "2"})),
            ["a.xml, object 2", "difficult is '2', not 0 or 1"],
        ),
        (
            lambda folder: (folder / "Annotations/a.xml").write_text("<svg/>"),
            ["a.xml is not a PASCAL VOC annotation", "'svg'"],
        ),
        (
            lambda folder: (folder / "labels.txt").write_text("dog\ncats\n"),
            ["class of", "a.xml, object 1", "'cat'; did you mean 'cats'"],
        ),
        (
            lambda folder: (folder / "Annotations/a.xml").write_text(xml({**CAT, "name": "cat</name><name>dog"})),
            ["a.xml, object 1 has two of name"],
        ),
        (
            lambda folder: (folder / "Annotations/a.xml").write_text(xml({**CAT, "x0": "1</xmin><xmin>2"})),
            ["a.xml, object 1 has two of bndbox/xmin"],
        ),
        (
            lambda folder: (folder / "Annotations/a.xml").write_text(
                xml(CAT).replace("<object>", "<a><object>").replace("</object>", "</object></a>")
            ),
            ["a.xml has an object within another element"],
        ),
        (lambda folder: (folder / "labels.txt").write_text("cat\ndog\ncat\n"), ["labels.txt lists 'cat' twice"]),
        (lambda folder: (folder / "labels.txt").write_text("\n"), ["labels.txt lists no classes"]),
        (lambda folder: (folder / "ImageSets/Main/train.txt").write_text("a\nb\na\n"), ["train.txt lists 'a' twice"]),
        (lambda folder: (folder / "ImageSets/Main/train.txt").unlink(), ["list in", "'train'", "test"]),
        (lambda folder: (folder / "JPEGImages/a.jpg").write_bytes(b"\xff\xd8"), ["a.jpg"]),
        (
            lambda folder: (folder / "Annotations/a.xml").write_text(xml({**CAT, "x1": "1_0"})),
            ["a.xml, object 1", "is '1_0', not a number of pixels"],
        ),
    ],
)
def test_what_is_not_right_is_told_with_its_file(folder, break_it, told):
    break_it(folder)
    with pytest.raises(ConfigError) as error:
        read(folder)
    assert all(part in str(error.value) for part in told), str(error.value)
    assert "\n" not in str(error.value)


@pytest.fixture
def bccd(tasks_dir):
    return tasks_dir / "detection/BCCD"


def test_blood_cells_are_as_many_as_were_counted(bccd, capsys):
    # Counted by an independent reading of every file: 4,888 objects, two of them without an area
    found = [read(bccd, split) for split in ("trainval", "test")]
    assert [len(own.index) for own in found] == [292, 72]
    counts = collections.Counter()
    for own in found:
        there = (own.beside.arrays["boxes"][..., 2:] > own.beside.arrays["boxes"][..., :2]).all(axis=-1)
        counts.update(own.beside.arrays["box_label"][there].tolist())
    assert dict(zip(found[0].beside.features["boxes"].classes, (counts[k] for k in range(3)), strict=True)) == {
        "Platelets": 361,
        "RBC": 4155 - 2,
        "WBC": 372,
    }
    assert capsys.readouterr().err.count("without an area") >= 1


def test_a_folder_is_a_data_set_by_its_name(bccd, tiny):
    changes = {"data.name": f"voc:{bccd}", "data.train_split": "train[:3]", "data.style": "plain"}
    plain = {f"data.{key}": None for key in ("train_examples", "test_examples", "image_size")}
    data = tiny({**plain, **changes}).data
    found = sources.load(data, "train", view="fit(120, 160)")
    loaded = found.load(np.arange(3))
    assert loaded["image"].shape == (3, 120, 160)
    first = voc.annotation(epath.Path(bccd) / "Annotations/BloodImage_00001.xml")
    np.testing.assert_allclose(loaded["boxes"][0, : len(first.boxes)], first.boxes / 4, atol=1 / 256)

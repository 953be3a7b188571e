"""Data sets with boxes that TFDS has prepared: those of a VOC folder are the same objects, and damage is told."""

import hashlib
import json

import numpy as np
import pytest
from etils import epath
from PIL import Image

from sbn.config import tree
from sbn.config.errors import ConfigError
from sbn.data import prepared_boxes, sources, voc
from sbn.data.prepared_boxes import BoxKeys

SIZE = (30, 40)
KEYS = BoxKeys("image", "objects/bbox", "objects/label", 0)
FEATURES = {
    "image": [b"?"],
    "objects/bbox": [0.1, 0.25, 0.5, 1.0, 0.0, 0.0, 0.0, 0.5],
    "objects/label": [1, 0],
    "objects/is_crowd": [1, 0],
}


def objects(keys=KEYS, **changes):
    found = {**FEATURES, **{f"objects/{name}": value for name, value in changes.items()}}
    return prepared_boxes._objects(found, keys, size=SIZE, classes=2, what="record 5")


def test_shares_become_pixels_and_boxes_without_an_area_are_counted():
    found = objects()
    np.testing.assert_array_equal(found.boxes, [[3, 10, 15, 40]])
    assert (found.labels, found.difficult.tolist(), found.dropped) == ([1], [True], 1)


def test_pixels_that_are_counted_from_one_begin_one_earlier():
    np.testing.assert_array_equal(objects(KEYS._replace(first=1)).boxes, [[2, 9, 15, 40]])


def test_floats_do_not_move_whole_pixels():
    share = np.float32(7) / np.float32(30)  # as TFDS stores it
    assert objects(bbox=[float(share), 0, 1, 1], label=[0], is_crowd=[0]).boxes[0, 0] == 7


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"bbox": [0.0, 0, 1]}, "2 classes of objects, and 3 numbers"),
        ({"label": [0, 2]}, "object 2: class 2, and there are 2"),
        ({"bbox": [0.5, 0, 0.25, 1, 0, 0, 1, 1]}, "object 1 ends before it begins"),
    ],
)
def test_what_is_not_right_is_told_with_its_record_and_object(changes, told):
    with pytest.raises(ConfigError, match=f"record 5.*{told}"):
        objects(**changes)


@pytest.fixture
def detection(tasks_dir):
    return tasks_dir / "detection"


def load(detection, **changes):
    flat = tree.changed(tree.defaults(), {f"data.{key}": value for key, value in changes.items()})
    return sources.load(tree.to_config(flat).data, "train", view="fit(120, 160)")


def named(found):
    """{hash of the image's bytes: its boxes with the names of their classes}."""
    boxes, labels, names = found.arrays["boxes"], found.arrays["box_label"], found.features["boxes"].classes
    there = (boxes[..., 2:] > boxes[..., :2]).all(axis=-1)
    return {
        hashlib.sha256(data).hexdigest(): [
            (names[labels[i, slot]], *boxes[i, slot].tolist()) for slot in np.flatnonzero(there[i])
        ]
        for i, data in enumerate(found.index.read(np.arange(len(found))))
    }


def test_a_prepared_set_and_the_folder_it_was_made_of_are_the_same_examples(detection, capsys):
    folder = load(detection, name=f"voc:{detection / 'BCCD'}", train_split="trainval")
    prepared = load(detection, name="bccd", dir=str(detection / "tfds"), train_split="train+validation")
    assert len(prepared) == len(named(prepared)) == 292
    assert named(prepared) == named(folder)
    assert (
        "bccd, 'train+validation': objects with a box without an area in their image are left out: 2, "
        in capsys.readouterr().err
    )


VOC_OBJECT = """<object><name>{}</name><pose>Unspecified</pose><truncated>0</truncated><difficult>{}</difficult>
<bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox></object>"""


@pytest.fixture(scope="module")
def voc_2007(tmp_path_factory):
    """A VOCdevkit of four images, one of them without objects, and a data_dir in which TFDS's builder prepared it."""
    tfds = pytest.importorskip("tensorflow_datasets")
    folder = tmp_path_factory.mktemp("devkit")
    year, random = folder / "VOCdevkit/VOC2007", np.random.default_rng(0)
    for name in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (year / name).mkdir(parents=True)
    boxes = {"a": [("dog", 0, 3, 7, 20, 29), ("person", 1, 1, 1, 47, 31)], "b": [], "c": [("cat", 0, 13, 5, 35, 33)]}
    boxes["d"] = [("tvmonitor", 1, 2, 2, 9, 40), ("cat", 0, 1, 1, 33, 39)]
    for number, (name, objects) in enumerate(boxes.items()):
        size = (47, 31 + number) if number % 2 else (35, 39)
        size = (47, 43) if name in "ad" else size
        pixels = random.integers(0, 256, (size[1], size[0], 3), np.uint8)
        Image.fromarray(pixels).save(year / f"JPEGImages/{name}.jpg")
        head = f"<size><width>{size[0]}</width><height>{size[1]}</height><depth>3</depth></size>"
        text = "".join(VOC_OBJECT.format(*one) for one in objects)
        (year / f"Annotations/{name}.xml").write_text(f"<annotation>{head}{text}</annotation>")
    for split, names in {"train": "ab", "val": "c", "trainval": "abc", "test": "d"}.items():
        (year / f"ImageSets/Main/{split}.txt").write_text("\n".join(names))

    class Voc(tfds.object_detection.Voc, skip_registration=True):
        code_path = None  # TFDS would look beside it, with a package that it does not bring

    builder = Voc(config="2007", data_dir=str(folder / "tfds"))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(
            tfds.download.DownloadManager, "download_and_extract", lambda self, urls: dict.fromkeys(urls, str(folder))
        )
        builder.download_and_prepare()
    return folder


@pytest.mark.parametrize(("split", "listed"), [("train+validation", "trainval"), ("test", "test")])
def test_pascal_voc_as_tfds_prepares_it_is_the_published_folder(voc_2007, split, listed):
    folder = load(voc_2007, name=f"voc:{voc_2007}/VOCdevkit", train_split=f"VOC2007/{listed}")
    prepared = load(voc_2007, name="voc/2007", dir=str(voc_2007 / "tfds"), train_split=split)
    assert named(prepared) == named(folder)
    assert prepared.features["boxes"].classes == folder.features["boxes"].classes == voc.CLASSES
    hidden = [
        {key: own[number].tolist()[: len(named(found)[key])] for number, key in enumerate(_keys(found))}
        for found in (prepared, folder)
        for own in [found.arrays["box_difficult"]]
    ]
    assert hidden[0] == hidden[1]
    assert sum(map(sum, hidden[0].values())) == 1


def _keys(found):
    return [hashlib.sha256(data).hexdigest() for data in found.index.read(np.arange(len(found)))]


def test_names_of_features_are_told_where_they_are_not_there(detection):
    prepared = {"name": "bccd", "dir": str(detection / "tfds")}
    with pytest.raises(ConfigError, match=r"data.boxes_feature.*objects/box'; did you mean 'objects/bbox'"):
        load(detection, **prepared, boxes_feature="objects/box")
    with pytest.raises(ConfigError, match=r"data.box_label_feature.*objects/labels'; did you mean 'objects/label'"):
        load(detection, **prepared, box_label_feature="objects/labels")


@pytest.mark.parametrize(
    ("place", "given", "first"),
    [("voc/2007/4.0.0", None, 1), ("bccd/1.0.0", None, 1), ("coco/2017/1.1.0", None, 0), ("x/1.0.0", 1, 1)],
)
def test_builders_that_count_pixels_from_one_are_known(tmp_path, place, given, first):
    folder = epath.Path(tmp_path / place)
    folder.mkdir(parents=True)
    boxes = {"boundingBox": {"shape": {"dimensions": ["4"]}}}
    inner = {"featuresDict": {"features": {"bbox": boxes, "label": {"classLabel": {"numClasses": "2"}}}}}
    features = {"image": {"image": {}}, "objects": {"sequence": {"feature": inner}}}
    (folder / "features.json").write_text(json.dumps({"featuresDict": {"features": features}}))
    names = {"image": "image", "label": "label", "boxes": None, "box_label": None, "first": given}
    assert prepared_boxes.find(folder, **names) == BoxKeys("image", "objects/bbox", "objects/label", first)
    labelled = {**features, "label": {"classLabel": {"numClasses": "2"}}}
    (folder / "features.json").write_text(json.dumps({"featuresDict": {"features": labelled}}))
    assert prepared_boxes.find(folder, **names) is None  # it has a label of its own
    assert prepared_boxes.find(folder, **{**names, "boxes": "objects/bbox"}).boxes == "objects/bbox"

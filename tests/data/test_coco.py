"""COCO's annotations: what they come to in the folders that people have, and what is told of mistakes in them."""

import json

import numpy as np
import pytest
from etils import epath
from PIL import Image

from sbn.config.errors import ConfigError
from sbn.data import coco

# Ids as they come: not contiguous, not in order
CATEGORIES = [{"id": 7, "name": "dog"}, {"id": 3, "name": "cat"}]
IMAGES = [
    {"id": 900, "file_name": "b.jpg", "height": 30, "width": 40},
    {"id": 12, "file_name": "a.jpg", "height": 31, "width": 40},
    {"id": 55, "file_name": "c.jpg", "height": 32, "width": 40},
]
ANNOTATIONS = [
    {"id": 1001, "image_id": 12, "category_id": 7, "bbox": [2.5, 3, 10, 20.25], "iscrowd": 0, "area": 90.5},
    {"id": 17, "image_id": 900, "category_id": 3, "bbox": [0, 0, 40, 30], "iscrowd": 1},
    {"id": 18, "image_id": 12, "category_id": 3, "bbox": [1, 1, 2, 2]},
]


def instances(**changes):
    return {"images": IMAGES, "annotations": ANNOTATIONS, "categories": CATEGORIES} | changes


@pytest.fixture
def folder(tmp_path):
    """The layout of COCO itself."""
    (tmp_path / "annotations").mkdir()
    (tmp_path / "train2017").mkdir()
    for own in IMAGES:
        Image.new("L" if own["id"] == 55 else "RGB", (own["width"], own["height"])).save(
            tmp_path / "train2017" / own["file_name"]
        )
    write(tmp_path, instances())
    return tmp_path


def write(folder, content, place="annotations/instances_train2017.json"):
    (folder / place).write_text(json.dumps(content))


def read(folder, split="train2017"):
    return coco.read(epath.Path(folder), split, key="data.train_split")


def with_annotation(**changes):
    return instances(annotations=[ANNOTATIONS[0], {**ANNOTATIONS[2], **changes}])


def test_boxes_are_corners_and_classes_are_numbered_in_the_order_of_their_ids(folder):
    found = read(folder)
    arrays = found.beside.arrays
    assert [found.index.path(i).rpartition("/")[2] for i in range(3)] == ["b.jpg", "a.jpg", "c.jpg"]
    assert found.beside.features["box_label"].classes == ("cat", "dog")
    np.testing.assert_array_equal(arrays["boxes"][1], [[3, 2.5, 23.25, 12.5], [1, 1, 3, 3]])
    np.testing.assert_array_equal(arrays["box_label"][1], [1, 0])
    np.testing.assert_array_equal(arrays["boxes"][2], np.zeros((2, 4)))  # no objects, and grey
    np.testing.assert_array_equal(arrays["box_difficult"], [[1, 0], [0, 0], [0, 0]])  # the crowd
    np.testing.assert_array_equal(arrays["box_area"], [[1200, 0], [90.5, 4], [0, 0]])  # of the box where none is given


@pytest.mark.parametrize(
    ("listed", "images"),
    [
        ("annotations/train.json", "images/train"),
        ("annotations/train.json", "images"),
        ("train.json", "."),
        ("train/_annotations.coco.json", "train"),  # beside its images
    ],
)
def test_the_folders_that_tools_write_are_found(tmp_path, listed, images):
    for place in (tmp_path / listed).parent, tmp_path / images:
        place.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (40, 30)).save(tmp_path / images / "b.jpg")
    write(tmp_path, instances(images=IMAGES[:1], annotations=ANNOTATIONS[1:2]), listed)
    assert len(read(tmp_path, "train").index) == 1


def test_splits_can_be_joined_and_cut(folder):
    (folder / "val2017").mkdir()
    Image.new("RGB", (40, 30)).save(folder / "val2017/b.jpg")
    write(folder, instances(images=IMAGES[:1], annotations=[]), "annotations/instances_val2017.json")
    assert len(read(folder, "train2017[1:]+val2017").index) == 3
    write(folder, instances(images=[], annotations=[], categories=CATEGORIES[:1]), "annotations/instances_val2017.json")
    with pytest.raises(ConfigError, match="'train2017' and 'val2017' have different categories"):
        read(folder, "train2017+val2017")


def test_what_is_left_out_and_cut_off_is_counted(folder, capsys):
    boxes = [[1, 1, 0, 5], [50, 1, 5, 5], [-2, 1, 5, 5], [1, 28, 3, 10], [1, 1, 39.004, 5]]
    objects = [{**ANNOTATIONS[2], "id": n, "bbox": box} for n, box in enumerate(boxes)]
    write(folder, instances(annotations=objects))
    np.testing.assert_array_equal(read(folder).beside.arrays["boxes"][1], [[1, 0, 6, 3], [28, 1, 31, 4], [1, 1, 6, 40]])
    told = capsys.readouterr().err
    assert "without an area in their image are left out: 2, " in told
    assert (
        "reach beyond their image are cut off there: 2, " in told
    )  # the last one's is within the rounding of two decimals


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (with_annotation(image_id=13), ["annotation 18", "no image with the id 13"]),
        (with_annotation(image_id=[13]), ["annotation 18", "image_id"]),
        (with_annotation(category_id=4), ["category_id", "annotation 18", "3, 7"]),
        (with_annotation(bbox=[1, 2, 3]), ["annotation 18", "bbox is [1, 2, 3]"]),
        (with_annotation(iscrowd="0"), ["annotation 18", "iscrowd is '0', not 0 or 1"]),
        (with_annotation(bbox=[1, 2, 3, None]), ["annotation 18", "bbox"]),
        (with_annotation(area="12"), ["annotation 18", "area is '12'"]),
        (with_annotation(area=-1), ["annotation 18", "area is -1"]),
        (instances(images=[{**IMAGES[0], "file_name": "../b.jpg"}], annotations=[]), ["'../b.jpg' leads out of its"]),
        (instances(images=[{**IMAGES[0], "file_name": "/a/b.jpg"}], annotations=[]), ["'/a/b.jpg' leads out of its"]),
        (instances(annotations=[{**ANNOTATIONS[0], "bbox": [0.1, 0.2, 0.5, 0.5]}]), ["a.jpg", "not in shares"]),
        (with_annotation(bbox=[1, 2, -3, 4]), ["annotation 18", "a width of -3"]),
        (instances(images=[*IMAGES, {**IMAGES[0], "id": 13}]), ["file_name 'b.jpg' appears twice"]),
        (instances(images=[*IMAGES, {**IMAGES[0], "file_name": "d.jpg"}]), ["image id 900 appears twice"]),
        (instances(images=[*IMAGES, {**IMAGES[0], "id": 13, "file_name": "d.jpg"}]), ["image 13", "d.jpg"]),
        (instances(images=[{**IMAGES[0], "height": 29}, *IMAGES[1:]]), ["b.jpg", "30 x 40", "29 x 40"]),
        (instances(images=[{"id": 900}], annotations=[]), ["image 900", "height is None"]),
        (instances(categories=[{"id": 3, "name": "cat"}, {"id": 7, "name": "cat"}]), ["'cat' appears twice"]),
        (instances(categories=[{"id": 3}]), ["category 3 has no name"]),
        (instances(categories=[], annotations=[]), ["no categories"]),
        (instances(annotations=[]), ["no image has an object with a box"]),
        ({"images": IMAGES}, ["no list of categories"]),
        ([], ["no list of images"]),
    ],
)
def test_what_is_not_right_is_told_with_its_file_and_id(folder, content, told):
    write(folder, content)
    with pytest.raises(ConfigError) as error:
        read(folder)
    assert all(part in str(error.value) for part in told), str(error.value)
    assert "\n" not in str(error.value)


def test_files_that_are_not_there_are_told(folder):
    with pytest.raises(ConfigError, match=r"split of coco.*'train2071'; did you mean 'train2017'"):
        read(folder, "train2071")
    with pytest.raises(ConfigError, match="no such folder"):
        read(folder / "nowhere")
    (folder / "annotations/instances_train2017.json").write_text("{")
    with pytest.raises(ConfigError, match=r"instances_train2017.json is damaged"):
        read(folder)

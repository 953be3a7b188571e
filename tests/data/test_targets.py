"""Batches carry what a task asks for: labels by id, masks in the pixels, boxes moved with every view."""

import jax
import numpy as np
import pytest
from jax.sharding import AxisType

from sbn.augment.pipeline import parse
from sbn.config.errors import ConfigError
from sbn.data import device, host, shapes
from sbn.data.examples import Feature, in_memory
from sbn.data.forms import VOID
from sbn.data.pixels import marks, pack, unpack
from sbn.data.targets import sort
from sbn.data.views import View
from tests import compiling

COUNT, SIZE = 12, 24
SPAN = {"seed": 1, "stage": 0, "batch_size": 4, "start": 0, "stop": 2}


@pytest.fixture(scope="module")
def examples():
    return shapes.examples(COUNT, size=SIZE, split="train")


def views(*texts):
    return [View(parse(text), number) for number, text in enumerate(texts)]


def both(examples, asked, names):
    """The batches of both paths."""
    targets = sort(examples, names)
    mesh = jax.make_mesh((len(jax.devices()),), ("data",), axis_types=(AxisType.Auto,))
    prepare = compiling.jit(device.make_prepare(asked, stage=0, image_size=(SIZE, SIZE), mesh=mesh, targets=targets))
    resident = device.resident(examples, seed=1, targets=targets)
    made = [jax.device_get(prepare(*fed, resident)) for fed in device.batches(examples, **SPAN)]
    return made, [batch for batch, _ in host.batches(examples, asked, targets=targets, **SPAN)]


def test_a_mask_rides_in_the_pixels_and_moves_as_they_do(examples):
    asked = views("crop(4)|flip|cutout(8)", "")
    for batches in both(examples, asked, ["label", "mask"]):
        for batch in batches:
            assert set(batch["targets"]) == {"label"}
            colours, found = unpack(batch["inputs"]["image"])
            np.testing.assert_array_equal(found[:, 1], examples.arrays["mask"][batch["id"]] + 1)
            np.testing.assert_array_equal(colours[:, 1], examples.images[batch["id"]])
            assert set(np.unique(found[:, 0])) <= {0, 1, *(np.unique(batch["targets"]["label"]) + 2)}
            # what has the colour of a place in the original has its label too
            for image, moved, label in zip(colours[:, 0], found[:, 0], batch["id"], strict=True):
                original = {
                    (*colour, mark + 1)
                    for colour, mark in zip(
                        examples.images[label].reshape(-1, 3).tolist(),
                        examples.arrays["mask"][label].ravel().tolist(),
                        strict=True,
                    )
                    for colour in [tuple(colour)]
                }
                inside = moved > 0
                pairs = np.concatenate([image[inside], moved[inside][:, None]], axis=1)
                assert {tuple(pair) for pair in pairs.tolist()} <= original


def test_pixels_without_a_label_are_marked_as_images_and_fillers_are_not():
    np.testing.assert_array_equal(marks(np.array([0, 7, 253, VOID], np.uint8)), [1, 8, 254, 255])
    words = pack(np.zeros((1, 2, 3), np.uint8), np.array([[0, 255]], np.uint8))
    np.testing.assert_array_equal(unpack(words)[1], [[0, 255]])


def test_what_the_data_lack_is_told_with_what_they_have():
    images = np.zeros((3, 4, 4, 3), np.uint8)
    plain = in_memory({"image": images, "label": np.zeros(3, int)}, name="plain", classes=1)
    with pytest.raises(ConfigError, match=r"'mask'.*choices: image, label"):
        sort(plain, ["label", "mask"])
    masks = {name: np.zeros((3, 4, 4), np.uint8) for name in ("mask", "depth")}
    features = {name: Feature("mask", classes=("a",)) for name in masks}
    two = in_memory({"image": images, "label": np.zeros(3, int), **masks}, name="two", classes=1, features=features)
    with pytest.raises(ConfigError, match="mask, depth"):
        sort(two, ["mask", "depth"])


def test_boxes_move_with_every_view_on_both_paths(examples):
    """Against the mask of the same batch, which moved as the pixels did: the tight box around what is left of it."""
    names = ["label", "boxes", "box_label", "mask"]
    whole = 0
    for batches in both(examples, views("", "crop(4)|flip", "random_crop(20)|flip(1)"), names):
        for batch in batches:
            ids, targets = batch["id"], batch["targets"]
            assert set(targets) == {"label", "boxes", "box_label"}
            assert (targets["boxes"].shape, targets["boxes"].dtype) == ((4, 3, 1, 4), np.float32)
            np.testing.assert_array_equal(targets["box_label"], targets["label"][:, None])
            np.testing.assert_array_equal(targets["boxes"][:, 0], examples.arrays["boxes"][ids])
            for view, words in enumerate(batch["inputs"]["image"]):
                size = words.shape[1]
                for mark, label, (box,) in zip(
                    unpack(words)[1], targets["label"], targets["boxes"][:, view], strict=True
                ):
                    rows, columns = np.nonzero(mark == label + 2)
                    tight = [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1]
                    assert (box[:2] <= tight[:2]).all()
                    assert (box[2:] >= tight[2:]).all()
                    if (box[:2] > 0).all() and (box[2:] < size).all():  # nothing was cut off
                        np.testing.assert_array_equal(box, tight)
                        whole += 1
    assert whole > 20


def test_both_paths_give_the_same_targets(examples):
    asked = views("crop(4)|flip|randaugment(2, 5)", "crop(2)")
    for a, b in zip(*both(examples, asked, ["label", "boxes", "mask"]), strict=True):
        np.testing.assert_array_equal(a["inputs"]["image"], b["inputs"]["image"])
        np.testing.assert_array_equal(a["targets"]["boxes"], b["targets"]["boxes"])

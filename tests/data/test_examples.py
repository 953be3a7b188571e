"""Arrays become examples through one check: brought to form where that is plain, refused in one line otherwise."""

import numpy as np
import pytest

from sbn.config.errors import ConfigError
from sbn.data import sources
from sbn.data.examples import Feature, in_memory
from sbn.data.forms import VOID

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (6, 5, 4, 3), np.uint8)
LABELS = np.array([0, 2, 1, 1, 0, 2])


def made(image=IMAGES, label=LABELS, classes=3):
    return in_memory({"image": image, "label": label}, name="mine.npz", classes=classes)


def test_plain_arrays_stay_what_they_are():
    examples = made()
    assert examples.images is IMAGES
    assert (len(examples), examples.classes, examples.labels.dtype) == (6, 3, np.int32)
    assert examples.features["image"].shape == (5, 4, 3)
    ids = np.array([4, 0])
    np.testing.assert_array_equal(examples.load(ids)["image"], IMAGES[ids])
    np.testing.assert_array_equal(examples.load(ids)["label"], LABELS[ids])


@pytest.mark.parametrize(
    ("image", "label"),
    [
        (IMAGES.astype(np.int64), LABELS),
        (IMAGES.astype(np.uint16), LABELS.astype(np.uint8)),
        (IMAGES, LABELS[:, None]),
    ],
)
def test_what_can_be_meant_in_one_way_only_is_brought_to_form(image, label):
    assert made(image, label).fingerprint() == made().fingerprint()


def test_grey_images_become_rgb():
    for grey in (IMAGES[..., 0], IMAGES[..., :1]):
        np.testing.assert_array_equal(made(grey).images, np.stack([IMAGES[..., 0]] * 3, axis=-1))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"image": IMAGES / np.float32(255)}, ["image", "uint8", "float32"]),
        ({"image": IMAGES.astype(np.uint16) * 257}, ["uint16", "65"]),
        ({"image": IMAGES.astype(np.int64) - 1}, ["int64 from -1"]),
        ({"image": IMAGES.transpose(0, 3, 1, 2)}, ["(6, 3, 5, 4)", "channels come last"]),
        ({"image": np.zeros((6, 5, 4, 4), np.uint8)}, ["alpha"]),
        ({"image": np.zeros((6, 20), np.uint8)}, ["(6, 20)"]),
        ({"image": np.zeros((6, 0, 4, 3), np.uint8)}, ["no pixels"]),
        ({"image": np.array(["a"] * 6)}, ["<U1"]),
        ({"label": LABELS + 5}, ["5 to 7", "3 classes"]),
        ({"label": LABELS * (2**31 - 1)}, ["4294967294"]),
        ({"label": LABELS - 1}, ["without labels"]),
        ({"label": LABELS.astype(float)}, ["whole numbers", "float64"]),
        ({"label": np.eye(3, dtype=int)[LABELS]}, ["one-hot", "argmax"]),
        ({"label": LABELS[:4]}, ["6 of image, 4 of label"]),
        ({"image": IMAGES[:2]}, ["2 of image, 6 of label"]),
        ({"classes": ()}, ["classes are not known"]),
        ({"classes": ("cat", "dog")}, ["labels go from 0 to 2", "2 classes"]),
    ],
)
def test_everything_else_is_refused_in_one_line_with_file_and_difference(changes, words):
    with pytest.raises(ConfigError) as caught:
        made(**changes)
    message = str(caught.value)
    assert "\n" not in message
    for word in ("mine.npz", *words):
        assert word in message


def test_masks_and_boxes_are_checked_too():
    features = {"mask": Feature("mask", classes=("sky", "road")), "boxes": Feature("boxes")}
    mask = np.zeros((6, 5, 4), np.uint8)
    mask[0, 0, 0] = VOID
    examples = in_memory({"mask": mask, "boxes": np.zeros((6, 2, 4))}, name="streets", features=features)
    assert examples.load(np.array([0]))["boxes"].dtype == np.float32
    for name, array, word in (
        ("mask", mask + 2, "2 classes"),
        ("mask", np.full_like(mask, VOID), "no labels"),
        ("boxes", np.zeros((6, 4)), "(M, B, 4)"),
    ):
        with pytest.raises(ConfigError, match="streets: ") as caught:
            in_memory({name: array}, name="streets", features=features)
        assert word in str(caught.value)


def test_fingerprints_change_with_a_pixel_a_label_and_a_box():
    other = IMAGES.copy()
    other[3, 2, 1, 0] ^= 1
    prints = {made().fingerprint(), made(other).fingerprint(), made(label=LABELS[::-1]).fingerprint()}
    assert len(prints) == 3


def test_the_built_in_set_has_boxes_and_masks_of_the_object(tiny):
    data = tiny({"data.train_examples": 30, "data.image_size": 32}).data
    found = sources.load(data, "train").load(np.arange(30))
    assert found["boxes"].shape == (30, 1, 4)
    for label, box, box_label, mask in zip(
        found["label"], found["boxes"], found["box_label"], found["mask"], strict=True
    ):
        assert box_label == [label]
        assert set(np.unique(mask)) == {0, label + 1}  # 0 is the background
        rows, columns = np.nonzero(mask)
        np.testing.assert_array_equal(box[0], [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"boxes": [(0, 0, 9, 2)]}, "one of example 2 lies outside of its 5 x 4 pixels"),
        ({"boxes": [(-1, 0, 2, 2)]}, "one of example 2 lies outside"),
        ({"boxes": [(3, 0, 2, 2)]}, r"one of example 2 is \[3.0, 0.0, 2.0, 2.0\]"),
        ({"boxes": [(0, 0, np.nan, 2)]}, "not finite: one of example 2"),
        ({"box_label": [7]}, "example 2 has 7"),
        ({"box_label": [-1]}, "the least is -1, of example 2"),
        ({"boxes": []}, "examples differ in length, 1 in example 0 and 0 in example 2: pad the boxes with"),
    ],
)
def test_a_wrong_box_or_label_is_named_by_its_example(change, message):
    arrays = {"boxes": [[(0, 0, 5, 4)] for _ in range(3)], "box_label": [[0] for _ in range(3)]}
    for name, wrong in change.items():
        arrays[name][2] = wrong
    with pytest.raises(ConfigError, match=f"mine: .*{message}"):
        in_memory({"image": np.zeros((3, 5, 4, 3), np.uint8), **arrays}, name="mine", classes=["a", "b"])


def test_what_a_mask_of_numpy_hides_is_not_shown():
    hidden = np.ma.array(LABELS, mask=[0, 0, 0, 0, 0, 1])
    with pytest.raises(ConfigError, match=r"label: some values are masked: give a number"):
        made(label=hidden)
    assert made(label=np.ma.array(LABELS)).fingerprint() == made().fingerprint()

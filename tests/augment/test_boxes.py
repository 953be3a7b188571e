"""Boxes go where the pixels in them go: against filled rectangles, on both data paths."""

import numpy as np
import pytest

from sbn.augment import boxes as moving
from sbn.augment.boxes import BoxMap, begin, end, move
from sbn.augment.device.apply import make_apply
from sbn.augment.draws import NUMPY
from sbn.augment.geometry import OUTSIDE, box_map, source_map, tf_source_map
from sbn.augment.pipeline import parse
from tests import compiling
from tests.oracles import boxes as oracle

SIZE, COUNT = (20, 27), 24
ADDRESS = {"seed": 5, "stage": 1, "epoch": 3, "view": 1}
IDS = np.arange(COUNT) * 991
BOXES = oracle.some(COUNT, 4, SIZE)
# Ops that move whole pixels, with black where they fill with a colour
WHOLE = [
    "flip",
    "crop(4)|flip",
    "crop(3, fill=0)|random_crop(13)|flip|centre_crop(8)",
    "random_crop(19)|crop(5)|flip|crop(2)|random_crop(11)",
    "centre_crop(15)|resize(45)|flip",  # three times as large
]
# Ops after which edges lie between pixels
SCALED = ["resize(33)", "resize(9)", "inception_crop(24)", "resize_and_pad(13)", "resize_and_pad(9, 'random', 'mean')"]
POLICIES = [
    "randaugment(2, 9)|crop(4)|flip",
    "autoaugment('cifar10')",
    "trivialaugment|random_crop(16)",
    "randaugment(3, 8, semantics='tf')|inception_crop(18)|resize(21)",
]


def run_device(text, boxes=BOXES, least=0.0, fading=False, **change):
    apply = make_apply(parse(text), image_size=SIZE, least_box=least, fading=fading)
    words = np.zeros((len(boxes), *SIZE), np.int32)
    address = {**ADDRESS, **change}
    # of the boxes alone: what makes the pixels is then not compiled, and they are whole numbers, however it is compiled
    return np.asarray(
        compiling.jit(lambda words, boxes: apply(words, ids=IDS, boxes=boxes, **address)[1])(words, boxes)
    )


def run_host(text, boxes=BOXES, least=0.0, fading=False, **change):
    tf = pytest.importorskip("tensorflow")
    from sbn.augment.host.apply import make_apply as make_host_apply

    apply = make_host_apply(parse(text), image_size=SIZE, least_box=least, fading=fading)
    words = tf.zeros((len(boxes), *SIZE), tf.int32)
    return apply(words, ids=IDS, boxes=boxes, **{**ADDRESS, **change})[1].numpy()


def expected(text):
    return np.array(
        [
            [oracle.moved(box.astype(int), SIZE, parse(text), identity=i, **ADDRESS) for box in own]
            for own, i in zip(BOXES, IDS, strict=True)
        ]
    )


@pytest.mark.parametrize("text", WHOLE)
def test_after_ops_on_whole_pixels_a_box_holds_exactly_what_it_held(text):
    found = run_device(text)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected(text))


@pytest.mark.parametrize("text", SCALED)
def test_scaled_boxes_are_those_of_the_scaled_rectangles_to_a_pixel(text):
    """The rectangle's blurred edge is cut at half its height, so that it is known to a pixel."""
    found, truth = run_device(text), expected(text)
    seen = (found[..., 2:] - found[..., :2] >= 3).all(-1)  # the blur may hide narrower ones
    assert np.mean(seen[:, :-1]) > 0.1
    assert np.abs(found - truth)[seen].max() <= 1


@pytest.mark.parametrize("text", [*WHOLE, *SCALED, *POLICIES])
def test_both_paths_give_the_same_boxes_to_the_bit(text):
    np.testing.assert_array_equal(run_device(text), run_host(text))


@pytest.mark.parametrize("semantics", ["pillow", "tf"])
@pytest.mark.parametrize("op", ["Rotate", "ShearX", "ShearY", "TranslateX", "TranslateY"])
def test_geometric_ops_move_boxes_as_they_move_filled_rectangles(op, semantics):
    """Within a pixel, since pixels show the nearest one of where they read; whole-pixel translations exactly.

    Where the border cuts a slanted box, what is left inside may be smaller than the box around its corners, cut off.
    """
    compared = 0
    make_map = {"pillow": source_map, "tf": tf_source_map}[semantics]
    arguments = {"R": [0, 6, 27, 30, 90, 135, 180], "S": [0, 0.03, 0.27, 0.99], "T": [0, 1, 9, 14.5]}[op[0]]
    for argument in [sign * one for one in arguments for sign in (1, -1)]:
        read = make_map(op, argument, image_size=SIZE)
        by = box_map(op, argument, image_size=SIZE, semantics=semantics)
        found = np.stack(end(move(begin(BOXES, NUMPY), by, SIZE, NUMPY), least=0.0, library=NUMPY), axis=-1)
        for box, after in zip(BOXES.reshape(-1, 4), found.reshape(-1, 4), strict=True):
            top, left, bottom, right = box.astype(int)
            filled = np.zeros(SIZE, bool)
            filled[top:bottom, left:right] = True
            shown = np.where(read == OUTSIDE, False, filled.ravel()[read]).reshape(SIZE)
            if not shown.any() or min(bottom - top, right - left) < 2:  # lines fall between pixels
                continue
            (y0, x0, y1, x1), seen = after, oracle.around(shown)
            slack = 0 if op[0] == "T" and (semantics == "pillow" or argument % 1 == 0) else 1
            assert y0 - slack <= seen[0] <= seen[2] <= y1 + slack, (argument, box, after)
            assert x0 - slack <= seen[1] <= seen[3] <= x1 + slack, (argument, box, after)
            if slack == 0 or (y0 > 0 and y1 < SIZE[0] and x0 > 0 and x1 < SIZE[1]):
                compared += 1
                assert np.abs(after - seen).max() <= slack, (argument, box, after)
    assert compared > 50


def test_a_box_of_no_area_is_none_whatever_happens_to_it():
    none = np.float32([[[0, 0, 0, 0], [3, 3, 3, 9], [9, 9, 4, 4], [5, 5, 9, 5]]])
    turned = move(begin(none, NUMPY), box_map("Rotate", 30, image_size=SIZE, semantics="pillow"), SIZE, NUMPY)
    assert not np.any(end(turned, least=0.0, library=NUMPY))
    assert not run_device("randaugment(3, 10)|crop(4)|flip", np.repeat(none, COUNT, axis=0)).any()


def test_what_was_cut_off_does_not_come_back():
    """Cropped away on the left, a box stays gone when the next op turns or moves the image."""
    box = np.float32([[[2, 0, 9, 4]]])
    gone = move(begin(box, NUMPY), BoxMap(x0=-6.0), SIZE, NUMPY)
    back = move(gone, BoxMap(x0=6.0), SIZE, NUMPY)
    assert not np.any(end(back, least=0.0, library=NUMPY))
    half = move(move(begin(box, NUMPY), BoxMap(x0=-2.0), SIZE, NUMPY), BoxMap(x0=2.0), SIZE, NUMPY)
    assert [edge.item() for edge in end(half, least=0.0, library=NUMPY)] == [2, 2, 9, 4]


def test_a_box_of_which_less_than_a_share_is_left_is_gone():
    every = run_device("crop(8)|random_crop(12)")
    some = run_device("crop(8)|random_crop(12)", least=0.5)
    np.testing.assert_array_equal(some, run_host("crop(8)|random_crop(12)", least=0.5))
    whole, left = ((b[..., 2] - b[..., 0]) * (b[..., 3] - b[..., 1]) for b in (BOXES, every))
    np.testing.assert_array_equal(some, np.where((left >= 0.5 * whole)[..., None], every, 0))
    assert 0 < np.count_nonzero(some.any(-1)) < np.count_nonzero(every.any(-1))


def test_a_share_is_of_the_box_as_large_as_it_has_become():
    box = np.float32([[[0, 0, 10, 10]]])
    small = move(move(begin(box, NUMPY), BoxMap(yy=0.5, xx=0.5, area=0.25), SIZE, NUMPY), BoxMap(x0=-2.0), SIZE, NUMPY)
    assert np.any(end(small, least=0.59, library=NUMPY))
    assert not np.any(end(small, least=0.61, library=NUMPY))


def test_tones_noise_blur_and_holes_leave_boxes_alone():
    for text in ("cutout(16)", "gaussian(0.1)|blur|patch_gaussian(5, 1)", "randaugment(2, 9, ops='paper_14')"):
        still = run_device(text, strength=0.0, fading=True)
        np.testing.assert_array_equal(still, BOXES)
    np.testing.assert_array_equal(run_device("cutout(16)|gaussian(0.1)"), BOXES)


def test_policies_that_fade_fade_for_boxes_too():
    text = "randaugment(2, 9)"
    np.testing.assert_array_equal(run_device(text, strength=0.0, fading=True), BOXES)
    part = run_device(text, strength=0.5, fading=True)
    np.testing.assert_array_equal(part, run_host(text, strength=0.5, fading=True))
    assert (part != BOXES).any()
    assert ((part == BOXES).all((1, 2)) | (part == run_device(text)).all((1, 2))).all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("flip|augmix()", "augmix mixes copies of an image"),
        ("crop(4)|mixup(1)", "mixup mixes images of the batch"),
        ("cutmix(1)", "cutmix mixes images of the batch"),
    ],
)
def test_ops_that_can_not_move_boxes_are_refused_by_name(text, message):
    for run in (run_device, run_host):
        with pytest.raises(ValueError, match=message):
            run(text)


def test_float32_holds_every_sum_up_to_65536_pixels():
    assert 65536 * moving.UNIT == 2**24

"""What all array libraries share of flip, crop and cutout, run on NumPy; `host` and `device` test their gathers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbn.augment import ops, size_ops
from sbn.augment.crops import CROP_OPS, moves, outside, square, walk
from sbn.augment.draws import NUMPY
from tests.oracles.image_ops import images, run_op

SIZE = (11, 14)
RGB = images(SIZE, 24)
RGBX = np.concatenate([RGB, np.full((*RGB.shape[:3], 1), 255, np.uint8)], axis=-1)

OP = st.one_of(
    st.builds(ops.Flip, st.sampled_from([0.0, 0.25, 0.5, 1.0])),
    st.builds(ops.Crop, st.integers(1, 10), st.sampled_from(["mean", "reflect", 0, 77])),
    st.builds(ops.Cutout, st.integers(2, 30), st.booleans()),
)


def draws_of(run, seed, size=SIZE):
    rng = np.random.default_rng(seed)
    return [(op, rng.integers(0, 2**32, (len(RGB), op.draws_needed(size)), dtype=np.uint32)) for op in run]


@settings(max_examples=100, deadline=None)
@given(st.lists(OP, min_size=1, max_size=6), st.integers(0, 2**32 - 1))
def test_any_run_equals_its_ops_one_by_one(run, seed):
    drawn = draws_of(run, seed)
    rows, columns, covers = walk(moves(drawn, image_size=SIZE, library=NUMPY), library=NUMPY)
    for number, image in enumerate(RGBX):
        row, column = (part[min(number, len(part) - 1)] for part in (rows, columns))
        found = image[np.clip(row, 0, SIZE[0] - 1)[:, None], np.clip(column, 0, SIZE[1] - 1)[None]]
        found = np.where((outside(row, SIZE[0])[:, None] | outside(column, SIZE[1])[None])[..., None], 0, found)
        for covered, word in covers:
            found = np.where(covered[number][..., None], np.array([word], np.int32).view(np.uint8), found)
        for op, bits in drawn:
            image = run_op(image, op, bits[number].astype(np.int64))
        np.testing.assert_array_equal(found, image)


def test_a_square_reaches_as_far_as_said_and_is_cut_off_at_the_border():
    rows, columns = np.array([[3], [0]], np.int32), np.array([[4], [6]], np.int32)
    found = square([rows, columns], np.array([[1], [2]]), np.array([[2], [1]]), image_size=(5, 7))
    assert [sorted(map(tuple, np.argwhere(one).tolist())) for one in found] == [
        [(2, 3), (2, 4), (2, 5), (3, 3), (3, 4), (3, 5), (4, 3), (4, 4), (4, 5)],
        [(0, 4), (0, 5), (0, 6)],
    ]


def test_there_are_five_ops():
    assert set(CROP_OPS) == {ops.Flip, ops.Crop, ops.Cutout, size_ops.RandomCrop, size_ops.CentreCrop}


@pytest.mark.parametrize("size", [(1, 9), (9, 1)])
def test_lines_of_pixels_too(size):
    drawn = draws_of([ops.Crop(2), ops.Flip(), ops.Cutout(4)], 0, size)
    rows, columns, ((hole, _),) = walk(moves(drawn, image_size=size, library=NUMPY), library=NUMPY)
    assert rows.shape[1], columns.shape[1] == size
    assert hole.shape == (len(RGB), *size)
    assert hole.any()

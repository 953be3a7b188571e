import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from sbn.augment import ops
from sbn.augment.crops import moves
from sbn.augment.host.arrays import TENSORFLOW, pack
from sbn.augment.host.crops import apply_crops
from sbn.augment.size_checks import check_fits
from tests.oracles.image_ops import hole, images, run_op

SIZE = (11, 14)
RGB = images(SIZE, 24)
RGBX = np.concatenate([RGB, np.full((*RGB.shape[:3], 1), 255, np.uint8)], axis=-1)


def show(run, words, size):
    return apply_crops(moves(run, image_size=size, library=TENSORFLOW), words)


OP = st.one_of(
    st.builds(ops.Flip, st.sampled_from([0.0, 0.25, 0.5, 1.0])),
    st.builds(ops.Crop, st.integers(1, 10), st.sampled_from(["mean", "reflect", 0, 77])),
    st.builds(ops.Cutout, st.integers(2, 30)),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(OP, min_size=1, max_size=6), st.integers(0, 2**32 - 1))
def test_any_run_equals_its_ops_one_by_one(run, seed):
    rng = np.random.default_rng(seed)
    bits = [rng.integers(0, 2**32, (len(RGB), op.draws_needed(SIZE)), dtype=np.uint32) for op in run]
    drawn = [(op, tf.constant(b)) for op, b in zip(run, bits, strict=True)]
    found = tf.bitcast(show(drawn, pack(RGB), SIZE), tf.uint8).numpy()
    for number, image in enumerate(RGBX):
        for op, op_bits in zip(run, bits, strict=True):
            image = run_op(image, op, op_bits[number].astype(np.int64))
        np.testing.assert_array_equal(found[number], image)


def test_crop_reaches_every_offset_and_no_other():
    offsets = set()
    for row in np.linspace(0, 2**32 - 1, 100).astype(np.uint32):
        bits = tf.constant([[row, 2**31]], tf.uint32)
        found = show([(ops.Crop(4), bits)], pack(RGB[20:21]), SIZE).numpy()[0]
        shown = [
            np.array_equal(
                found[max(0, 4 - o) : SIZE[0] + min(0, 4 - o)],
                pack(RGB[20:21]).numpy()[0][max(0, o - 4) : SIZE[0] + min(0, o - 4)],
            )
            for o in range(9)
        ]
        offsets |= {o for o in range(9) if shown[o]}
    assert offsets == set(range(9))


def test_hidden_area_of_cutout_16_is_what_the_formula_predicts():
    # mean hidden share over all centres of a 32x32 image: 14.0 ** 2 of 1024 pixels, 19.1 %
    rows, columns = np.mgrid[:32, :32]
    bits = np.stack([rows.ravel() << 27, columns.ravel() << 27], axis=1).astype(np.uint32)
    words = pack(np.ones((1024, 32, 32, 3), np.uint8))
    found = show([(ops.Cutout(16), tf.constant(bits))], words, (32, 32)).numpy()
    assert np.mean(found == 0) == (14.0**2) / 1024


def test_an_odd_side_hides_one_pixel_less():
    image = np.full((1, 9, 9, 3), 7, np.uint8)
    centre = tf.constant([[2**31, 2**31]], tf.uint32)
    found = show([(ops.Cutout(5), centre)], pack(image), (9, 9)).numpy()[0]
    assert np.sum(found == 0) == 16
    even = hole(np.full((9, 9, 4), 7, np.uint8), 4, 4, 4, 0)
    np.testing.assert_array_equal(found == 0, even[..., 0] == 0)


def test_a_crop_that_would_reflect_twice_is_refused():
    check_fits((ops.Crop(10, "reflect"),), image_size=SIZE)
    with pytest.raises(ValueError, match=r"crop\(pad\) is 11.*below 11"):
        check_fits((ops.Crop(11, "reflect"),), image_size=SIZE)

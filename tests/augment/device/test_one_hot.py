"""Products with one-hot matrices, which TPUs take, against the gathers that CPUs and GPUs take: the same bits."""

import jax
import numpy as np
import pytest

from sbn.augment.device import arrays, crops, one_hot, tones
from tests import compiling

RNG = np.random.default_rng(0)
SIZE, COUNT, FILL = (11, 19), 5, -7
WORDS = RNG.integers(-(2**31), 2**31, (COUNT, SIZE[0] * SIZE[1]), np.int64).astype(np.int32)


def test_pixels_at_any_rows_and_columns():
    rows, columns = (RNG.integers(-3, side + 3, (COUNT, 150)).astype(np.int32) for side in SIZE)
    found = compiling.jit(lambda *at: one_hot.show(WORDS, *at, image_size=SIZE, fill=FILL))(rows, columns)
    np.testing.assert_array_equal(found, arrays.show(WORDS, rows, columns, image_size=SIZE, fill=FILL))
    inside = (rows >= 0) & (rows < SIZE[0]) & (columns >= 0) & (columns < SIZE[1])
    shown = WORDS.reshape(COUNT, *SIZE)[np.arange(COUNT)[:, None], rows % SIZE[0], columns % SIZE[1]]
    np.testing.assert_array_equal(found, np.where(inside, shown, FILL))


@pytest.mark.parametrize("many", [1, COUNT])
def test_rows_and_columns_of_whole_images(many):
    rows, columns = (RNG.integers(-2, side + 2, (many, side - 2)).astype(np.int32) for side in SIZE)
    filled = (rows < 0)[:, :, None] | (rows >= SIZE[0])[:, :, None] | ((columns < 0) | (columns >= SIZE[1]))[:, None]
    filled = np.broadcast_to(filled, (COUNT, *filled.shape[1:]))
    rows, columns = (np.broadcast_to(part, (COUNT, part.shape[1])) for part in (rows, columns))
    found = compiling.jit(lambda *at: one_hot.show_lines(WORDS, *at, image_size=SIZE, fill=FILL))(rows, columns, filled)
    np.testing.assert_array_equal(found, crops.show(WORDS, rows, columns, image_size=SIZE, fill=FILL))


def test_tables_and_histograms():
    planes = RNG.integers(0, 256, (COUNT, 3, 300)).astype(np.int32)
    planes[0] = 200
    table = RNG.integers(0, 256, (COUNT, 3, 256)).astype(np.int32)
    np.testing.assert_array_equal(
        compiling.jit(one_hot.look_up)(table, planes), np.take_along_axis(table, planes, axis=2)
    )
    counts = [[np.bincount(plane, minlength=256) for plane in image] for image in planes]
    np.testing.assert_array_equal(compiling.jit(one_hot.histograms)(planes), counts)
    np.testing.assert_array_equal(tones.histograms(planes, np.ones(COUNT, bool)), counts)


def test_a_program_for_a_tpu_has_products_and_one_for_others_gathers():
    def moved(words, rows, columns):
        return arrays.show(words, rows, columns, image_size=SIZE, fill=FILL)

    at = [np.zeros((COUNT, 4), np.int32)] * 2
    for platform, op in (("tpu", "dot_general"), ("cpu", "gather"), ("cuda", "gather")):
        text = jax.jit(moved).trace(WORDS, *at).lower(lowering_platforms=(platform,)).as_text()
        assert {op} == {name for name in ("dot_general", "gather") if f"stablehlo.{name}" in text}

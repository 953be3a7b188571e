import numpy as np

from sbn.augment.packing import CHANNEL_SHIFTS, MARK, fill_word, grey
from sbn.data.pixels import pack


def test_words_are_those_of_packed_images():
    for level in (0, 1, 127, 255):
        assert pack(np.full((1, 1, 3), level, np.uint8)).item() == grey(level) == fill_word(level)
    assert pack(np.uint8([[[1, 2, 3]]])).item() == MARK | sum(
        value << shift for value, shift in zip((1, 2, 3), CHANNEL_SHIFTS, strict=True)
    )


def test_a_mean_is_a_filler_and_not_black():
    assert fill_word("mean") == 0
    assert fill_word(0) == MARK

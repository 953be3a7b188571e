"""What a packed pixel is, for both data paths: R, G, B and X in the four bytes of an int32, R lowest.

X = 255 is an image pixel without a label, X = label + 1 one with a label of a mask, X = 0 a filler, which the network
sees as the data set's mean. A gather then moves a pixel with its mark and its label at the price of one number instead
of four or five. `sbn.data.pixels.pack` makes the words.
"""

import numpy as np

MARK = -(1 << 24)  # 0xFF000000 as int32: the X byte
FILLER = 0
VOID = 255  # in a mask: a pixel without a label
CHANNEL_SHIFTS = (0, 8, 16)


def grey(level: int) -> int:
    """Returns the word of an image pixel with R = G = B = level, as a signed 32-bit number."""
    return MARK | level * 0x010101


def fill_word(fill: int | str) -> int:
    """Returns the word that uncovered pixels get: of a grey level, or of a filler ('mean')."""
    return FILLER if isinstance(fill, str) else grey(fill)


def marks(masks: np.ndarray) -> np.ndarray:
    """Returns the X (..., H, W) uint8 of masks (..., H, W) uint8: labels from 0 to 253, or `VOID`.

    Raises:
        ValueError: a label is 254, which has no X.
    """
    if np.any(masks == VOID - 1):
        raise ValueError(
            f"a mask has label {VOID - 1}; labels go from 0 to {VOID - 2}, and {VOID} is a pixel without one"
        )
    return np.where(masks == VOID, masks, masks + np.uint8(1))


def labels(marks: np.ndarray) -> np.ndarray:
    """Returns the labels (..., H, W) uint8 of X (..., H, W) uint8: `VOID` where there is none, fillers among them."""
    return marks - np.uint8(1) | np.where(marks == VOID, np.uint8(255), np.uint8(0))

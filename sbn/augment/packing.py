"""What a packed pixel is, for both data paths: R, G, B and X in the four bytes of an int32, R lowest.

X = 255 is an image pixel without a label, X = label + 1 one with a label of a mask, X = 0 a filler, which the network
sees as the data set's mean. A gather then moves a pixel with its mark and its label at the price of one number instead
of four or five. `sbn.data.pixels.pack` makes the words.
"""

MARK = -(1 << 24)  # 0xFF000000 as int32: the X byte
FILLER = 0
CHANNEL_SHIFTS = (0, 8, 16)


def grey(level: int) -> int:
    """Returns the word of an image pixel with R = G = B = level, as a signed 32-bit number."""
    return MARK | level * 0x010101


def fill_word(fill: int | str) -> int:
    """Returns the word that uncovered pixels get: of a grey level, or of a filler ('mean')."""
    return FILLER if isinstance(fill, str) else grey(fill)

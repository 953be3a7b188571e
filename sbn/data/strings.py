"""Built-in pairs without data: random strings, and the same backwards (`reverse`) or as they are (`copy`).

A vocabulary of 32: what fills up, the end, and 30 letters. Strings have 4 to 20 letters. Every one is a function of the
split and of its number.
"""

import string

import numpy as np

from sbn.augment import draws
from sbn.config.data_keys import STRINGS as NAMES
from sbn.config.errors import unknown
from sbn.data.sentences import Sentences, make_sentences
from sbn.data.tokens import Ragged
from sbn.data.vocabulary import END, PIECES, SPACE, Vocabulary

LETTERS = (*string.ascii_lowercase, "0", "1", "2", "3")
PIECES_OF_STRINGS = (*PIECES[:2], *(SPACE + letter for letter in LETTERS))
SHORTEST, LONGEST = 4, 20
_SEEDS = {"train": 0x5EED_7A11, "test": 0x5EED_7E57}  # no string of one split is drawn for the other by its number


def examples(name: str, count: int, *, split: str) -> Sentences:
    """Returns the first `count` pairs of a split.

    Args:
        name: 'reverse' or 'copy'.
        count: how many.
        split: 'train' or 'test'.
    """
    if name not in NAMES:
        raise unknown("data set of strings", name, NAMES)
    ids = np.arange(count, dtype=np.int32)
    words = draws.bits(_SEEDS[split], ids, stage=0, epoch=0, view=0, draws=range(1 + LONGEST))
    lengths = SHORTEST + words[:, 0] % (LONGEST - SHORTEST + 1)
    letters = (len(PIECES) - 1 + words[:, 1:] % len(LETTERS)).astype(np.int32)
    inside = np.arange(LONGEST) < lengths[:, None]
    places = lengths[:, None].astype(int) - 1 - np.arange(LONGEST)
    backwards = np.take_along_axis(letters, np.maximum(places, 0), axis=1)
    source = _ended(letters, inside)
    target = _ended(backwards, inside) if name == "reverse" else source
    return make_sentences(source, target, Vocabulary(PIECES_OF_STRINGS))


def _ended(letters: np.ndarray, inside: np.ndarray) -> Ragged:
    """Rows of letters with the end of a sentence after each."""
    own = np.pad(np.where(inside, letters, 0), ((0, 0), (0, 1)))
    lengths = inside.sum(axis=1)
    own[np.arange(len(own)), lengths] = END
    return Ragged(own[own > 0].astype(np.uint16), np.cumsum([0, *(lengths + 1)]))

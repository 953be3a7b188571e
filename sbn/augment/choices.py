"""What images draw from a policy: in every layer the number of an entry, and the bits of its sign and its hole.

RandAugment, AutoAugment and TrivialAugment differ in nothing else, and on array libraries in nothing at all.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from sbn.augment import draws, entries, ops
from sbn.augment.draws import Words

# (bits (N, draws), words) -> a layer at a time, numbers of entries (N,) int32 and the bits that a catalogue reads
_Draw = Callable[[Any, Words], Iterator[tuple[Any, Any]]]


def _of_randaugment(op: ops.RandAugment, image_size: tuple[int, int]) -> tuple[tuple[entries.Entry, ...], _Draw]:
    table = entries.of_randaugment(op, image_size)

    def draw(bits: Any, words: Words) -> Iterator[tuple[Any, Any]]:
        for start in range(0, ops.DRAWS_A_LAYER * op.layers, ops.DRAWS_A_LAYER):
            yield draws.index(bits[:, start], len(table), words), bits[:, start + 1 : start + ops.DRAWS_A_LAYER]

    return table, draw


def _of_autoaugment(op: ops.AutoAugment, image_size: tuple[int, int]) -> tuple[tuple[entries.Entry, ...], _Draw]:
    table, pairs = entries.of_autoaugment(op, image_size)
    probability = np.array([[step.probability for step in pair] for pair in pairs], np.float32)
    signs = np.array([[step.signs for step in pair] for pair in pairs], np.int32)

    def draw(bits: Any, words: Words) -> Iterator[tuple[Any, Any]]:
        which = draws.index(bits[:, 0], len(pairs), words)
        for step in range(2):
            start = 1 + ops.DRAWS_A_LAYER * step
            happens = draws.unit(bits[:, start], words) < words.take(probability[:, step], which)
            sign = draws.index(bits[:, start + 1], 2, words)
            # entry 0 is Identity
            drawn = words.where(happens, words.take(signs[:, step].ravel(), 2 * which + sign), 0)
            yield drawn, bits[:, start + 1 : start + ops.DRAWS_A_LAYER]

    return table, draw


def _of_trivialaugment(op: ops.TrivialAugment, image_size: tuple[int, int]) -> tuple[tuple[entries.Entry, ...], _Draw]:
    names, levels = len(entries.TRIVIAL_OPS), entries.TRIVIAL_LEVELS

    def draw(bits: Any, words: Words) -> Iterator[tuple[Any, Any]]:
        drawn = draws.index(bits[:, 0], names, words) * levels + draws.index(bits[:, 1], levels, words)
        yield drawn, bits[:, 2:3]

    return entries.of_trivialaugment(), draw


_CHOICES: dict[type[ops.Op], Callable[[Any, tuple[int, int]], tuple[tuple[entries.Entry, ...], _Draw]]] = {
    ops.RandAugment: _of_randaugment,
    ops.AutoAugment: _of_autoaugment,
    ops.TrivialAugment: _of_trivialaugment,
}


def make_policy(op: Any, image_size: tuple[int, int], *, catalogue: Any, words: Words) -> Callable[[Any, Any], Any]:
    """Returns a policy as a function of draws and pixels.

    Args:
        op: RandAugment, AutoAugment or TrivialAugment.
        image_size: (H, W), static.
        catalogue: the array library's `Catalogue`.
        words: the array library.

    Returns:
        (bits, pixels) -> pixels: the op's draws (N, draws) uint32, and (N, H * W) int32 packed words.
    """
    table, draw = _CHOICES[type(op)](op, image_size)
    semantics = getattr(op, "semantics", "pillow")  # TrivialAugment has no other
    apply_entry = catalogue(table, image_size=image_size, fill=op.fill, semantics=semantics)

    def apply(bits: Any, pixels: Any) -> Any:
        for drawn, rest in draw(bits, words):
            pixels = apply_entry(pixels, drawn, rest)
        return pixels

    return apply

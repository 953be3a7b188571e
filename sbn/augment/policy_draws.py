"""What an image draws from a policy: in every layer an op with its argument, and the bits of its sign and its hole.

RandAugment, AutoAugment and TrivialAugment differ in nothing else, and not at all between array libraries. A policy
is a finite list of `Entry`, numbered in the order of the drawn numbers.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from sbn.augment import draws, ops
from sbn.augment.boxes import Boxes, BoxMap, move
from sbn.augment.draws import ArrayLibrary
from sbn.augment.geometry import box_map
from sbn.augment.levels import (
    AUTOAUGMENT_LEVELS,
    LEVELS,
    TF_AUTOAUGMENT,
    TF_RANDAUGMENT,
    WIDE,
    Argument,
    Levels,
    argument,
    negative_argument,
)
from sbn.augment.policies import OP_LISTS, SIGNED, SUBPOLICIES

# The order of the wide space's ops in the authors' code; a drawn number is an index into it.
TRIVIAL_OPS = tuple(WIDE)
TRIVIAL_LEVELS = 31


class Entry(NamedTuple):
    """An op with its argument, unsigned; None where the op has none."""

    name: str
    argument: Argument


class EntryStep(NamedTuple):
    """A step of a sub-policy: how probably it happens, and the numbers of its entries, sign positive and negative.

    They are one entry but where the sign makes another factor: geometric ops turn their argument themselves.
    """

    probability: float
    signs: tuple[int, int]


def levels_of(op: ops.RandAugment | ops.AutoAugment, image_size: tuple[int, int]) -> Levels:
    """Returns what a level means to a policy, on images of (height, width)."""
    if op.semantics == "tf":
        return TF_RANDAUGMENT if isinstance(op, ops.RandAugment) else TF_AUTOAUGMENT
    return AUTOAUGMENT_LEVELS[op.levels](image_size) if isinstance(op, ops.AutoAugment) else LEVELS


def of_randaugment(op: ops.RandAugment, image_size: tuple[int, int]) -> tuple[Entry, ...]:
    """Returns one entry an op of its list, all at the same level."""
    levels = levels_of(op, image_size)
    return tuple(Entry(name, argument(name, op.magnitude, table=levels)) for name in OP_LISTS[op.ops])


def of_autoaugment(
    op: ops.AutoAugment, image_size: tuple[int, int]
) -> tuple[tuple[Entry, ...], tuple[tuple[EntryStep, EntryStep], ...]]:
    """Returns the distinct entries, Identity (a step that does not happen) first, and every sub-policy's two steps."""
    numbers: dict[Entry, int] = {Entry("Identity", None): 0}
    levels = levels_of(op, image_size)

    def number(name: str, value: Argument) -> int:
        return numbers.setdefault(Entry(name, value), len(numbers))

    def step(name: str, probability: float, level: int) -> EntryStep:
        negative = negative_argument(op.levels, name, level, table=levels)
        return EntryStep(probability, (number(name, argument(name, level, table=levels)), number(name, negative)))

    pairs = tuple((step(*first), step(*second)) for first, second in SUBPOLICIES[op.policy])
    return tuple(numbers), pairs


def of_trivialaugment() -> tuple[Entry, ...]:
    """Returns 14 ops times 31 levels: entry 31 * op + level."""
    return tuple(
        Entry(name, argument(name, level, table=WIDE)) for name in TRIVIAL_OPS for level in range(TRIVIAL_LEVELS)
    )


class Tables:
    """A policy's entries for images of one size, in one array library; called, it applies one entry to each image."""

    def __call__(self, words: Any, drawn: Any, bits: Any) -> Any:
        """Returns (N, P) int32 words of such ones, numbers of entries (N,), and bits of signs and holes."""
        raise NotImplementedError

    def layers(self, words: Any, layers: Sequence[tuple[Any, Any]]) -> Any:
        """Applies an entry of every layer, (drawn, bits), to each image, one layer after the other."""
        for drawn, bits in layers:
            words = self(words, drawn, bits)
        return words


# (draws (N, draws), pixels (N, H * W), boxes or None) -> pixels, boxes
Policy = Callable[[Any, Any, Boxes | None], tuple[Any, Boxes | None]]
# (bits (N, draws), library) -> a layer at a time, numbers of entries (N,) int32 and the bits that `PolicyTables` read
_Draw = Callable[[Any, ArrayLibrary], Iterator[tuple[Any, Any]]]


def _draw_randaugment(op: ops.RandAugment, image_size: tuple[int, int]) -> tuple[tuple[Entry, ...], _Draw]:
    table = of_randaugment(op, image_size)

    def draw(bits: Any, library: ArrayLibrary) -> Iterator[tuple[Any, Any]]:
        for start in range(0, ops.DRAWS_A_LAYER * op.layers, ops.DRAWS_A_LAYER):
            yield draws.index(bits[:, start], len(table), library), bits[:, start + 1 : start + ops.DRAWS_A_LAYER]

    return table, draw


def _draw_autoaugment(op: ops.AutoAugment, image_size: tuple[int, int]) -> tuple[tuple[Entry, ...], _Draw]:
    table, pairs = of_autoaugment(op, image_size)
    probability = np.array([[step.probability for step in pair] for pair in pairs], np.float32)
    signs = np.array([[step.signs for step in pair] for pair in pairs], np.int32)

    def draw(bits: Any, library: ArrayLibrary) -> Iterator[tuple[Any, Any]]:
        which = draws.index(bits[:, 0], len(pairs), library)
        for step in range(2):
            start = 1 + ops.DRAWS_A_LAYER * step
            happens = draws.unit(bits[:, start], library) < library.take(probability[:, step], which)
            sign = draws.index(bits[:, start + 1], 2, library)
            # entry 0 is Identity
            drawn = library.where(happens, library.take(signs[:, step].ravel(), 2 * which + sign), 0)
            yield drawn, bits[:, start + 1 : start + ops.DRAWS_A_LAYER]

    return table, draw


def _draw_trivialaugment(op: ops.TrivialAugment, image_size: tuple[int, int]) -> tuple[tuple[Entry, ...], _Draw]:
    names, levels = len(TRIVIAL_OPS), TRIVIAL_LEVELS

    def draw(bits: Any, library: ArrayLibrary) -> Iterator[tuple[Any, Any]]:
        drawn = draws.index(bits[:, 0], names, library) * levels + draws.index(bits[:, 1], levels, library)
        yield drawn, bits[:, 2:3]

    return of_trivialaugment(), draw


_CHOICES: dict[type[ops.Op], Callable[[Any, tuple[int, int]], tuple[tuple[Entry, ...], _Draw]]] = {
    ops.RandAugment: _draw_randaugment,
    ops.AutoAugment: _draw_autoaugment,
    ops.TrivialAugment: _draw_trivialaugment,
}


def make_policy(
    op: Any, image_size: tuple[int, int], *, tables: Callable[..., Tables], library: ArrayLibrary
) -> Policy:
    """Returns a policy as a function of draws, pixels and boxes.

    Args:
        op: RandAugment, AutoAugment or TrivialAugment.
        image_size: (H, W), static.
        tables: makes the array library's `Tables` of the entries.
        library: the array library.

    Returns:
        (bits, pixels, boxes) -> (pixels, boxes): the op's draws (N, draws) uint32, (N, H * W) int32 packed words, and
        the boxes in them, or None.
    """
    table, draw = _CHOICES[type(op)](op, image_size)
    semantics = getattr(op, "semantics", "pillow")  # TrivialAugment has no other
    entries = tables(table, image_size=image_size, fill=op.fill, semantics=semantics)
    box_maps = _box_maps(table, image_size, semantics)

    def apply(bits: Any, pixels: Any, boxes: Boxes | None) -> tuple[Any, Boxes | None]:
        layers = list(draw(bits, library))
        if boxes is not None:
            for drawn, rest in layers:
                row = 2 * drawn + draws.index(rest[:, 0], 2, library)
                by = BoxMap(*(library.take(part, row)[:, None] for part in box_maps))
                boxes = move(boxes, by, image_size, library)
        return entries.layers(pixels, layers), boxes

    return apply


def _box_maps(table: Sequence[Entry], image_size: tuple[int, int], semantics: str) -> list[np.ndarray]:
    """The numbers of a `BoxMap`, (2 * entries,) float32 each: of every entry, sign positive, then negative."""
    made = [
        box_map(name, sign * (value or 0), image_size=image_size, semantics=semantics) if name in SIGNED else BoxMap()
        for name, value in table
        for sign in (1, -1)
    ]
    return [np.array(part, np.float32) for part in zip(*made, strict=True)]

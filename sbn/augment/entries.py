"""What an image can draw from a policy: its (op, argument) entries, in the order of the drawn numbers. Numbers only."""

from typing import NamedTuple

from sbn.augment import ops
from sbn.augment.levels import LEVELS, WIDE, Argument, Levels, argument
from sbn.augment.policies import OP_LISTS
from sbn.augment.readings import READINGS, negative_argument
from sbn.augment.subpolicies import SUBPOLICIES
from sbn.augment.tf_levels import TF_AUTOAUGMENT, TF_RANDAUGMENT

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
    return READINGS[op.levels](image_size) if isinstance(op, ops.AutoAugment) else LEVELS


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

"""What an image can draw from a policy: its (op, argument) entries, in the order of the drawn numbers. Numbers only."""

from typing import NamedTuple

from sbn.augment import ops
from sbn.augment.levels import LEVELS, WIDE, Argument, Levels, argument
from sbn.augment.policies import OP_LISTS
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
    """A step of a sub-policy: how probably it happens, and the number of its entry."""

    probability: float
    entry: int


def levels_of(op: ops.RandAugment | ops.AutoAugment) -> Levels:
    """Returns what a level means to a policy."""
    if op.semantics == "pillow":
        return LEVELS
    return TF_RANDAUGMENT if isinstance(op, ops.RandAugment) else TF_AUTOAUGMENT


def of_randaugment(op: ops.RandAugment) -> tuple[Entry, ...]:
    """Returns one entry an op of its list, all at the same level."""
    return tuple(Entry(name, argument(name, op.magnitude, table=levels_of(op))) for name in OP_LISTS[op.ops])


def of_autoaugment(op: ops.AutoAugment) -> tuple[tuple[Entry, ...], tuple[tuple[EntryStep, EntryStep], ...]]:
    """Returns the distinct entries, Identity (a step that does not happen) first, and every sub-policy's two steps."""
    numbers: dict[Entry, int] = {Entry("Identity", None): 0}
    pairs, levels = [], levels_of(op)
    for sub_policy in SUBPOLICIES[op.policy]:
        first, second = (
            EntryStep(p, numbers.setdefault(Entry(name, argument(name, level, table=levels)), len(numbers)))
            for name, p, level in sub_policy
        )
        pairs.append((first, second))
    return tuple(numbers), tuple(pairs)


def of_trivialaugment() -> tuple[Entry, ...]:
    """Returns 14 ops times 31 levels: entry 31 * op + level."""
    return tuple(
        Entry(name, argument(name, level, table=WIDE)) for name in TRIVIAL_OPS for level in range(TRIVIAL_LEVELS)
    )

"""What a paper leaves open, as data: the choices of a row, the readings of each, and names of rows in a reading.

`TABLE/ROW` is the row in the readings that it takes; `TABLE/ROW@reading` the same row in another reading of one of its
choices, `TABLE/ROW@one+other` in other readings of two. Every combination has one name: readings that the row takes
anyway are left out of it, and the rest stands in the order of the choices.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from sbn.config.errors import ConfigError, unknown


@dataclasses.dataclass(frozen=True)
class Choice:
    """A choice that a paper leaves open, where it says nothing, too little, or two things.

    Attributes:
        name: what is chosen, in a word or two, e.g. 'statistics'.
        says: what the paper says about it, in its words and with the place, or that it says nothing.
        takes: the name of the reading that the row has as it stands.
        why: why that one.
        others: the other readings that can be run, each by its name: what it changes in the row. Empty where the choice
            is only told.
    """

    name: str
    says: str
    takes: str
    why: str
    others: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)

    @property
    def readings(self) -> tuple[str, ...]:
        """The names of all readings, the one taken first."""
        return self.takes, *self.others

    @property
    def keys(self) -> frozenset[str]:
        """The config keys by which its readings differ."""
        return frozenset(key for changes in self.others.values() for key in changes)


def split(name: str) -> tuple[str, tuple[str, ...]]:
    """Splits 'table/row@one+other' into the row and the readings; without '@' there are none."""
    row, at, readings = name.partition("@")
    return row, tuple(reading.strip() for reading in readings.split("+")) if at else ()


def joined(row: str, reading: str) -> str:
    """Returns the name of `row` in `reading`, 'one+other', '' for those that it takes."""
    return f"{row}@{reading}" if reading else row


def chosen(row: str, names: Sequence[str], choices: Sequence[Choice]) -> dict[str, str]:
    """Returns {choice: reading} of the readings that are named, those that the row takes anyway among them.

    Raises:
        ConfigError: for an unknown reading, with the nearest; for two of one choice; for two that can't be combined, as
            both change one key.
    """
    of = {reading: choice for choice in choices for reading in choice.readings}
    found: dict[str, str] = {}
    for name in names:
        if not of:
            raise ConfigError(f"{row} has no reading {name!r}, and no other readings: nothing is listed as open for it")
        if name not in of:
            raise unknown(f"reading of {row}", name, of)
        choice = of[name]
        if (other := found.get(choice.name)) is not None:
            if other == name:
                raise ConfigError(f"reading {name!r} of {row} is given twice")
            raise ConfigError(
                f"{other!r} and {name!r} are two readings of one choice of {row}, {choice.name}: name one"
            )
        found[choice.name] = name
    changed: dict[str, str] = {}
    for name in found.values():
        for key in of[name].others.get(name, {}):
            if key in changed:
                raise ConfigError(
                    f"readings {changed[key]!r} and {name!r} of {row} both change {key}: name one of them"
                )
            changed[key] = name
    return found


def reading_of(found: Mapping[str, str], choices: Sequence[Choice]) -> str:
    """Returns the reading, 'one+other', that {choice: reading} is: '' for the one that the row takes."""
    return "+".join(found[c.name] for c in choices if found.get(c.name, c.takes) != c.takes)


def sentence(choice: Choice) -> str:
    """Returns what is open, how it is read and why, and the other readings, for a person."""
    others = f"; other readings: {', '.join(f'@{name}' for name in choice.others)}" if choice.others else ""
    return f"{choice.name}: {choice.says}. Read as {choice.takes}: {choice.why}{others}"

"""What the reading of a row changes: lines of a table are marked where one row beats another in one reading and not in
another, and every row says which readings it stands in.
"""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence

from sbn.config.readings import Choice, chosen, joined, split
from sbn.report.tables import Line

Choices = Mapping[str, Sequence[Choice]]  # of the rows of a table, by name


def with_readings(lines: Sequence[Line], choices: Choices) -> list[Line]:
    """Returns the lines with what has to be known about their readings among their notes.

    The first line of a row says which readings the row takes, of those that could be run in another. A line says which
    comparisons with another row of the table come out the other way in another reading of the two: of means of the
    same number, over runs with the same overrides, the two rows read alike as far as they share choices. Means alone
    are compared, however few runs they are of.
    """
    told: dict[int, list[str]] = {}
    seen: set[str] = set()
    for at, line in enumerate(lines):
        taken = [choice.takes for choice in choices[line.row] if choice.others]
        if line.row not in seen and taken:
            told.setdefault(at, []).append(f"read as {', '.join(taken)}")
        seen.add(line.row)
    for first, second in itertools.permutations(seen, 2):
        for at, note in _turned(lines, choices, first, second).items():
            told.setdefault(at, []).append(note)
    return [
        dataclasses.replace(line, notes=(*line.notes, *sorted(told.get(at, []), key=lambda note: note[:4] != "read")))
        for at, line in enumerate(lines)
    ]


def _turned(lines: Sequence[Line], choices: Choices, first: str, second: str) -> dict[int, str]:
    """Notes, by line of `first`, on its comparison with `second`, where not every reading of the two has one result."""
    notes: dict[int, str] = {}
    ours = [(at, line) for at, line in enumerate(lines) if line.row == first and line.mean is not None]
    theirs = [line for line in lines if line.row == second and line.mean is not None]
    compared = [
        (at, line, other)
        for at, line in ours
        for other in theirs
        if (line.measure, line.overrides) == (other.measure, other.overrides) and _alike(line, other, choices)
    ]
    for at, line, other in compared:
        for _, there, against in compared:
            same = (there.measure, there.overrides) == (line.measure, line.overrides)
            if not same or there.reading == line.reading or _difference(there, against) * _difference(line, other) > 0:
                continue
            elsewhere = joined("", there.reading) or f"as {first} stands"
            notes[at] = (
                f"the reading decides: {_difference(line, other):+.2f} to {joined(second, other.reading)} here, "
                f"{_difference(there, against):+.2f} {elsewhere}"
            )
    return notes


def _difference(line: Line, other: Line) -> float:
    return (line.mean or 0.0) - (other.mean or 0.0)


def _alike(line: Line, other: Line, choices: Choices) -> bool:
    """Whether two rows are read in one way, as far as they share choices."""
    first, second = (_read(each, choices[each.row]) for each in (line, other))
    return all(first[name] == second[name] for name in first.keys() & second.keys())


def _read(line: Line, choices: Sequence[Choice]) -> dict[str, str]:
    """{choice: reading} of all choices of a line's row."""
    named = chosen(line.row, split(joined(line.row, line.reading))[1], choices)
    return {choice.name: named.get(choice.name, choice.takes) for choice in choices}

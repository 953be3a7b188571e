"""Which run a config is: of which row, in the reading that its values are, with which overrides on top.

The values decide, not the name that was typed: a row whose overrides say what one of its readings says is that reading,
and a run that was stored when its row took another reading is found to be one of that. So the same config has one name.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sbn.config import readings, rows, tree
from sbn.config.errors import ConfigError
from sbn.config.stored import as_today


def recognised(experiment: rows.Experiment, name: str, flat: Mapping[str, Any]) -> str:
    """Returns the name of the row in the readings that a config of it has.

    Where the values are those of none of a choice's readings, as something else overrides them, the one that is named
    stands.

    Args:
        experiment: that has the row.
        name: 'table/row' or 'table/row@reading', of a row that trains.
        flat: the config.
    """
    plain, named = readings.split(name)
    choices, row = experiment.choices(plain), experiment.rows()[plain]
    found = readings.chosen(plain, named, choices)
    as_taken = {**experiment.base, **row.changes}
    for choice in row.choices:
        fitting = [reading for reading in choice.readings if _fits(choice, as_taken, reading, flat)]
        if fitting and found.get(choice.name, choice.takes) not in fitting:
            found[choice.name] = fitting[0]
    return readings.joined(plain, readings.reading_of(found, choices))


def stored_row(experiment: rows.Experiment, name: str, stored: Mapping[str, Any]) -> str:
    """Returns the row, in the reading, that a run is of today, by the config that it stored.

    Args:
        experiment: that has the row.
        name: of the row, as the run recorded it; one that shows another row's runs today means that one.
        stored: nested, as JSON gives it back.

    Raises:
        ConfigError: if there is no such row, or it has no such reading.
    """
    row = experiment.row(name).runs_of or name
    return recognised(experiment, row, as_today(stored)) if experiment.choices(readings.split(row)[0]) else row


def _fits(choice: readings.Choice, as_taken: Mapping[str, Any], reading: str, flat: Mapping[str, Any]) -> bool:
    """Whether a config has the values of a reading, wherever the readings of the choice differ."""
    stated = {**as_taken, **choice.others.get(reading, {})}
    wanted = tree.changed({}, {key: tree.value_of(stated, key) for key in choice.keys})
    return bool(choice.keys) and all(tree.value_of(flat, key) == wanted[key] for key in choice.keys)


class Asked(NamedTuple):
    """A row with overrides: its one name, the config, what the row says alone, and what overrides change in that."""

    row: str
    flat: tree.Flat
    stated: tree.Flat
    overrides: dict[str, Any]


def asked(experiment: rows.Experiment, name: str, overrides: Mapping[str, Any]) -> Asked:
    """Resolves a row, maybe in a reading, with overrides. One that repeats what the row says overrides nothing.

    Raises:
        ConfigError: for an unknown row, reading, key or value, and where overrides contradict a reading that is named.
    """
    flat = rows.flat_config(experiment, name, overrides)
    plain, named = readings.split(name)
    settled = recognised(experiment, name, flat)
    there = readings.chosen(plain, readings.split(settled)[1], experiment.choices(plain))
    for choice in experiment.rows()[plain].choices:
        for reading in choice.readings:
            now = there.get(choice.name, choice.takes)
            if reading in named and now != reading:
                keys = ", ".join(f"{key}={flat[key]!r}" for key in overrides if key in choice.keys)
                raise ConfigError(
                    f"{keys} contradicts the reading that {name} names: write {plain}@{now}, or leave out one of them"
                )
    stated = rows.flat_config(experiment, settled, {})
    made = {key: flat[key] for key in overrides if not tree.repeats(stated, key, flat[key])}
    return Asked(settled, flat, stated, made)

"""Whether an experiments file holds tables, rows, numbers and choices where they belong, under usable names."""

import pathlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from sbn.config.errors import ConfigError, shown, unknown
from sbn.config.field_types import wrong_field
from sbn.config.readings import Choice
from sbn.config.tables import Experiment, Paper, Row, Table

_NAME = re.compile(r"\w[\w.-]*")


def check_tables(experiment: Experiment) -> None:
    """Refuses an experiments file that puts something else where changes, tables, rows and names belong.

    Raises:
        ConfigError: one line, with what stands where.
    """
    path = experiment.path
    wanted: list[tuple[str, Any, type]] = [("BASE", experiment.base, Mapping), ("TABLES", experiment.tables, Mapping)]
    wanted += [("PAPER", experiment.paper, str), ("CLAIMS", experiment.claims, tuple)]
    for what, value, kind in wanted:
        _check_type(path, what, value, kind)
    for name, table in experiment.tables.items():
        _check_type(path, f"TABLES[{name!r}]", table, Table)
        _check_type(path, f"the rows of table {name!r}", table.rows, Mapping)
        _check_type(path, f"the title of table {name!r}", table.title, str)
        for row, content in table.rows.items():
            _check_type(path, f"row {row!r} of table {name!r}", content, Row)
            _check_type(path, f"the changes of {name}/{row}", content.changes, Mapping)
            _check_type(path, f"the paper's numbers of {name}/{row}", content.paper, tuple)
            for number in content.paper:
                _check_type(path, f"a paper's number of {name}/{row}", number, Paper)
            _check_type(path, f"the choices of {name}/{row}", content.choices, tuple)
            for choice in content.choices:
                _check_type(path, f"a choice of {name}/{row}", choice, Choice)
            for thing in (content, *content.paper, *content.choices):
                check_fields(f"{path}, {name}/{row}", thing)
        check_fields(f"{path}, table {name!r}", table)
        for text in (name, *table.rows):
            if not isinstance(text, str) or not _NAME.fullmatch(text):
                raise ConfigError(
                    f"{path}: {text!r} is not a valid name of a table or row: use letters, digits, '_', '-' and '.'"
                )
    # what one module asks of another's row must be there
    for name, content in experiment.rows().items():
        for other in filter(None, (content.runs_of, *content.needs.values(), *(paper.of for paper in content.paper))):
            if other not in experiment.rows():
                raise unknown(f"row that {name} of {path} names:", other, experiment.rows())
        _check_choices(f"{path}, {name}", experiment.choices(name))


def _check_choices(where: str, choices: Sequence[Choice]) -> None:
    """Refuses readings that a name could not tell apart."""
    names = [reading for choice in choices for reading in choice.readings]
    for name in names:
        if not _NAME.fullmatch(name):
            raise ConfigError(
                f"{where}: {name!r} is not a valid name of a reading: use letters, digits, '_', '-' and '.'"
            )
        if names.count(name) > 1:
            raise ConfigError(f"{where}: two readings are called {name!r}")


def check_fields(where: str, thing: Any) -> None:
    """Refuses a row, number, choice or claim that has something of another type in a field.

    Raises:
        ConfigError: one line.
    """
    if (wrong := wrong_field(thing)) is not None:
        name, value, wanted = wrong
        raise ConfigError(f"{where}: {name} of a {type(thing).__name__} is {shown(value)}, not {wanted}")


def _check_type(path: pathlib.Path, what: str, value: Any, kind: type) -> None:
    if not isinstance(value, kind):
        words = {Mapping: "a dict", Table: "a Table", Row: "a Row", Paper: "a Paper", Choice: "a Choice"}
        words |= {tuple: "a tuple", str: "a string"}
        raise ConfigError(f"{path}: {what} is {type(value).__name__}, not {words[kind]}")

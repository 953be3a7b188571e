"""Hand-made work directories, as finished runs leave them, and a table to compare them with."""

import json
import os
import pathlib
import re

from sbn.config import tree
from sbn.config.errors import ConfigError
from sbn.config.rows import Paper, Row, Table
from sbn.report.collect import Run

MAIN, AUX, MIX = "test/main/accuracy", "test/aux/accuracy", "test/mix_0.5/accuracy"

TABLE = Table(
    "Weak Augment",
    {
        "baseline": Row({}, (Paper(94.9, MAIN, 0.2),), "Table 3, row 1", runs=4),
        "weak_augment": Row({"seed": 1}, (Paper(96.3, MAIN),), "Table 3, row 7", runs=10),
        "ours": Row({"seed": 2}),
    },
)

EXPERIMENT = f"""
from sbn.config import tree
from sbn.config.errors import ConfigError
from sbn.config.rows import Paper, Row, Table

BASE = {{}}
TABLES = {{
    "table3": {TABLE!r},
    "table4": Table("Another", {{"only": Row({{}}, (Paper(50.0, "test/main/error"),))}}),
}}
"""


def write_run(
    root: pathlib.Path, name: str, accuracy: float | None = None, *, when: float | None = None, **changes
) -> pathlib.Path:
    """Writes one result.json below root / name; `when` is its modification time in seconds since 1970.

    Its config is the row's with the overrides, unless `changes` give another.
    """
    result = {
        "format": 1,
        "experiment": "mine",
        "row": "table3/baseline",
        "seed": 0,
        "overrides": {},
        "steps": 78000,
        "seconds": 1234.5,
        "metrics": {} if accuracy is None else {MAIN: accuracy},
        **changes,
    }
    result.setdefault("config", stored_config(result["row"], result["seed"], result["overrides"]))
    path = root / name
    path.mkdir(parents=True)
    file = path / "result.json"
    file.write_text(json.dumps(result))
    if when is not None:
        os.utime(file, (when, when))
    return path


def stored_config(row: str, seed: int, overrides: dict) -> dict:
    """The config that a run of a row of TABLE stores; of another row, that of the defaults."""
    changes = TABLE.rows[row.split("/")[1]].changes if row.removeprefix("table3/") in TABLE.rows else {}
    try:
        flat = tree.changed(tree.defaults(), {**changes, **(overrides or {}), "seed": seed})
    except ConfigError:  # overrides that no run could have
        flat = tree.defaults()
    return tree.to_config(flat).to_dict()


def run_of(row: str, seed: int, metrics: dict, **changes) -> Run:
    """A finished run of a row, as `collect` gives it."""
    made = {"overrides": {}, "seconds": 1.0, "steps": 10, "written": 0.0, **changes}
    return Run(path=pathlib.Path(f"{row}/seed{seed}"), experiment="mine", row=row, seed=seed, metrics=metrics, **made)


def notes_of(printed, row):
    """The notes of the first line of a row, in the report as text: its numbers looked up below the table."""
    lines = printed.splitlines()
    line = next(line for line in lines if line.startswith(row))
    notes = dict(found.groups() for line in lines if (found := re.fullmatch(r"(\d+)  (\S.*)", line)))
    numbers = re.search(r"  ((?:\d+, )*\d+)$", line)
    return [notes[number] for number in numbers[1].split(", ")] if numbers else []

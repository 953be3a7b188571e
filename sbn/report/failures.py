"""Runs that stopped with an error or NaN and left no result: their row and the reason.

Their work directories say so. Of a run that diverged progress.json holds the reason; of one that a sweep gave up
job.json says so, and the end of its log why. provenance.json holds the command line; a run that ended before it was
written lies where sweeps put it, EXPERIMENT/TABLE/ROW[/OVERRIDES]/seedN.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from sbn.config import command_line, identity, rows, tree
from sbn.config.errors import ConfigError
from sbn.config.rows import Experiment
from sbn.config.schema import NEUTRAL
from sbn.runs import files
from sbn.runs.text import plain


@dataclasses.dataclass(frozen=True)
class Failure:
    """A run that failed: its row, with the reading, seed and overrides, and the reason it gave."""

    row: str
    seed: int
    overrides: Mapping[str, Any]
    reason: str


def failures_of(experiment: Experiment, paths: Sequence[pathlib.Path]) -> list[Failure]:
    """Returns those of the unfinished runs in `paths` that failed and whose command line or place names a row."""
    found = []
    for path in paths:
        if (reason := reason_of(path)) and (whose := _asked(experiment, path) or _placed(experiment, path)):
            row, seed, made = whose
            row = _in_its_reading(experiment, row, path)
            changed = {name: value for name, value in made.items() if name not in NEUTRAL}
            # as a result's are: a tuple is a list
            found.append(Failure(row, seed, json.loads(json.dumps(changed)), reason))
    return found


def _in_its_reading(experiment: Experiment, row: str, path: pathlib.Path) -> str:
    """The row in the reading that the run's config has, which it may have been called before the row took another."""
    config = files.glance(path, files.CONFIG)
    return identity.stored_row(experiment, row, config) if config else row


def reason_of(path: pathlib.Path) -> str:
    """Returns why the run in a work directory stopped for good; '' if nothing there says that it did."""
    if failed := files.glance(path, files.PROGRESS)["failed"]:
        return plain(failed)
    job = files.glance(path, files.JOB)
    if job["code"] in (None, 0) or not job["gave_up"]:
        return ""
    return f"exit code {job['code']}: {last_lines(path / 'log.txt', count=1)}"


def last_lines(log: pathlib.Path, *, count: int) -> str:
    """Returns the last lines of a log that are not empty, on one line."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 4096))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return "no log"
    return plain(" / ".join([line.strip() for line in lines if line.strip()][-count:])) or "an empty log"


Whose = tuple[str, int, Mapping[str, Any]]  # row, seed, overrides


def _asked(experiment: Experiment, path: pathlib.Path) -> Whose | None:
    """Whose run it was by its last command line; None if that can't be told."""
    starts = files.glance(path, files.PROVENANCE)["starts"]
    try:
        words = starts[-1]["argv"][1:]
        others, dotted = command_line.split(words)
        parser = argparse.ArgumentParser(add_help=False, exit_on_error=False)
        parser.add_argument("--config", default="")
        file, _, argument = parser.parse_known_args(others)[0].config.partition(":")
        if pathlib.Path(file).stem != experiment.name:
            return None
        asked = command_line.request(f"{experiment.path}:{argument}", dotted)
    except (ValueError, IndexError, argparse.ArgumentError):
        return None
    return asked.row, asked.config.seed, asked.overrides


def _placed(experiment: Experiment, path: pathlib.Path) -> Whose | None:
    """Whose run it was by its place; None if no sweep's run lies there, or its overrides are too long for a name."""
    *above, last = path.absolute().parts
    if not (seed := re.fullmatch(r"seed([0-9]+)", last)):
        return None
    for folders, changed in ((above, ""), (above[:-1], above[-1])):
        for depth in (2, 1):  # table/row, and base
            if folders[-depth - 1 : -depth] != [experiment.name]:
                continue
            try:
                row = experiment.canonical("/".join(folders[-depth:]))
                if not re.search(r"-[0-9a-f]{8}$", changed):
                    made = rows.split_argument(f"{row},{changed}" if changed else row)[1]
                    return row, int(seed[1]), tree.changed({}, made)
            except ConfigError:
                continue
    return None

"""Runs that stopped with an error, NaN among them, and left no result: whose they were, and why they stopped.

Their work directories say so: progress.json holds the reason, provenance.json the command line.
"""

import argparse
import dataclasses
import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from sbn.config import command_line
from sbn.config.errors import ConfigError
from sbn.config.rows import Experiment
from sbn.config.schema import NEUTRAL


@dataclasses.dataclass(frozen=True)
class Failure:
    """A run that failed: its row, seed and overrides, and the reason it gave."""

    row: str
    seed: int
    overrides: Mapping[str, Any]
    reason: str


def failures_of(experiment: Experiment, paths: Sequence[pathlib.Path]) -> list[Failure]:
    """Returns those of the unfinished runs in `paths` that failed and whose command line names a row."""
    return [failure for path in paths if (failure := _read(experiment, path))]


def _read(experiment: Experiment, path: pathlib.Path) -> Failure | None:
    try:
        reason = json.loads((path / "progress.json").read_text(encoding="utf-8"))["failed"]
        words = json.loads((path / "provenance.json").read_text(encoding="utf-8"))[-1]["argv"][1:]
        others, dotted = command_line.split(words)
        parser = argparse.ArgumentParser(add_help=False, exit_on_error=False)
        parser.add_argument("--config", default="")
        file, _, argument = parser.parse_known_args(others)[0].config.partition(":")
        if pathlib.Path(file).stem != experiment.name:
            return None
        asked = command_line.request(f"{experiment.path}:{argument}", dotted)
    except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError, argparse.ArgumentError, ConfigError):
        return None  # what can't be told whose it was stays among the unfinished ones
    changed = {name: value for name, value in asked.overrides.items() if name not in NEUTRAL}
    overrides = json.loads(json.dumps(changed))  # as a result's are: a tuple is a list
    return Failure(asked.row, asked.config.seed, overrides, reason)

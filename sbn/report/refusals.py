"""Runs that are not what their folder says: the stored config is not that of the row with the recorded overrides, or
they began from a run of another row than theirs needs.

A row that was edited after it was run, a result copied into another row's folder or changed by hand would otherwise
be averaged with the others. What a run itself recorded as overrides is no such thing: the report shows it as a variant.
"""

import functools
import json
from collections.abc import Sequence

from sbn.config import rows, tree
from sbn.config.errors import ConfigError
from sbn.config.stored import differences, other_source
from sbn.report.collect import Run

_SHOWN = 4  # differences told in a line


def refuse(experiment: rows.Experiment, runs: Sequence[Run]) -> tuple[list[Run], list[str]]:
    """Parts the runs of `experiment` into those that count and a line about each that does not.

    Runs of rows that the experiment does not have count: there is nothing to hold them against; no table shows them.
    """
    named = experiment.rows()

    @functools.cache
    def stated(row: str, overrides: str) -> tree.Flat:
        return rows.flat_config(experiment, row, json.loads(overrides))

    kept, refused = [], []
    for run in runs:
        if run.row in named:
            where = f"{run.path}: refused, it is no run of {run.row}"
            try:
                config = stated(run.row, json.dumps(dict(run.overrides), sort_keys=True))
            except ConfigError as error:
                refused.append(f"{where} ({error})")
                continue
            different = differences(run.config, {**config, "seed": run.seed}, passed_over=named[run.row].needs)
            if different:
                shown = [f"{name}: {old!r} there, {new!r} in the row" for name, (old, new) in different.items()]
                more = f"; and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
                refused.append(f"{where} with its overrides ({'; '.join(shown[:_SHOWN])}{more})")
                continue
            needed = named[run.row].needs.get("init.from")
            if other := other_source(run.init, experiment=experiment.name, needed=needed):
                refused.append(f"{run.path}: refused, {other}")
                continue
        kept.append(run)
    return kept, refused

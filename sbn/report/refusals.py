"""Compares runs with their rows: which row and reading each run belongs to, which count, and which are refused.

The stored config decides. A run that was made when its row took another reading is one of that reading; one of a row
that shows another's runs today is one of that other row. Refused is what is not what its folder says: the config is not
that of the row, in any reading, with the recorded overrides, or it began from a run of another row than it needs. A row
that was edited after it was run, a result copied into another row's folder or changed by hand would otherwise be
averaged with the others. What a run itself recorded as overrides is no such thing: the report shows it as a variant.
"""

import dataclasses
import functools
import json
from collections.abc import Collection, Mapping, Sequence

from sbn.config import identity, rows, tree
from sbn.config.errors import ConfigError
from sbn.config.readings import split
from sbn.config.stored import differences, other_source
from sbn.report.collect import Run, counted

_SHOWN = 4  # differences told in a line


def refuse(experiment: rows.Experiment, runs: Sequence[Run]) -> tuple[list[Run], list[str]]:
    """Splits the runs of `experiment` into those that count, each seed of a variant once, and lines about the others.

    Runs of rows that the experiment does not have count: there is nothing to hold them against; no table shows them.

    Returns:
        the runs that count, by path, with the row and reading that they are of and those of their overrides that change
        something in it; and a line about each of the others.
    """
    named = experiment.rows()

    @functools.cache
    def stated(row: str, overrides: str) -> tuple[tree.Flat, Collection[str], Mapping[str, str]]:
        made = json.loads(overrides)
        flat, own = rows.flat_config(experiment, row, made), rows.flat_config(experiment, row, {})
        keys = {key for choice in experiment.choices(split(row)[0]) for key in choice.keys}
        left = [name for name in made if name not in keys or flat[name] != tree.value_of(own, name)]
        return flat, left, experiment.row(row).needs

    kept, refused = [], []
    for run in runs:
        if run.plain_row in named:
            where = f"{run.path}: refused, it is not a run of {run.row}"
            try:
                row = identity.stored_row(experiment, run.row, run.config)
                config, left, needs = stated(row, json.dumps(dict(run.overrides), sort_keys=True))
            except ConfigError as error:
                refused.append(f"{where} ({error})")
                continue
            different = differences(run.config, {**config, "seed": run.seed}, passed_over=needs)
            if different:
                shown = [f"{name}: {old!r} there, {new!r} in the row" for name, (old, new) in different.items()]
                more = f"; and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
                refused.append(f"{where} with its overrides ({'; '.join(shown[:_SHOWN])}{more})")
                continue
            if other := other_source(run.init, experiment=experiment.name, needed=needs.get("init.from")):
                refused.append(f"{run.path}: refused, {other}")
                continue
            run = dataclasses.replace(run, row=row, overrides={name: run.overrides[name] for name in left})
        kept.append(run)
    once, repeated = counted(kept)
    return once, refused + repeated

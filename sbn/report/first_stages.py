"""Groups runs by the run and the data that they started from: only runs of one group are averaged."""

import collections
import json
from collections.abc import Mapping, Sequence
from typing import Any

from sbn.config.schema import NEUTRAL
from sbn.report.collect import Run


def alike(runs: Sequence[Run]) -> tuple[list[Run], list[str]]:
    """Parts runs of one row and the same overrides into those of the same first stages and data, and notes on others.

    Kept are those after the most steps, as of runs of unequal length, of these the most that began alike, and of these
    the most that read the same data. Where a run did not record what it began from, the number of steps alone is known,
    and has to do; one that did not record its data is taken for one of the same.

    Returns:
        the runs to average, and lines on those left out, and on those that began from a run of another seed.
    """
    most = max((steps for run in runs if (steps := _steps(run)) is not None), default=None)
    after_most = [run for run in runs if _steps(run) in (None, most)]
    common = collections.Counter(filter(None, map(_source, after_most))).most_common(1)
    first = common[0][0] if common else ""
    kept = [run for run in after_most if _source(run) in ("", first)]
    paths = {run.path for run in kept}
    left_out = [run for run in runs if run.path not in paths]
    notes = []
    if left_out:
        told = "; ".join(f"seed {run.seed} after {_text(run)}" for run in left_out)
        said = f"{len(left_out)} of {len(runs)} began from another first stage, not in the mean: {told}"
        notes.append(f"{said}; those in it after {_text(max(kept, key=lambda run: bool(_source(run))))}")
    kept, others = _of_same_data(kept)
    notes += others
    foreign = [run for run in kept if run.init.get("source") and run.init["source"].get("seed") not in (None, run.seed)]
    notes += [f"seed {run.seed} began from a run of seed {run.init['source']['seed']}" for run in foreign]
    return kept, notes


def _of_same_data(runs: Sequence[Run]) -> tuple[list[Run], list[str]]:
    """Those on the data that most of them read, and a line on the others.

    A data set that was corrected, or prepared anew with other examples, has the same name, and runs on it the same
    config.
    """
    common = collections.Counter(filter(None, map(_data, runs))).most_common(1)
    kept = [run for run in runs if not common or _data(run) in ("", common[0][0])]
    others = [run for run in runs if common and _data(run) not in ("", common[0][0])]
    if not others:
        return kept, []
    seeds = ", ".join(str(run.seed) for run in others)
    return kept, [f"{len(others)} of {len(runs)} read other data, not in the mean: seed {seeds} (data.json)"]


def _data(run: Run) -> str:
    """The fingerprints of a run's data as one comparable text; those of texts were not always recorded."""
    known = {split: found for split, found in run.data.items() if not split.endswith("_texts")}
    return json.dumps(known, sort_keys=True) if known else ""


def _steps(run: Run) -> int | None:
    """Those done before the run's own first stage; None if it did not record its stages."""
    return min((start for start, _ in run.stages.values()), default=None)


def _source(run: Run) -> str:
    """What is learned in the stages before, as one comparable text; '' where that is not recorded."""
    source = run.init.get("source")
    return json.dumps(_learned(source), sort_keys=True) if source and source.get("row") is not None else ""


def _learned(source: Mapping[str, Any] | None) -> Any:
    """A source without what does not tell in the state that was taken over: later stages, evaluation, where it lay."""
    if not source:
        return None
    stages, overrides = source.get("stages") or {}, source.get("overrides") or {}
    passed_over = ("stages", "init.from", "init.stage")
    made = {
        name: value
        for name, value in overrides.items()
        if not (name in NEUTRAL or name in passed_over or name.startswith("eval."))
        and (not name.startswith("stage.") or name.split(".")[1] in stages)
    }
    lengths = [[name, stop - start] for name, (start, stop) in stages.items()]
    return [source.get("experiment"), source.get("row"), made, lengths, _learned(source.get("source"))]


def _text(run: Run) -> str:
    """'60 steps (train 40, refine 20) of refine:table1/mixup [optim.lr=0.05]', or what of it is known."""
    if not (known := _source(run)):
        return f"{_steps(run)} steps"
    experiment, row, made, lengths, _ = json.loads(known)
    changed = ", ".join(f"{name}={value}" for name, value in made.items())
    stages = ", ".join(f"{name} {steps}" for name, steps in lengths)
    return f"{_steps(run)} steps ({stages}) of {experiment}:{row}" + (f" [{changed}]" if changed else "")

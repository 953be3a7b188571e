"""Evaluators within a run: which are due at a step, and where what they yield goes.

Scalars go to metrics.jsonl; arrays and figures to `artifacts/EVALUATOR/STEP` as .npz and .png, and what
`python -m sbn.evaluate` measures as .json.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
from etils import epath
from ml_collections import ConfigDict

from sbn.evals.base import Evaluator, add, run
from sbn.evals.partial import NAME as PARTIAL
from sbn.figures.make import make_png
from sbn.runs.arrays import pack
from sbn.runs.atomic import replace_bytes
from sbn.runs.files import FORMAT, artifact_folder, write_json
from sbn.train.plan import Plan
from sbn.train.state import MEASURED, TrainState, of_average


def write_arrays(
    workdir: epath.Path,
    evaluator: str,
    step: int,
    arrays: Mapping[str, np.ndarray],
    *,
    config: ConfigDict,
    folder: str = "",
) -> list[epath.Path]:
    """Writes the arrays of an evaluator as STEP.npz, and their figure as STEP.png; of several processes one writes.

    Args:
        workdir: of the run.
        evaluator: its name.
        step: steps the variables were trained for.
        folder: in artifacts/; '' for one called after the evaluator.
        config: of the run, which tells arrays that were copied into another run's folder.
        arrays: by name; the names, with their slashes, are the keys of the .npz.

    Returns:
        the files written: none where there are no arrays.
    """
    if not arrays or jax.process_index() != 0:
        return []
    contents = {"npz": pack(arrays, config=config.to_dict()), "png": make_png(evaluator, arrays)}
    folder = folder or artifact_folder(evaluator)
    written = [_replace(workdir, folder, f"{step}.{end}", content) for end, content in contents.items() if content]
    kept = workdir / "artifacts" / artifact_folder(evaluator) / PARTIAL  # against a kill
    kept.unlink(missing_ok=True)
    return written


def write_scalars(
    workdir: epath.Path,
    evaluator: str,
    step: int,
    scalars: Mapping[str, float],
    overrides: Mapping[str, Any],
    *,
    config: ConfigDict,
) -> None:
    """Writes STEP.json: what `python -m sbn.evaluate` measured, with the `eval` keys that were changed for it.

    `config` is the run's, without these: it tells a file that was copied into another run's folder.
    """
    if jax.process_index() != 0:
        return
    folder = workdir / "artifacts" / artifact_folder(evaluator)
    folder.mkdir(parents=True, exist_ok=True)
    said = {"step": step, "overrides": dict(overrides), "metrics": dict(scalars), "config": config.to_dict()}
    write_json(folder / f"{step}.json", {"format": FORMAT, **said})


def _replace(workdir: epath.Path, evaluator: str, name: str, content: bytes) -> epath.Path:
    folder = workdir / "artifacts" / evaluator
    folder.mkdir(parents=True, exist_ok=True)
    replace_bytes(folder / name, content)
    return folder / name


class Evaluation:
    """The evaluators of a run.

    Args:
        evaluators: by name.
        plan: of the run, which says when each is due.
        workdir: where arrays go.
        config: of the run.
    """

    def __init__(
        self, evaluators: Mapping[str, Evaluator], plan: Plan, workdir: epath.Path, *, config: ConfigDict
    ) -> None:
        self._evaluators, self._workdir, self._config = evaluators, workdir, config
        self._rhythms = {name: plan.evals[name] for name in evaluators}

    def due(self, step: int) -> list[str]:
        """Returns the names of the evaluators to run after step `step`."""
        return [name for name, rhythm in self._rhythms.items() if rhythm.due(step)]

    def run(self, names: Sequence[str], step: int, state: TrainState) -> dict[str, float]:
        """Runs evaluators, writes their arrays and figures, and returns their scalars.

        Where an average of the weights is kept, the task's own metrics are measured with it too.
        """
        scalars: dict[str, float] = {}
        for name in names:
            numbers, arrays = run(self._evaluators[name], state.variables, step=step)
            write_arrays(self._workdir, name, step, arrays, config=self._config)
            add(scalars, numbers, evaluator=name)
            if state.ema is not None and name in MEASURED:
                numbers, _ = run(self._evaluators[name], state.ema, step=step)
                add(scalars, of_average(numbers), evaluator=name)
        return scalars


def summary(scalars: Mapping[str, float]) -> str:
    """Returns a line for the terminal: every metric, but not its details, which may be hundreds."""
    return "  ".join(f"{name} {value:.4f}" for name, value in scalars.items() if name.count("/") < 3)

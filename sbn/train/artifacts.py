"""What evaluators leave beside metrics.jsonl: `artifacts/EVALUATOR/STEP` as .npz, .png and .json."""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from etils import epath

from sbn.evals.partial import NAME as PARTIAL
from sbn.figures.make import make_png
from sbn.runs.arrays import pack
from sbn.runs.atomic import replace_bytes
from sbn.runs.files import FORMAT, write_json


def write(
    workdir: epath.Path, evaluator: str, step: int, arrays: Mapping[str, np.ndarray], *, folder: str = ""
) -> list[epath.Path]:
    """Writes the arrays of an evaluator as STEP.npz, and their figure as STEP.png; of several processes one writes.

    Args:
        workdir: of the run.
        evaluator: its name.
        step: steps the variables were trained for.
        folder: in artifacts/; '' for one called after the evaluator.
        arrays: by name; the names, with their slashes, are the keys of the .npz.

    Returns:
        the files written: none where there are no arrays.
    """
    if not arrays or jax.process_index() != 0:
        return []
    contents = {"npz": pack(arrays), "png": make_png(evaluator, arrays)}
    folder = folder or evaluator
    written = [
        _replace(workdir, folder, f"{step}.{ending}", content) for ending, content in contents.items() if content
    ]
    (workdir / "artifacts" / evaluator / PARTIAL).unlink(missing_ok=True)  # what was kept against a kill
    return written


def write_scalars(
    workdir: epath.Path, evaluator: str, step: int, scalars: Mapping[str, float], overrides: Mapping[str, Any]
) -> None:
    """Writes STEP.json: what `python -m sbn.evaluate` measured, and the `eval` keys it was told to change for that."""
    if jax.process_index() != 0:
        return
    folder = workdir / "artifacts" / evaluator
    folder.mkdir(parents=True, exist_ok=True)
    write_json(
        folder / f"{step}.json",
        {"format": FORMAT, "step": step, "overrides": dict(overrides), "metrics": dict(scalars)},
    )


def _replace(workdir: epath.Path, evaluator: str, name: str, content: bytes) -> epath.Path:
    folder = workdir / "artifacts" / evaluator
    folder.mkdir(parents=True, exist_ok=True)
    replace_bytes(folder / name, content)
    return folder / name

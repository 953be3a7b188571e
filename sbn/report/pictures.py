"""Pictures that evaluators left in a work directory, or that are drawn of the arrays they left, as data URIs."""

import base64
import pathlib
import zipfile

from sbn.report.collect import Run


def pictures_of(run: Run) -> dict[str, str]:
    """Returns {'EVALUATOR, step STEP': data URI of a PNG} of the ends of the run and of its stages."""
    found: dict[str, bytes] = {}
    for step in sorted({run.steps, *(stop for _, stop in run.stages.values())}):
        for folder in sorted((run.path / "artifacts").glob("*/")):
            drawn, arrays = folder / f"{step}.png", folder / f"{step}.npz"
            if png := drawn.read_bytes() if drawn.exists() else _drawn(arrays) if arrays.exists() else None:
                found[f"{folder.name}, step {step}"] = png
    return {name: "data:image/png;base64," + base64.b64encode(png).decode() for name, png in found.items()}


def _drawn(file: pathlib.Path) -> bytes | None:
    """The picture of an evaluator's arrays; None of arrays without one, and of a damaged file."""
    import numpy as np

    from sbn.figures.make import make_png

    try:
        with np.load(file) as arrays:
            return make_png(file.parent.name, dict(arrays))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None

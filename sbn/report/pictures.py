"""Pictures as data URIs: of tables, and what evaluators left in a work directory, drawn or as arrays."""

import base64
import pathlib
import zipfile
from collections.abc import Sequence

from sbn.report.book import Section
from sbn.report.collect import Run


def picture_of(section: Section) -> tuple[str, Sequence[str]] | None:
    """Returns the picture of a table, as a data URI, and what it can't say; None where there is nothing to draw."""
    if not section.content.picture or not section.runs:
        return None
    from sbn.figures.make import to_png
    from sbn.report.drawings import draw_table

    runs = [run for group in section.runs.values() for run in group]
    drawn = draw_table(section.table, section.content, runs)
    return (_uri(to_png(drawn.figure)), drawn.notes) if drawn else None


def pictures_of(run: Run) -> dict[str, str]:
    """Returns {'EVALUATOR, step STEP': data URI of a PNG} of the ends of the run and of its stages."""
    found: dict[str, bytes] = {}
    for step in sorted({run.steps, *(stop for _, stop in run.stages.values())}):
        for folder in sorted((run.path / "artifacts").glob("*/")):
            drawn, arrays = folder / f"{step}.png", folder / f"{step}.npz"
            if png := drawn.read_bytes() if drawn.exists() else _drawn(arrays) if arrays.exists() else None:
                found[f"{folder.name}, step {step}"] = png
    return {name: _uri(png) for name, png in found.items()}


def _uri(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()


def _drawn(file: pathlib.Path) -> bytes | None:
    """The picture of an evaluator's arrays; None of arrays without one, and of a damaged file."""
    import numpy as np

    from sbn.figures.make import make_png

    try:
        with np.load(file) as arrays:
            return make_png(file.parent.name, dict(arrays))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None

"""Pictures that evaluators left in a work directory, or that are drawn of the arrays they left, as data URIs."""

import base64
import pathlib
import zipfile

from sbn.report.collect import Run


def pictures_of(run: Run) -> dict[str, str]:
    """Returns {evaluator: data URI of a PNG} of the run's last step, by name of the evaluator."""
    files = sorted((run.path / "artifacts").glob(f"*/{run.steps}.*"))
    found = {file.parent.name: file.read_bytes() for file in files if file.suffix == ".png"}
    for file in files:
        if file.suffix == ".npz" and file.parent.name not in found and (png := _drawn(file)):
            found[file.parent.name] = png
    return {name: "data:image/png;base64," + base64.b64encode(found[name]).decode() for name in sorted(found)}


def _drawn(file: pathlib.Path) -> bytes | None:
    """The picture of an evaluator's arrays; None of arrays without one, and of a damaged file."""
    import numpy as np

    from sbn.figures.make import make_png

    try:
        with np.load(file) as arrays:
            return make_png(file.parent.name, dict(arrays))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None

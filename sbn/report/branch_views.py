"""Accuracy of each branch on each kind of images: unchanged test images, and those of every pipeline of Affinity."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from sbn.figures import bars
from sbn.report.collect import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

AS_THEY_ARE = "images as they are"
_ACCURACY = re.compile(r"test/(?!mix_)(\w+)/accuracy")


def by_branch_and_view(run: Run) -> dict[str, dict[str, float]]:
    """Returns {kind of images: {branch: accuracy in percent}} at the end of a run's first stage.

    Accuracy on augmented images is that on the images as they are and the Affinity measured with it.

    Args:
        run: evaluated by `accuracy` and `affinity`; of others there is nothing.
    """
    stop = min((stop for _, stop in run.stages.values()), default=run.steps)
    there = {metric: course[stop] for metric, course in run.courses.items() if stop in course}
    plain = {found[1]: 100 * there[metric] for metric in there if (found := _ACCURACY.fullmatch(metric))}
    kinds: dict[str, dict[str, float]] = {AS_THEY_ARE: plain}
    for metric, value in there.items():
        branch, measured, pipeline = metric.removeprefix("test/").partition("/affinity/")
        if measured and branch in plain and math.isfinite(value):
            kinds.setdefault(pipeline, {})[branch] = plain[branch] + 100 * value
    return kinds if len(plain) > 1 and len(kinds) > 1 else {}


def lines(run: Run) -> list[str]:
    """Returns the same as a table for a terminal: a line for each kind of images, a column for each branch."""
    kinds = by_branch_and_view(run)
    if not kinds:
        return []
    branches = list(kinds[AS_THEY_ARE])
    width = max(map(len, kinds))
    head = " " * width + "".join(f"{branch:>8}" for branch in branches)
    return [head, *(f"{kind:{width}}{_cells(found, branches)}" for kind, found in kinds.items())]


def _cells(found: Mapping[str, float], branches: Sequence[str]) -> str:
    return "".join(f"{found[branch]:8.1f}" if branch in found else f"{'–':>8}" for branch in branches)


def draw(rows: Mapping[str, Sequence[Run]]) -> "Figure | None":
    """Returns bars of the branches, a panel for each kind of images, of the first row whose runs measured them."""
    for runs in rows.values():
        measured = [kinds for run in runs if (kinds := by_branch_and_view(run))]
        if measured:
            groups = {
                kind: {branch: ([kinds[kind][branch] for kinds in measured], None) for branch in found}
                for kind, found in measured[0].items()
            }
            figure = bars.draw_groups(groups, up="test accuracy (%) of each branch")
            figure.axes[0].set_ylim(0, 100)  # the panels share it
            return figure
    return None

"""Step time and memory of training steps against the number of chips, as compilers estimate them."""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

from sbn.figures.labels import COLOURS, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclasses.dataclass(frozen=True)
class ByChips:
    """What a row takes, one entry per number of chips.

    Attributes:
        chips: their number, rising.
        seconds: of a step, (least, most).
        memory: bytes on a chip.
    """

    chips: list[int]
    seconds: list[tuple[float, float]]
    memory: list[int]


@styled
def draw_by_chips(rows: Mapping[str, ByChips], *, available: int) -> "Figure":
    """Draws step time, as a band between its estimates, above memory per chip.

    Args:
        rows: by name.
        available: bytes that a chip has.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 6), layout="constrained")
    above, below = figure.subplots(2, sharex=True)
    for index, (name, row) in enumerate(rows.items()):
        colour = COLOURS[index % len(COLOURS)]
        low, high = ([1e3 * pair[end] for pair in row.seconds] for end in (0, 1))
        above.fill_between(row.chips, low, high, color=colour, alpha=0.2, linewidth=0)
        above.plot(row.chips, high, color=colour, marker="o", markersize=3, label=name)
        below.plot(row.chips, [size / 1e9 for size in row.memory], color=colour, marker="o", markersize=3)
    below.axhline(available / 1e9, color="black", linestyle="--", linewidth=1, label="what a chip has")
    counts = sorted({count for row in rows.values() for count in row.chips})
    for axes in (above, below):
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.set_xticks(counts, [str(count) for count in counts])
        axes.minorticks_off()
        axes.grid(alpha=0.3)
        axes.legend()
    above.set_ylabel("ms per step, estimated")
    below.set_ylabel("GB per chip")
    below.set_xlabel("chips")
    return figure

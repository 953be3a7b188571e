"""Which evaluator's arrays are drawn how, and figures as files: PNG and SVG, the same bytes for the same figure."""

import functools
import io
from collections.abc import Callable
from typing import TYPE_CHECKING

from sbn.figures import curves, detections, features, heat_maps, masks, trade_offs
from sbn.figures.bars import draw_bars
from sbn.figures.features import draw_branches
from sbn.figures.labels import Arrays
from sbn.figures.trade_offs import draw_trade_off

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Evaluator -> figure of the arrays it yields, by their names. Each makes its Figure by itself, without pyplot,
# whose state would be shared with a notebook's own figures.
FIGURES: "dict[str, Callable[[Arrays], Figure]]" = {
    "mix": draw_trade_off,
    "corruptions": heat_maps.draw_error_tables,
    "affinity": functools.partial(draw_bars, metric="affinity", label="Affinity (points)", scale=100.0),
    "diversity": functools.partial(draw_bars, metric="diversity", label="Diversity (nats)", scale=1.0),
    "branches": draw_branches,
    "fourier": heat_maps.draw,
    "low_pass": curves.low_pass,
    "high_pass": curves.high_pass,
    "spectra": features.draw_spectra_of_branches,
    "features": features.draw_densities_of_run,
    "sizes": trade_offs.draw_sizes_of_run,
    "detections": detections.draw,
    "masks": masks.draw,
}


def make_png(evaluator: str, arrays: Arrays) -> bytes | None:
    """Returns the figure of an evaluator's arrays as PNG; None where there is no figure of them.

    Args:
        evaluator: its name.
        arrays: by name, as the evaluator yields them and `artifacts/` holds them.
    """
    if evaluator not in FIGURES or not arrays:
        return None
    return to_png(FIGURES[evaluator](arrays))


def to_png(figure: "Figure") -> bytes:
    """Returns a figure as PNG, without the version of matplotlib in it: the same figure gives the same bytes."""
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=120, metadata={"Software": None})
    return content.getvalue()


def to_svg(figure: "Figure") -> bytes:
    """Returns a figure as SVG, its texts as text: the same figure gives the same bytes (no date, no random ids)."""
    import matplotlib

    content = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "sbn", "svg.fonttype": "none"}):
        figure.savefig(content, format="svg", metadata={"Date": None, "Creator": None})
    return content.getvalue()

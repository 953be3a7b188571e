"""The style of figures: what branches are called and coloured, frames and legends, labels beside points of lines."""

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple, ParamSpec

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


Args = ParamSpec("Args")
Arrays = Mapping[str, np.ndarray]

# Okabe and Ito's, which the colour-blind tell apart
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
# These have their colours in every figure, whatever others stand beside them
_OWN: Final = {"main": COLOURS[0], "aux": COLOURS[1], "mix_0.5": COLOURS[2]}
_STYLE: Final = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "legend.frameon": False,
    "legend.fontsize": 8,
}


def styled(draw: "Callable[Args, Figure]") -> "Callable[Args, Figure]":
    """Decorates what draws a figure: all have the same frames, titles and legends."""

    @functools.wraps(draw)
    def drawn(*args: Args.args, **kwargs: Args.kwargs) -> "Figure":
        import matplotlib

        with matplotlib.rc_context(_STYLE):
            return draw(*args, **kwargs)

    return drawn


def colours(names: Iterable[str]) -> dict[str, str]:
    """Returns the colour of each branch, mix or line of a figure; seven differ."""
    names = list(dict.fromkeys(names))
    taken = [_OWN[name] for name in names if name in _OWN]
    free = [colour for colour in COLOURS if colour not in taken] or COLOURS
    others = [name for name in names if name not in _OWN]
    return {**_OWN, **{name: free[place % len(free)] for place, name in enumerate(others)}}


def by_name(arrays: Arrays, metric: str) -> dict[str, np.ndarray]:
    """Returns the arrays called `split/NAME/metric`, by NAME: branches and mixes, in their order."""
    parts = {tuple(name.split("/")): array for name, array in arrays.items()}
    return {name[1]: array for name, array in parts.items() if len(name) == 3 and name[2] == metric}


def titled(name: str) -> str:
    """Returns what a branch or mix is called in a figure."""
    return f"mix, λ = {name.removeprefix('mix_')}" if name.startswith("mix_") else name


_PER_SEGMENT = 8  # places per segment of a line that labels keep away from
_ITERATIONS = 100  # a number, not a time: the same figure on any machine


class LabelledLine(NamedTuple):
    """A line through (x, y), (n,) each, and the text of each of its points."""

    texts: Sequence[str]
    x: np.ndarray
    y: np.ndarray


def label_points(axes: "Axes", lines: Sequence[LabelledLine], *, size: float = 9) -> None:
    """Writes the texts beside their points; it must come last, since labels lie apart only while nothing moves."""
    from adjustText import adjust_text

    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # it has settled the layout
    centred: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": size}
    texts = [axes.text(x, y, text, **centred) for line in lines for text, x, y in zip(*line, strict=True)]
    x, y = (np.concatenate([line[axis] for line in lines]) for axis in (1, 2))
    markers = axes.scatter(x, y, s=36)
    x, y = np.concatenate([_along(line) for line in lines], axis=1)
    adjust_text(
        texts, x=x, y=y, objects=markers, ax=axes, iter_lim=_ITERATIONS, expand=(1.4, 1.5),
        force_text=(0.3, 0.4), force_static=(0.3, 0.4),
        arrowprops={"arrowstyle": "-", "color": "0.5", "linewidth": 0.5},
    )  # fmt: skip
    markers.remove()


def _along(line: LabelledLine) -> np.ndarray:
    """(2, m): places along a line."""
    points = np.stack([line.x, line.y])
    share = np.arange(_PER_SEGMENT) / _PER_SEGMENT
    parts = [points[:, [k]] + (points[:, [k + 1]] - points[:, [k]]) * share for k in range(points.shape[1] - 1)]
    return np.concatenate([*parts, points[:, -1:]], axis=1)

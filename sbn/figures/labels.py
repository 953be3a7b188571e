"""Labels beside the points of a line that comes close to itself, where they cover neither each other nor the line."""

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DISTANCES = (0.0, 6.0, 12.0, 20.0, 30.0)  # from beside the point outwards, in points of 1/72 inch
_DIRECTIONS = 16
_SWEEPS = 3  # each label is placed anew among all the others so often
_MARKER = 8.0  # side of what a point covers
_LINE_STEP = 2.0
# What costs how much: area shared with a label or a point, area outside, length of line covered, distance, and every
# other point that is as near as its own
_COVERED, _OUTSIDE, _LINE, _FAR, _STRANGER = 10.0, 10.0, 2.0, 0.5, 12.0


def annotate(axes: "Axes", texts: Sequence[str], x: np.ndarray, y: np.ndarray) -> None:
    """Writes a text beside every point of the line through (x, y), the last thing that is done to a figure.

    The layout of the figure is settled here, as labels lie apart only while nothing moves.
    """
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    scale = 72 / figure.dpi
    points = scale * axes.transData.transform(np.stack([x, y], axis=1))
    made = [axes.annotate(text, at, fontsize=9) for text, at in zip(texts, zip(x, y, strict=True), strict=True)]
    sizes = np.array([[box.width, box.height] for box in (text.get_window_extent() for text in made)]) * scale
    window = axes.get_window_extent()
    inside = scale * np.array([[window.x0, window.y0], [window.x1, window.y1]])
    for text, at, centre in zip(made, points, place(points, sizes, inside=inside), strict=True):
        text.set(anncoords="offset points", ha="center", va="center")
        text.set_position(tuple(centre - at))


def place(points: np.ndarray, sizes: np.ndarray, *, inside: np.ndarray) -> np.ndarray:
    """Returns the centres (n, 2) of labels, all in units of 1/72 inch.

    Args:
        points: (n, 2), joined by a line in this order.
        sizes: (n, 2) widths and heights of the labels.
        inside: (2, 2) lower left and upper right corner of where they may stand.
    """
    angles = np.arange(_DIRECTIONS) * 2 * np.pi / _DIRECTIONS + np.pi / 4  # up and right first
    around = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    around /= np.abs(around).max(
        axis=1, keepdims=True
    )  # on a square: a corner of the label, or a side, meets the point
    outwards = np.array([distance for distance in _DISTANCES for _ in angles])
    line = _along(points)
    markers = np.stack([points - _MARKER / 2, points + _MARKER / 2], axis=1)
    centres = np.full(points.shape, np.nan)
    for _ in range(_SWEEPS):
        for n, (at, size) in enumerate(zip(points, sizes, strict=True)):
            reach = size / 2 + _MARKER / 2
            tried = at + np.tile(around, (len(_DISTANCES), 1)) * (reach + outwards[:, None])
            others = [k for k in range(len(points)) if k != n and np.isfinite(centres[k]).all()]
            boxes = [np.stack([centres[k] - sizes[k] / 2, centres[k] + sizes[k] / 2]) for k in others]
            cost = _FAR * outwards
            for box in (*boxes, *markers):
                cost = cost + _COVERED * _shared(tried, size, box)
            cost += _OUTSIDE * (size.prod() - _shared(tried, size, inside))
            away = np.hypot(*np.clip(np.abs(points - tried[:, None]) - size / 2, 0, None).transpose(2, 0, 1))
            cost += _STRANGER * (away < away[:, [n]] + _MARKER / 2).sum(axis=1)  # its own is among them, for all alike
            covered = (np.abs(line - tried[:, None]) < size / 2 + 1).all(axis=2).sum(axis=1)
            centres[n] = tried[np.argmin(cost + _LINE * _LINE_STEP * covered)]
    return centres


def _shared(centres: np.ndarray, size: np.ndarray, box: np.ndarray) -> np.ndarray:
    """(m,), the area that a label at each of the centres (m, 2) shares with a box (2, 2)."""
    sides = np.minimum(centres + size / 2, box[1]) - np.maximum(centres - size / 2, box[0])
    return np.clip(sides, 0, None).prod(axis=1)


def _along(points: np.ndarray) -> np.ndarray:
    """Points (m, 2) every few units along the line."""
    parts = [points[-1:]]
    for start, stop in itertools.pairwise(points):
        steps = max(1, int(np.hypot(*(stop - start)) / _LINE_STEP))
        parts.append(start + np.arange(steps)[:, None] / steps * (stop - start))
    return np.concatenate(parts)

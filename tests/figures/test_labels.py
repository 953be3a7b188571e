"""Labels lie apart from each other, inside the figure, near their own points; the same figure each time."""

import itertools

import numpy as np
import pytest
from matplotlib.figure import Figure

from sbn.figures.labels import LabelledLine, label_points
from sbn.figures.make import FIGURES, to_png

# λ = 0, 0.1, ..., 1 of a small model: several of them nearly in one place
ERRORS = [46.42, 46.19, 46.10, 45.98, 45.99, 46.09, 46.12, 46.22, 46.38, 46.59, 46.68]
ACCURACIES = [71.8, 73.0, 73.8, 73.4, 73.8, 73.8, 73.6, 74.4, 74.8, 74.6, 74.0]


def overlap(one, other):
    """Area shared by two boxes [[x0, y0], [x1, y1]]."""
    return np.clip(np.minimum(one[1], other[1]) - np.maximum(one[0], other[0]), 0, None).prod()


def trade_off():
    arrays = {"corrupted/mix/uce": ERRORS, "test/mix/accuracy": ACCURACIES, "mix/lambda": np.arange(11) / 10}
    return FIGURES["mix"]({name: np.array(values) / (100 if "/mix/" in name else 1) for name, values in arrays.items()})


def boxes(figure):
    """The texts of the only panel with their boxes in pixels."""
    figure.draw_without_rendering()
    (axes,) = figure.axes
    return axes, {text.get_text(): text.get_window_extent().get_points() for text in axes.texts}


def test_the_labels_of_a_trade_off_lie_apart_in_the_figure():
    axes, found = boxes(trade_off())
    assert list(found) == ["0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9", "1"]
    assert sum(overlap(a, b) for a, b in itertools.combinations(found.values(), 2)) == 0
    window = axes.get_window_extent().get_points()
    for text, box in found.items():
        assert overlap(box, window) == pytest.approx((box[1] - box[0]).prod()), text
    # each nearer to its own point than to twice the height of a letter
    points = axes.transData.transform(np.stack([ERRORS, ACCURACIES], axis=1))
    for (_, box), point in zip(found.items(), points, strict=True):
        assert np.hypot(*(np.clip(point, *box) - point)) < 2 * (box[1] - box[0])[1]


def test_the_same_figure_has_the_same_labels_in_the_same_places():
    assert to_png(trade_off()) == to_png(trade_off())


def test_labels_of_several_lines_keep_apart_and_nothing_else_is_added():
    figure = Figure(layout="constrained")
    axes = figure.subplots()
    lines = [LabelledLine("abc", np.array([0.0, 1.0, 2.0]), 0.01 * k + np.array([0.0, 1.0, 1.0])) for k in range(2)]
    for line in lines:
        axes.plot(line.x, line.y)
    limits = axes.get_xlim(), axes.get_ylim()
    label_points(axes, lines)
    assert (axes.get_xlim(), axes.get_ylim()) == limits
    assert not axes.collections
    drawn = [text.get_window_extent().get_points() for text in axes.texts]
    assert [text.get_text() for text in axes.texts] == [*"abcabc"]
    assert sum(overlap(a, b) for a, b in itertools.combinations(drawn, 2)) == 0

"""Labels lie apart from each other and from the points, beside their own, inside the figure."""

import itertools

import numpy as np
import pytest
from matplotlib.figure import Figure

from sbn.figures.labels import annotate, place
from sbn.figures.make import FIGURES, to_png

SIZE = np.array([18.0, 10.0])
INSIDE = np.array([[0.0, 0.0], [300.0, 240.0]])
# λ = 0, 0.1, ..., 1 of a small model: several of them nearly in one place
ERRORS = [46.42, 46.19, 46.10, 45.98, 45.99, 46.09, 46.12, 46.22, 46.38, 46.59, 46.68]
ACCURACIES = [71.8, 73.0, 73.8, 73.4, 73.8, 73.8, 73.6, 74.4, 74.8, 74.6, 74.0]


def overlap(one, other):
    """Area shared by two boxes [[x0, y0], [x1, y1]]."""
    return np.clip(np.minimum(one[1], other[1]) - np.maximum(one[0], other[0]), 0, None).prod()


def boxes(centres, size=SIZE):
    return [np.stack([centre - size / 2, centre + size / 2]) for centre in centres]


@pytest.mark.parametrize("seed", range(5))
def test_no_label_covers_another_or_a_point_on_a_line_that_crosses_itself(seed):
    rng = np.random.default_rng(seed)
    steps = np.cumsum(rng.normal(scale=14, size=(11, 2)), axis=0)
    points = np.clip(np.array([150.0, 120.0]) + steps, 20, 220)
    centres = place(points, np.tile(SIZE, (11, 1)), inside=INSIDE)
    placed, markers = boxes(centres), boxes(points, np.array([5.0, 5.0]))
    assert sum(overlap(a, b) for a, b in itertools.combinations(placed, 2)) == 0
    assert sum(overlap(a, b) for a in placed for b in markers) == 0
    assert (np.array(placed)[:, 0] >= INSIDE[0]).all()
    assert (np.array(placed)[:, 1] <= INSIDE[1]).all()
    assert (np.hypot(*(centres - points).T) < 50).all()


def test_a_point_on_its_own_has_its_label_up_and_right_and_one_in_the_corner_keeps_it_inside():
    ((x, y),) = place(np.array([[150.0, 120.0]]), SIZE[None], inside=INSIDE)
    assert x > 150
    assert y > 120
    ((x, y),) = place(INSIDE[1:], SIZE[None], inside=INSIDE)
    assert (x, y) < tuple(INSIDE[1] - SIZE / 2 + 1e-9)


def texts_of(figure):
    to_png(figure)
    (axes,) = figure.axes
    found = {text.get_text(): text.get_window_extent().get_points() for text in axes.texts}
    return axes, found


def test_the_labels_of_a_trade_off_lie_apart_in_the_figure():
    arrays = {"corrupted/mix/uce": ERRORS, "test/mix/accuracy": ACCURACIES, "mix/lambda": np.arange(11) / 10}
    arrays = {name: np.array(values) / (100 if "/mix/" in name else 1) for name, values in arrays.items()}
    axes, found = texts_of(FIGURES["mix"](arrays))
    assert list(found) == ["0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9", "1"]
    assert sum(overlap(a, b) for a, b in itertools.combinations(found.values(), 2)) == 0
    window = axes.get_window_extent().get_points()
    for text, box in found.items():
        assert overlap(box, window) == pytest.approx((box[1] - box[0]).prod()), text
    # each nearer to its own point than to twice the height of a letter
    points = axes.transData.transform(np.stack([ERRORS, ACCURACIES], axis=1))
    for (_, box), point in zip(found.items(), points, strict=True):
        assert np.hypot(*(np.clip(point, *box) - point)) < 2 * (box[1] - box[0])[1]


def test_labels_stay_where_they_are_put_at_any_resolution():
    figure = Figure(layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1, 1], [0, 0, 0.01])
    annotate(axes, "abc", np.array([0.0, 1.0, 1.0]), np.array([0.0, 0.0, 0.01]))
    ratios = []
    for dpi in (50, 200):
        figure.set_dpi(dpi)
        figure.draw_without_rendering()
        ratios.append([(text.get_window_extent().get_points() / dpi).mean(axis=0) for text in axes.texts])
    np.testing.assert_allclose(ratios[0], ratios[1], atol=0.02)  # letters are whole pixels at 50 a inch

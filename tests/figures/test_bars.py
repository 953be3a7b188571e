"""What is drawn is what the arrays hold."""

import numpy as np

from sbn.figures.make import FIGURES

PIPELINES = np.array(["flip", "augmix"])


def bars(figure):
    (axes,) = figure.axes
    return {c.get_label(): [bar.get_width() for bar in c.patches] for c in axes.containers if c.get_label()[0] != "_"}


def test_affinity_is_drawn_in_points_with_the_range_over_draws():
    arrays = {"test/main/affinity": np.array([[-0.01, -0.03], [-0.2, -0.1]]), "test/pipelines": PIPELINES}
    figure = FIGURES["affinity"](arrays)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["flip", "augmix"]
    np.testing.assert_allclose(bars(figure)["main"], [-2, -15])
    (whiskers,) = figure.axes[0].collections
    ends = [segment[:, 0] for segment in whiskers.get_segments()]
    np.testing.assert_allclose(ends, [[-3, -1], [-20, -10]])


def test_diversity_is_drawn_a_bar_for_every_prediction():
    arrays = {"train/main/diversity": np.array([1.0, 2.0]), "train/aux/diversity": np.array([3.0, 4.0])}
    found = bars(FIGURES["diversity"]({**arrays, "train/pipelines": PIPELINES}))
    assert found == {"main": [1, 2], "aux": [3, 4]}

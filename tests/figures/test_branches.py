"""Every distance and every density of the arrays is drawn, and named."""

import numpy as np

from sbn.figures.make import FIGURES, make_png

ARRAYS = {
    "model/layers": np.array(["norm1", "norm2"]),
    "model/main_aux/divergence/by_layer": np.array([0.5, 1.5]),
    "test/main/density": np.array([1.0, 0.0]),
    "test/clean_main/density": np.array([0.25, 0.75]),
    "test/edges": np.array([0.0, 1.0, 2.0]),
    "test/layer": np.array("group1_block1"),
}


def test_distances_and_densities_are_drawn():
    upper, last = FIGURES["branches"](ARRAYS).axes
    (line,) = upper.lines
    np.testing.assert_array_equal(line.get_ydata(), [0.5, 1.5])
    assert line.get_label() == "main and aux"
    assert [label.get_text() for label in upper.get_xticklabels()] == ["norm1", "norm2"]
    assert [patch.get_label() for patch in last.patches] == ["view main", "images as they are, by main"]
    np.testing.assert_array_equal(last.patches[1].get_data().values, [0.25, 0.75])
    assert "group1_block1" in last.get_xlabel()


def test_one_branch_has_densities_alone():
    figure = FIGURES["branches"]({name: value for name, value in ARRAYS.items() if not name.startswith("model")})
    assert len(figure.axes) == 1


def test_the_figure_is_png():
    assert make_png("branches", ARRAYS).startswith(b"\x89PNG")

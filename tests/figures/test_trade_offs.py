"""The figure of sizes: a point a size, accuracy in percent over 10⁹ multiply-adds."""

import numpy as np

from sbn.figures.make import FIGURES, make_png

ARRAYS = {
    "sizes/sizes": np.array([224, 128]),
    "sizes/multiply_adds": np.array([2e9, 0.5e9]),
    "sizes/own/accuracy": np.array([0.7, 0.65]),
    "sizes/main/accuracy": np.array([0.7, 0.5]),
}


def test_lines_are_the_own_branches_and_the_first_ones():
    (panel,) = FIGURES["sizes"](ARRAYS).axes
    own, first = panel.lines
    np.testing.assert_array_equal(own.get_xdata(), [2, 0.5])
    np.testing.assert_allclose(own.get_ydata(), [70, 65])
    np.testing.assert_allclose(first.get_ydata(), [70, 50])
    assert [text.get_text() for text in panel.texts] == ["224", "128"] * 2
    assert "main" in first.get_label()
    assert make_png("sizes", ARRAYS) is not None

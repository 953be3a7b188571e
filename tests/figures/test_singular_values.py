"""Spectra's figure shows the values it was given, on a log axis that ends where rounding begins."""

import numpy as np

from sbn.figures import singular_values
from sbn.figures.make import FIGURES, make_png

SPECTRUM = np.array([4.0, 1.0, 0.5, 1e-18])
ARRAYS = {
    "train/main/intra_class": SPECTRUM / 2,
    "train/aux/intra_class": SPECTRUM / 4,
    "train/main/all_classes": SPECTRUM,
    "train/aux/all_classes": SPECTRUM * 3,
    "train/classes": np.asarray(3),
}


def test_a_run_shows_a_line_a_branch_in_each_panel():
    figure = FIGURES["spectra"](ARRAYS)
    for panel, metric in zip(figure.axes, ("intra_class", "all_classes"), strict=True):
        assert panel.get_yscale() == "log"
        main, aux, mark = panel.lines
        for line, name in ((main, "main"), (aux, "aux")):
            np.testing.assert_array_equal(line.get_xdata(), [1, 2, 3, 4])
            np.testing.assert_array_equal(line.get_ydata(), ARRAYS[f"train/{name}/{metric}"])
            assert line.get_label() == name
        assert mark.get_xdata()[0] == 3
    low, high = figure.axes[1].get_ylim()
    assert 1e-13 < low < 0.5
    assert high > 12
    assert make_png("spectra", ARRAYS) is not None


def test_runs_can_be_laid_over_each_other():
    lines = {f"run {number}": SPECTRUM * (number + 1) for number in range(9)}
    figure = singular_values.draw(lines, lines, classes=3)
    styles = {(line.get_color(), line.get_linestyle()) for line in figure.axes[0].lines}
    assert len(styles) == 10  # 9 runs, and the mark of the number of classes

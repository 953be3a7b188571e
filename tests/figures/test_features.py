"""Every distance, density and spectrum of the arrays is drawn and named; overlaps stand in the titles."""

import numpy as np
import pytest

from sbn.figures import features
from sbn.figures.make import FIGURES, make_png

BRANCHES = {
    "model/layers": np.array(["norm1", "norm2"]),
    "model/main_aux/divergence/by_layer": np.array([0.5, 1.5]),
    "test/main/density": np.array([1.0, 0.0]),
    "test/clean_main/density": np.array([0.25, 0.75]),
    "test/edges": np.array([0.0, 1.0, 2.0]),
    "test/layer": np.array("group1_block1"),
}


def test_distances_and_densities_are_drawn():
    upper, last = FIGURES["branches"](BRANCHES).axes
    (line,) = upper.lines
    np.testing.assert_array_equal(line.get_ydata(), [0.5, 1.5])
    assert line.get_label() == "main and aux"
    assert [label.get_text() for label in upper.get_xticklabels()] == ["norm1", "norm2"]
    assert [patch.get_label() for patch in last.patches] == ["view main", "images as they are, by main"]
    np.testing.assert_array_equal(last.patches[1].get_data().values, [0.25, 0.75])
    assert "group1_block1" in last.get_xlabel()


def test_one_branch_has_densities_alone():
    figure = FIGURES["branches"]({name: value for name, value in BRANCHES.items() if not name.startswith("model")})
    assert len(figure.axes) == 1


def test_the_figure_is_png():
    assert make_png("branches", BRANCHES).startswith(b"\x89PNG")


DENSITIES = {
    "test/clean_main/density": np.array([0.5, 1.5]),
    "test/aux/density": np.array([1.5, 0.5]),
    "test/edges": np.array([0.0, 0.5, 1.0]),
    "test/layer": np.array("stage1_block1"),
}


def test_overlap_is_the_mass_that_both_have():
    assert features.overlaps_of(DENSITIES) == {"aux": pytest.approx(0.5)}


def test_a_panel_shows_both_densities_and_says_how_much_they_share():
    figure = features.draw_density_panels(
        {"with BN": DENSITIES, "with CN": {**DENSITIES, "test/aux/density": np.array([0.5, 1.5])}}
    )
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["with BN, overlap 50 %", "with CN, overlap 100 %"]
    clean, transformed = (patch.get_data() for patch in figure.axes[0].patches)
    np.testing.assert_array_equal(clean.values, DENSITIES["test/clean_main/density"])
    np.testing.assert_array_equal(transformed.values, DENSITIES["test/aux/density"])
    assert FIGURES["features"](DENSITIES).axes[0].get_title() == "overlap 50 %"
    assert make_png("features", DENSITIES) is not None


SPECTRUM = np.array([4.0, 1.0, 0.5, 1e-18])
SPECTRA = {
    "train/main/intra_class": SPECTRUM / 2,
    "train/aux/intra_class": SPECTRUM / 4,
    "train/main/all_classes": SPECTRUM,
    "train/aux/all_classes": SPECTRUM * 3,
    "train/classes": np.asarray(3),
}


def test_a_run_shows_a_line_a_branch_in_each_panel():
    figure = FIGURES["spectra"](SPECTRA)
    for panel, metric in zip(figure.axes, ("intra_class", "all_classes"), strict=True):
        assert panel.get_yscale() == "log"
        main, aux, mark = panel.lines
        for line, name in ((main, "main"), (aux, "aux")):
            np.testing.assert_array_equal(line.get_xdata(), [1, 2, 3, 4])
            np.testing.assert_array_equal(line.get_ydata(), SPECTRA[f"train/{name}/{metric}"])
            assert line.get_label() == name
        assert mark.get_xdata()[0] == 3
    low, high = figure.axes[1].get_ylim()
    assert 1e-13 < low < 0.5
    assert high > 12
    assert make_png("spectra", SPECTRA) is not None


def test_runs_can_be_laid_over_each_other():
    lines = {f"run {number}": SPECTRUM * (number + 1) for number in range(9)}
    figure = features.draw_spectra(lines, lines, classes=3)
    styles = {(line.get_color(), line.get_linestyle()) for line in figure.axes[0].lines}
    assert len(styles) == 10  # 9 runs, and the mark of the number of classes

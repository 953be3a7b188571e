"""The figure of features: a panel a network, its overlap in the title."""

import numpy as np
import pytest

from sbn.figures import densities
from sbn.figures.make import FIGURES, make_png

ARRAYS = {
    "test/clean_main/density": np.array([0.5, 1.5]),
    "test/aux/density": np.array([1.5, 0.5]),
    "test/edges": np.array([0.0, 0.5, 1.0]),
    "test/layer": np.array("stage1_block1"),
}


def test_overlap_is_the_mass_that_both_have():
    assert densities.overlaps_of(ARRAYS) == {"aux": pytest.approx(0.5)}


def test_a_panel_shows_both_densities_and_says_how_much_they_share():
    figure = densities.draw({"with BN": ARRAYS, "with CN": {**ARRAYS, "test/aux/density": np.array([0.5, 1.5])}})
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["with BN, overlap 50 %", "with CN, overlap 100 %"]
    clean, transformed = (patch.get_data() for patch in figure.axes[0].patches)
    np.testing.assert_array_equal(clean.values, ARRAYS["test/clean_main/density"])
    np.testing.assert_array_equal(transformed.values, ARRAYS["test/aux/density"])
    assert FIGURES["features"](ARRAYS).axes[0].get_title() == "overlap 50 %"
    assert make_png("features", ARRAYS) is not None

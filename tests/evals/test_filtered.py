"""Accuracy on filtered images is NumPy's, width by width."""

import numpy as np
import pytest

from sbn.config.errors import ConfigError
from sbn.evals.base import run
from sbn.evals.filtered import Filtered
from tests.evals.test_fourier import predictions
from tests.evals.toys import MEAN, make_materials, make_source, make_variables
from tests.oracles import fourier as oracle

COUNT = 25


def slow_accuracy(source, weights, width, name):
    right = []
    for image, label in zip(source.images / 255, source.labels, strict=True):
        low = oracle.low_pass(image, width)
        high = image - low + (np.array(MEAN) if width else 0)
        found = predictions(weights, np.clip(low if name == "low_pass" else high, 0, 1))
        right.append(np.array(found) == label)
    return np.mean(right, axis=0)


@pytest.mark.parametrize("name", ["low_pass", "high_pass"])
@pytest.mark.parametrize("image_size", [(8, 8), (7, 7), (6, 9)])
def test_accuracy_at_every_width_is_the_slow_loops(image_size, name):
    source, variables = make_source(COUNT, image_size), make_variables(image_size)
    least, largest = int(name == "low_pass"), max(image_size)
    widths = tuple(range(least, largest + 1))
    scalars, arrays = run(Filtered(make_materials(source), name, widths=widths, examples=COUNT), variables)
    outcomes = ["main", "aux", "mix_0", "mix_0.3", "mix_1"]
    for place, width in enumerate(widths):
        expected = slow_accuracy(source, variables["weights"], width, name)
        found = [arrays[f"{name}/{outcome}/accuracy"][place] for outcome in outcomes]
        # shares of 25: rounding of 1e-16, and one image more or less is 0.04
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12, err_msg=str(width))
    for outcome in outcomes:
        mean = arrays[f"{name}/{outcome}/accuracy"].mean()
        assert scalars[f"{name}/{outcome}/mean_accuracy"] == pytest.approx(mean, rel=1e-12)
    assert arrays[f"{name}/main/accuracy"].std() > 0
    np.testing.assert_array_equal(arrays[f"{name}/widths"], widths)


def test_by_default_every_odd_width_and_the_whole_and_high_pass_starts_with_the_images():
    def widths(name, size):
        materials = make_materials(make_source(3, (size, size)))
        return Filtered(materials, name, widths=(), examples=3)._widths

    assert widths("low_pass", 8) == (1, 3, 5, 7, 8)
    assert widths("low_pass", 7) == (1, 3, 5, 7)
    assert widths("high_pass", 8) == (0, 1, 3, 5, 7, 8)


def test_the_ends_are_the_plain_accuracy():
    source, variables = make_source(COUNT, (8, 8)), make_variables((8, 8))
    plain = np.mean(
        [
            predictions(variables["weights"], image / 255)[0] == label
            for image, label in zip(source.images, source.labels, strict=True)
        ]
    )
    for name, width in (("low_pass", 8), ("high_pass", 0)):
        arrays = run(Filtered(make_materials(source), name, widths=(width,), examples=COUNT), variables)[1]
        assert arrays[f"{name}/main/accuracy"][0] == pytest.approx(plain, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "width", "range_"),
    [("low_pass", 0, "1..8"), ("low_pass", 9, "1..8"), ("high_pass", 9, "0..8"), ("high_pass", -1, "0..8")],
)
def test_widths_beyond_the_spectrum_are_refused(name, width, range_):
    materials = make_materials(make_source(3, (8, 8)))
    with pytest.raises(ConfigError, match=rf"eval.{name}.widths holds {width}: .* {range_}"):
        Filtered(materials, name, widths=(1, width), examples=3)

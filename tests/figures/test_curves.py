"""Heat maps and curves show every branch and mix, in order, on one scale."""

import numpy as np
import pytest

from sbn.figures import curves, heat_maps
from sbn.figures.make import make_png

NAMES = ("main", "aux", "mix_0.5")


def heat(shape=(31, 31)):
    maps = {f"fourier/{name}/error": np.full(shape, 0.1 * (n + 1)) for n, name in enumerate(NAMES)}
    return maps | {"fourier/norm": np.asarray(8.0), "fourier/examples": np.asarray(1000)}


def filtered(name):
    widths = np.array([8, 1, 5])
    lines = {f"{name}/{branch}/accuracy": np.array([0.9, 0.1, 0.5]) - 0.01 * n for n, branch in enumerate(NAMES)}
    return lines | {f"{name}/widths": widths, f"{name}/examples": np.asarray(500)}


@pytest.mark.parametrize(("shape", "corner"), [((31, 31), (-15, -15)), ((32, 32), (-16, -16)), ((5, 8), (-2, -4))])
def test_a_panel_a_branch_and_mix_on_one_scale_with_zero_frequency_at_zero(shape, corner):
    arrays = heat(shape)
    arrays["fourier/main/error"][shape[0] // 2, shape[1] // 2] = 0.9  # of frequency zero
    figure = heat_maps.draw(arrays)
    panels = figure.axes[:3]
    assert [panel.get_title().split("   ")[0] for panel in panels] == ["main", "aux", "mix, λ = 0.5"]
    for panel, name in zip(panels, NAMES, strict=True):
        (image,) = panel.get_images()
        assert image.get_clim() == (0, 100)
        np.testing.assert_array_equal(image.get_array(), 100 * arrays[f"fourier/{name}/error"])
        left, right, bottom, top = image.get_extent()
        assert (top + 0.5, left + 0.5) == corner
        assert (bottom - top, right - left) == shape
    assert "norm 8 a channel, 1,000 test images" in figure.get_suptitle()
    assert any(axes.get_ylabel() == "test error (%)" for axes in figure.findobj(type(panels[0])))


@pytest.mark.parametrize("n", [1, 3, 8, 31, 32, 63, 224])
def test_ticks_are_round_few_and_within_the_map(n):
    ticks = heat_maps._ticks(n)
    assert 0 in ticks
    assert len(ticks) <= 7
    assert ticks.min() >= -(n // 2)
    assert ticks.max() <= (n - 1) // 2


@pytest.mark.parametrize("name", ["low_pass", "high_pass"])
def test_a_line_a_branch_and_mix_by_rising_width_in_percent(name):
    figure = getattr(curves, name)(filtered(name))
    (panel,) = figure.axes
    lines = [line for line in panel.get_lines() if len(line.get_xdata())]
    assert [line.get_label() for line in lines] == ["main", "aux", "mix, λ = 0.5"]
    np.testing.assert_array_equal(lines[0].get_xdata(), [1, 5, 8])
    np.testing.assert_allclose(lines[1].get_ydata(), [9.0, 49.0, 89.0], rtol=0, atol=1e-9)
    assert len({line.get_color() for line in lines}) == 3
    assert ("kept" if name == "low_pass" else "removed") in panel.get_xlabel()
    assert name.replace("_", "-") in panel.get_title()


def test_the_table_draws_them():
    for evaluator, arrays in (
        ("fourier", heat()),
        ("low_pass", filtered("low_pass")),
        ("high_pass", filtered("high_pass")),
    ):
        assert make_png(evaluator, arrays).startswith(b"\x89PNG")

"""Brightness and saturation, against the standard library's colour conversions."""

import colorsys

import numpy as np
import pytest

from sbn.data.corruptions import colour

RGB = np.array([[10, 200, 30], [255, 255, 255], [0, 0, 0], [90, 90, 90], [200, 10, 250], [1, 1, 2], [250, 3, 3]])


def by_hand(change):
    triples = [colorsys.hsv_to_rgb(*change(*colorsys.rgb_to_hsv(*(rgb / 255)))) for rgb in RGB]
    return np.array(triples) * 255


@pytest.mark.parametrize("shift", [0.05, 0.5])
def test_brightness_adds_to_the_value(shift):
    found = colour.brightness(RGB.astype(np.uint8).reshape(1, 1, -1, 3), shift)[0, 0]
    wanted = by_hand(lambda h, s, v: (h, s, min(v + shift, 1)))
    assert (np.abs(found - wanted + 0.5) <= 0.5 + 1e-9).all()  # truncated


@pytest.mark.parametrize(("scale", "shift"), [(0.3, 0), (20, 0.2)])
def test_saturation_is_scaled_and_shifted_and_greys_turn_red(scale, shift):
    found = colour.saturate(RGB.astype(np.uint8).reshape(1, 1, -1, 3), scale, shift)[0, 0]
    wanted = by_hand(lambda h, s, v: (h, min(s * scale + shift, 1), v))
    assert (np.abs(found - wanted + 0.5) <= 0.5 + 1e-9).all()

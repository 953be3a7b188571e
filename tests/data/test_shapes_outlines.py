"""The shapes' distances against areas known from geometry, and the random numbers against their contract."""

import math

import numpy as np
import pytest

from sbn.data.shapes import draws, outlines
from sbn.data.shapes.scene import wave

GRID = (np.arange(1000, dtype=np.float32) + 0.5) / 500 - 1
X, Y = np.meshgrid(GRID, GRID)

AREAS = {
    "disc": math.pi * 0.82**2,
    "square": 1.4**2,
    "triangle": 3 * math.sqrt(3) * 0.5**2,  # by its inner radius
    "cross": 2 * (1.86 * 0.62) - 0.62**2,
    "ring": math.pi * (0.86**2 - 0.42**2),
    "hexagon": 2 * math.sqrt(3) * 0.8**2,  # by its inner radius
}


def pentagram_area(inner: float) -> float:
    """Ten triangles between the centre, a tip and a notch: the lines lie `inner` from the centre."""
    tip, notch = inner / math.cos(2 * math.pi / 5), inner / math.cos(math.pi / 5)
    return 10 * 0.5 * tip * notch * math.sin(math.pi / 5)


@pytest.mark.parametrize("name", [*AREAS, "star"])
def test_area_is_that_of_the_formula(name):
    area = pentagram_area(0.31) if name == "star" else AREAS[name]
    got = (outlines.OUTLINES[name](X, Y) < 0).mean() * 4
    # Counting on 1000 x 1000 points is off by at most the points within half a spacing of the outline: its length,
    # below 9, times a half of 0.002; most of that cancels.
    assert abs(got - area) < 0.009


@pytest.mark.parametrize("name", outlines.NAMES)
def test_shape_fits_in_the_unit_disc(name):
    inside = outlines.OUTLINES[name](X, Y) < 0
    radius = np.sqrt(X * X + Y * Y)[inside].max()
    assert 0.8 < radius <= 1.01


@pytest.mark.parametrize("name", outlines.NAMES)
def test_distance_grows_no_faster_than_the_way(name):
    # What anti-aliasing and strokes rely on: a step of h changes the distance by h at most, by h across the
    # outline.
    d = outlines.OUTLINES[name](X, Y)
    steps = {"right": d[:, 1:] - d[:, :-1], "down": d[1:] - d[:-1]}
    diagonals = {"falling": d[1:, 1:] - d[:-1, :-1], "rising": d[1:, :-1] - d[:-1, 1:]}
    for way, change in steps.items():
        assert np.abs(change).max() < 0.002 * 1.001, way  # float32 rounds d to 1e-7 of its 1.4
    for way, change in diagonals.items():
        assert np.abs(change).max() < 0.002 * math.sqrt(2) * 1.001, way
    gy, gx = np.gradient(d, 0.002)
    assert np.median(np.hypot(gx, gy)[np.abs(d) < 0.01]) == pytest.approx(1, abs=0.01)


def test_outlines_differ_pairwise():
    # The closest pair, disc and hexagon, share 0.93 of their area; the next ones 0.82 at most.
    masks = [outline(X, Y) < 0 for outline in outlines.OUTLINES.values()]
    for i, one in enumerate(masks):
        for other in masks[:i]:
            assert (one & other).sum() / (one | other).sum() < 0.94


def test_wave_stays_close_to_a_sine():
    phase = np.linspace(-3, 3, 6001, dtype=np.float32)
    # The parabola through a sine's zeros and peaks is 0.056 off at most
    np.testing.assert_allclose(wave(phase), -np.sin(2 * np.pi * phase), atol=0.06)


def test_draws_are_uniform_and_independent():
    keys = draws.image_keys(np.arange(20_000), seed=0, split="train")
    u = draws.uniform(keys, "object", 4)
    assert u.min() >= 0
    assert u.max() < 1
    # Of 20,000 uniforms, means have a standard error of 0.289 / sqrt(20,000) = 0.002, correlations one of 0.007: 5 each
    np.testing.assert_allclose(u.mean(axis=0), 0.5, atol=0.01)
    assert np.abs(np.corrcoef(u.T) - np.eye(4)).max() < 0.035
    assert np.abs(np.corrcoef(u[:-1, 0], u[1:, 0])[0, 1]) < 0.035


def test_a_draw_does_not_depend_on_how_many_follow():
    keys = draws.image_keys(np.arange(5), seed=3, split="test")
    np.testing.assert_array_equal(draws.uniform(keys, "colour", 3), draws.uniform(keys, "colour", 20)[:, :3])
    assert not np.array_equal(draws.bits(keys, "colour", 1), draws.bits(keys, "object", 1))


def test_the_hash_is_splitmix64():
    # Reference values of SplitMix64 from state 1234567 (Vigna's splitmix64.c)
    state = np.array([1234567], np.uint64) + np.arange(1, 4, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    np.testing.assert_array_equal(draws.mix(state), np.array(expected, np.uint64))

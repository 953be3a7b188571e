"""Colours, against the standard library; elastic transforms, against SciPy and by hand at the edges."""

import colorsys

import numpy as np
import pytest
from scipy import ndimage

from sbn.data.corruptions import digital, kinds
from sbn.data.corruptions.stream import Stream
from tests.data.corruptions import reference
from tests.data.corruptions.pictures import pictures
from tests.oracles.corruptions import FORMULAS

RGB = np.array([[10, 200, 30], [255, 255, 255], [0, 0, 0], [90, 90, 90], [200, 10, 250], [1, 1, 2], [250, 3, 3]])


def by_hand(change):
    triples = [colorsys.hsv_to_rgb(*change(*colorsys.rgb_to_hsv(*(rgb / 255)))) for rgb in RGB]
    return np.array(triples) * 255


@pytest.mark.parametrize("shift", [0.05, 0.5])
def test_brightness_adds_to_the_value(shift):
    found = digital.brightness(RGB.astype(np.uint8).reshape(1, 1, -1, 3), shift)[0, 0]
    wanted = by_hand(lambda h, s, v: (h, s, min(v + shift, 1)))
    assert (np.abs(found - wanted + 0.5) <= 0.5 + 1e-9).all()  # truncated


@pytest.mark.parametrize(("scale", "shift"), [(0.3, 0), (20, 0.2)])
def test_saturation_is_scaled_and_shifted_and_greys_turn_red(scale, shift):
    found = digital.saturate(RGB.astype(np.uint8).reshape(1, 1, -1, 3), scale, shift)[0, 0]
    wanted = by_hand(lambda h, s, v: (h, min(s * scale + shift, 1), v))
    assert (np.abs(found - wanted + 0.5) <= 0.5 + 1e-9).all()


def test_three_points_go_where_they_are_moved():
    moves = np.random.default_rng(0).uniform(-3, 3, (4, 3, 2))
    points = np.array([[26, 26, 1], [26, 6, 1], [6, 6, 1]], float)
    ends = points.copy() + np.concatenate([moves, np.zeros((4, 3, 1))], axis=-1)
    back = digital.affine_matrix(32, moves)
    np.testing.assert_allclose(ends @ back.swapaxes(1, 2), points[None, :, :2].repeat(4, 0), atol=1e-5)


def test_the_affine_warp_is_bilinear_at_places_of_a_32nd_and_mirrored():
    planes = np.random.default_rng(0).uniform(size=(2, 1, 20, 20)).astype(np.float32)
    matrix = np.array([[[0.9, 0.2, -3.3], [-0.1, 1.2, 1.7]]])
    y, x = np.mgrid[:20, :20]
    places = np.stack([x, y, np.ones_like(x)], axis=-1) @ matrix[0].T
    places = np.floor(places * 32 + 0.5) / 32
    wanted = [
        ndimage.map_coordinates(plane[0], (places[..., 1], places[..., 0]), order=1, mode="mirror") for plane in planes
    ]
    np.testing.assert_allclose(digital.affine(planes, matrix)[:, 0], wanted, atol=1e-6)


def test_far_beyond_the_edge_it_is_mirrored_again_and_again():
    planes = np.arange(5, dtype=np.float32).reshape(1, 1, 1, 5).repeat(5, axis=2)
    shifted = np.array([[[1.0, 0, -22], [0, 1, 0]]])
    # 0 1 2 3 4 3 2 1 has a period of eight: -22 lies where 2 does
    np.testing.assert_array_equal(digital.affine(planes, shifted)[0, 0, 0], [2, 3, 4, 3, 2])


def test_inside_displacement_is_scipys_interpolation():
    rng = np.random.default_rng(1)
    planes = rng.uniform(size=(3, 2, 24, 24)).astype(np.float32)
    y, x = np.mgrid[:24, :24]
    right = (np.clip(x + rng.normal(scale=2, size=(2, 24, 24)), 0, 23) - x).astype(np.float32)
    down = (np.clip(y + rng.normal(scale=2, size=(2, 24, 24)), 0, 23) - y).astype(np.float32)
    found = digital.displaced(planes, right, down)
    for image in range(2):
        places = (y + down[image].astype(float), x + right[image].astype(float))
        wanted = [ndimage.map_coordinates(plane[image], places, order=1, mode="reflect") for plane in planes]
        np.testing.assert_allclose(found[:, image], wanted, atol=1e-6)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (-0.25, 17.5),  # moved to -0.75, three quarters of the way from pixel 0 to pixel -1, which is pixel 1
        (-1.5, 15),  # mirrored to 0.5
        (2.25, 27.5),  # a quarter of the way from pixel 2 to pixel 3, which is pixel 1
        (3.25, 27.5),  # mirrored to 1.75
        (4.5, 15),
    ],
)
def test_at_the_edge_displacement_is_that_of_the_old_scipy(place, value):
    planes = np.array([10, 20, 30], np.float32).reshape(1, 1, 1, 3).repeat(3, axis=2)
    field, still = np.full((1, 3, 3), place, np.float32), np.zeros((1, 3, 3), np.float32)
    assert digital.displaced(planes, field, still)[0, 0, 1, 0] == value
    assert digital.displaced(planes.swapaxes(2, 3).copy(), still, field)[0, 0, 0, 1] == value


@pytest.mark.parametrize("severity", [1, 3, 5])
def test_away_from_the_edge_it_is_the_published_formula(severity):
    images, values = pictures(8, 32), kinds.CIFAR["elastic_transform"][severity - 1]
    draws = reference.draws("elastic_transform", reference.states(range(8)), 32, *values)
    found = digital.elastic_transform(images, *draws, *values).astype(int)
    states = reference.states(range(8))
    wanted = [FORMULAS["elastic_transform"](image, rng, *values) for image, rng in zip(images, states, strict=True)]
    off = np.abs(found - np.stack(wanted))[:, 8:-8, 8:-8]
    # places are rounded to 1/1024 before they are cut to 1/32: a pixel in some hundred lies 1/32 aside
    assert off.max() <= 6
    assert (off > 0).mean() < 0.03


def test_fields_are_smoothed_by_a_gaussian_cut_at_three_sigma():
    images = np.tile(np.arange(0, 224, 7, dtype=np.uint8), (1, 32, 1))[..., None].repeat(3, axis=3)
    fields = np.zeros((2, 1, 32, 32))
    fields[0, 0, 16, 16] = 1
    moved = digital.elastic_transform(images, np.zeros((1, 3, 2)), fields, 10_000, 2, 0)[0, 16, :, 0]
    changed = np.flatnonzero(moved != images[0, 16, :, 0])
    assert (changed.min(), changed.max()) == (10, 22)


def test_draws_are_between_minus_one_and_one():
    moves, fields = digital.draw_elastic(Stream(0, "elastic_transform", 1, np.arange(2000)), 4)
    assert moves.shape == (2000, 3, 2)
    assert fields.shape == (2, 2000, 4, 4)
    for drawn in (moves, fields):
        np.testing.assert_allclose([drawn.min(), drawn.max()], [-1, 1], atol=0.02)
    assert not np.isin(moves, fields).mean() > 0.01


def test_without_displacement_and_jitter_nothing_changes():
    images = pictures(2, 32)
    still = digital.elastic_transform(images, np.ones((2, 3, 2)), np.ones((2, 2, 32, 32)), 0, 0, 0)
    np.testing.assert_array_equal(still, images)

"""Plasma fractals, against an independent program; frost is refused without photographs, made up only when asked."""

import numpy as np
import pytest
from PIL import Image

from sbn.config.errors import ConfigError
from sbn.data.corruptions import textures, weather
from sbn.data.corruptions.textures import plasma
from tests.data.corruptions import reference
from tests.oracles import corruptions


def test_a_known_fractal_comes_out():
    found = plasma(np.random.RandomState(0).random_sample((1, 32**2 - 1)), 3)[0]
    np.testing.assert_allclose(found.mean(), 0.46880199461404587, rtol=1e-12)
    first = [0.0, 0.1447955626445696, 0.2293609007967204, 0.3117302410565706]
    np.testing.assert_allclose(found[0, :4], first, rtol=1e-12)
    assert (found.argmin(), found.argmax(), found[0, 16]) == (0, 16, 1.0)


@pytest.mark.parametrize(("size", "decay"), [(8, 1.4), (64, 2)])
def test_a_batch_is_what_is_made_point_by_point(size, decay):
    draws = [np.random.RandomState(seed).random_sample(size**2 - 1) for seed in (1, 2)]
    wanted = [corruptions.plasma(np.random.RandomState(seed), size, decay) for seed in (1, 2)]
    np.testing.assert_allclose(plasma(np.stack(draws), decay), wanted, atol=1e-12)


def test_without_photographs_it_is_refused_and_told_how_to_get_them(tmp_path):
    for folder, words in ((None, ["photographs"]), (str(tmp_path), ["frost1.png, frost2.png", str(tmp_path)])):
        with pytest.raises(ConfigError) as caught:
            textures.pictures(folder, side=32, reduced=True)
        for word in [*words, "create_c", "procedural"]:
            assert word in str(caught.value)
        assert "\n" not in str(caught.value)


def write(folder, width, height):
    ramp = np.arange(width * height * 3, dtype=np.uint32).reshape(height, width, 3).astype(np.uint8)
    for name in textures.FILES:
        Image.fromarray(ramp).convert("RGBA").convert("RGB").save(folder / name)
    return ramp


def test_photographs_are_read_whole_or_every_fifth_pixel(tmp_path):
    ramp = write(tmp_path, 203, 187)
    whole = textures.pictures(str(tmp_path), side=100, reduced=False)
    assert len(whole) == 5
    np.testing.assert_array_equal(whole[0], ramp)
    fifth = textures.pictures(str(tmp_path), side=32, reduced=True)
    assert fifth[0].shape == (37, 41, 3)
    np.testing.assert_array_equal(fifth[0], ramp[2::5, 2::5])
    with pytest.raises(ConfigError, match=r"frost1\.png has 41 x 37 pixels of use, too few for images of 64"):
        textures.pictures(str(tmp_path), side=64, reduced=True)


def test_the_releases_photographs_have_their_sizes():
    folder = str(reference.path("frost"))
    shapes = [picture.shape[:2] for picture in textures.pictures(folder, side=224, reduced=False)]
    assert shapes == [(600, 900), (315, 560), (315, 560), (350, 527), (495, 660)]


@pytest.mark.parametrize("side", [16, 32, 64, 224])
def test_the_stand_in_is_bright_bluish_and_always_the_same(side):
    pictures = textures.pictures("procedural", side=side, reduced=True)
    assert len(pictures) == 5
    again = textures.procedural(side)
    for picture, same in zip(pictures, again, strict=True):
        np.testing.assert_array_equal(picture, same)
        assert min(picture.shape[:2]) > side
        assert picture[..., 2].mean() > picture[..., 0].mean()
        assert 120 < picture.mean() < 200
        assert picture.std() > 20


def test_every_part_of_every_photograph_can_be_drawn_and_no_other():
    from sbn.data.corruptions.stream import Stream

    photographs = [np.zeros((35, 34, 3), np.uint8), np.zeros((33, 40, 3), np.uint8)]
    which, corners = weather.draw_frost(Stream(0, "frost", 1, np.arange(3000)), 32, 1, 0.2, photographs)
    found = {(int(number), int(top), int(left)) for number, (top, left) in zip(which, corners, strict=True)}
    assert found == {(0, t, left) for t in range(3) for left in range(2)} | {(1, 0, left) for left in range(8)}

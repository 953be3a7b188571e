"""Waves, their half plane and the filters are NumPy's FFT, at even and odd sizes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sbn.data import spectrum
from tests.oracles import fourier

SIZES = [(8, 8), (7, 7), (6, 9), (5, 4), (12, 8)]


def waves(image_size, norm=1.0, size=None):
    frequencies, places = spectrum.half_plane(image_size, size=size)
    made = jax.jit(jax.vmap(spectrum.make_wave(image_size, norm=norm)))(frequencies)
    return frequencies, places, np.asarray(made)


def full(image_size):
    """The whole spectrum of an image whose sides are equal or whose larger side is even."""
    return waves(image_size, size=max(image_size))


@pytest.mark.parametrize("image_size", SIZES)
def test_the_waves_are_the_papers_basis_at_every_place(image_size):
    _, places, made = full(image_size)
    assert places.shape == image_size
    for i in range(image_size[0]):
        for j in range(image_size[1]):
            # float32 of values below 0.5, from float64 tables: half a unit of 2^-25
            np.testing.assert_allclose(made[places[i, j]], fourier.basis(i, j, *image_size), rtol=0, atol=3e-8)


def test_the_waves_of_cifar_are_the_papers_basis():
    _, places, made = full((32, 32))
    for i, j in [(0, 0), (0, 16), (16, 0), (16, 16), (16, 17), (15, 16), (1, 31), (31, 1), (0, 5), (20, 9)]:
        np.testing.assert_allclose(made[places[i, j]], fourier.basis(i, j, 32, 32), rtol=0, atol=3e-8)
    assert len(made) == 514  # 510 pairs and 4 of themselves


def test_large_images_keep_exact_phases():
    frequencies, _, made = waves((224, 224), size=5)
    for (u, v), wave in zip(frequencies, made, strict=True):
        np.testing.assert_allclose(wave, fourier.basis(u + 112, v + 112, 224, 224), rtol=0, atol=2e-9)
    wave = spectrum.make_wave((224, 224), norm=1.0)(jnp.asarray([-111, 97]))
    np.testing.assert_allclose(wave, fourier.basis(1, 112 + 97, 224, 224), rtol=0, atol=2e-9)


@pytest.mark.parametrize("image_size", SIZES)
def test_the_norm_is_the_one_asked_for(image_size):
    made = waves(image_size, norm=8.0)[2].astype(np.float64)
    # float32 values: relative rounding 2^-24 each
    np.testing.assert_allclose(np.sqrt((made**2).sum((1, 2))), 8.0, rtol=1e-7)


@pytest.mark.parametrize("image_size", SIZES)
def test_different_frequencies_are_orthogonal(image_size):
    made = full(image_size)[2].reshape(-1, image_size[0] * image_size[1]).astype(np.float64)
    np.testing.assert_allclose(made @ made.T, np.eye(len(made)), rtol=0, atol=1e-6)


@pytest.mark.parametrize("size", [1, 3, 4, 7, 8])
@pytest.mark.parametrize("image_size", [(8, 8), (7, 9)])
def test_a_map_is_the_middle_of_the_spectrum_and_its_pairs_share_a_wave(image_size, size):
    frequencies, places = spectrum.half_plane(image_size, size=size)
    height, width = places.shape
    assert (height, width) == tuple(min(size, n) for n in image_size)
    for i in range(height):
        for j in range(width):
            u, v = i - height // 2, j - width // 2
            named = tuple(frequencies[places[i, j]])
            same = [(u, v), (-u, -v)] + [
                ((-u + a) % n - a, (-v + b) % m - b) for n, m in [image_size] for a, b in [(n // 2, m // 2)]
            ]
            assert named in same
    # no pair twice, nothing that the map does not show
    assert sorted(set(places.ravel())) == list(range(len(frequencies)))
    assert len({tuple(f) for f in frequencies}) == len(frequencies)


@pytest.mark.parametrize(("image_size", "expected", "side"), [((32, 32), 481, 31), ((33, 33), 545, 33)])
def test_by_default_the_map_is_odd_with_zero_in_the_middle(image_size, expected, side):
    frequencies, places = spectrum.half_plane(image_size, size=None)
    assert places.shape == (side, side)
    assert len(frequencies) == expected == (side**2 + 1) // 2
    assert tuple(frequencies[places[side // 2, side // 2]]) == (0, 0)
    np.testing.assert_array_equal(places, places[::-1, ::-1])


def test_signs_are_fair_independent_coins_of_their_address():
    ids = np.arange(4000)

    def drawn(seed=0, frequency=(0, 1), ids=ids):
        return np.asarray(spectrum.signs(seed, jnp.asarray(ids), jnp.asarray(frequency), image_size=(32, 32)))

    first = drawn()
    assert first.shape == (4000, 3)
    assert set(np.unique(first)) == {-1, 1}
    np.testing.assert_array_equal(first[[7, 3, 3999]], drawn(ids=ids[[7, 3, 3999]]))
    others = [drawn(seed=1), drawn(frequency=(-3, 1)), drawn(frequency=(0, 2)), drawn(ids=ids + 4000), first[:, ::-1]]
    for other in [np.ones_like(first), *others[:-1]]:
        # 12,000 fair coins: 5 standard deviations
        assert abs((first * other).mean()) < 5 / np.sqrt(first.size)
    assert abs((first[:, 0] * first[:, 1]).mean()) < 5 / np.sqrt(4000)


def test_a_wave_is_added_by_its_sign_to_every_channel_and_clipped():
    rng = np.random.default_rng(0)
    images, signs = rng.random((4, 6, 5, 3), np.float32), rng.choice([-1.0, 1.0], (4, 3)).astype(np.float32)
    wave = np.asarray(spectrum.make_wave((6, 5), norm=3.0)(jnp.asarray([-1, 2])))
    made = np.asarray(jax.jit(spectrum.add_wave)(images, wave, signs))
    for n in range(4):
        for c in range(3):
            np.testing.assert_array_equal(made[n, :, :, c], np.clip(images[n, :, :, c] + signs[n, c] * wave, 0, 1))
    assert made.min() == 0
    assert made.max() == 1


# --- filters ---


@pytest.mark.parametrize("image_size", SIZES)
def test_the_filter_is_numpys_at_every_width(image_size):
    images = np.random.default_rng(1).random((2, *image_size, 3), np.float32)
    for width in range(1, max(image_size) + 1):
        made = np.asarray(jax.jit(spectrum.low_pass)(images, width))
        for n in range(2):
            # a float32 FFT of up to 96 numbers below 1
            np.testing.assert_allclose(made[n], fourier.low_pass(images[n], width), rtol=0, atol=1e-6)


@pytest.mark.parametrize("image_size", SIZES)
def test_the_full_width_changes_nothing_and_one_leaves_the_mean(image_size):
    images = np.random.default_rng(2).random((2, *image_size, 3), np.float32)
    whole = np.asarray(spectrum.low_pass(images, max(image_size)))
    np.testing.assert_allclose(whole, images, rtol=0, atol=1e-6)
    mean = np.broadcast_to(images.mean((1, 2), keepdims=True), images.shape)
    np.testing.assert_allclose(spectrum.low_pass(images, 1), mean, rtol=0, atol=1e-6)


@pytest.mark.parametrize("width", [0, 1, 4, 5, 8])
def test_low_and_high_add_up_and_high_has_nothing_in_the_square(width):
    images = np.random.default_rng(3).random((2, 8, 8, 3), np.float32)
    low, high = np.asarray(spectrum.low_pass(images, width)), np.asarray(spectrum.high_pass(images, width))
    np.testing.assert_allclose(low + high, images, rtol=0, atol=1e-6)
    u = np.fft.fftfreq(8, 1 / 8)
    inside = (abs(u)[:, None] < width / 2) & (abs(u)[None, :] < width / 2)
    content = np.abs(np.fft.fft2(high, axes=(1, 2)))
    assert content[:, inside].max(initial=0) < 1e-5
    if width < 8:
        assert content[:, ~inside].max() > 1


def test_a_wave_passes_the_low_filter_once_its_frequency_fits():
    wave = np.asarray(spectrum.make_wave((16, 16), norm=1.0)(jnp.asarray([-5, 3])))[None, :, :, None]
    for width in range(1, 17):
        # an even width of 10 keeps -5 without its pair: half the wave
        share = 1.0 if width > 10 else 0.5 if width == 10 else 0.0
        np.testing.assert_allclose(spectrum.low_pass(wave, width), share * wave, rtol=0, atol=1e-7)

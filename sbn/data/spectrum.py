"""Images in Fourier space: noise of one frequency (Yin et al. 2019), and square low-pass and high-pass filters.

A frequency (u, v) counts whole cycles down and across the image; along n pixels there are -(n // 2) ... (n - 1) // 2,
the order of np.fft.fftshift. A real image can't tell (u, v) from (-u, -v): the two are one pair, named by whichever of
them comes first, row by row.
"""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sbn.augment import draws

LIBRARY = draws.make_library(jnp)
NO_STAGE = 0xFFFFFFFF  # no stage of training has this number: evaluation shares no draw with augmentation


def band(width: Any, u: Any) -> Any:
    """Returns whether each frequency `u` of an axis is in the centred band of `width`: -width / 2 <= u < width / 2."""
    return (u >= -(width // 2)) & (u < width - width // 2)


def half_plane(image_size: tuple[int, int], *, size: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Returns the frequencies of a heat map, each pair once, and which of them stands where.

    Args:
        image_size: (H, W) in pixels.
        size: side of the map, the centred square of lowest frequencies; None: the largest odd one, which leaves out
            the frequency n / 2 of an even side, so that zero is in the middle.

    Returns:
        frequencies: (F, 2) int32, (u, v), named by the first of its pair.
        places: (h, w) int, rows of `frequencies`; u rises down the map, v to the right.
    """
    height, width = image_size
    axes = []
    for n in image_size:
        centred = np.arange(n) - n // 2
        axes.append(centred[band(n - 1 + n % 2 if size is None else min(size, n), centred)])
    u, v = np.meshgrid(*axes, indexing="ij")
    own = _number(u, v, image_size)
    # u = -n / 2 of an even side is its own negative
    pair = (height // 2 - u) % height * width + (width // 2 - v) % width
    numbers, places = np.unique(np.minimum(own, pair), return_inverse=True)
    frequencies = np.stack([numbers // width - height // 2, numbers % width - width // 2], axis=1)
    return frequencies.astype(np.int32), places.reshape(u.shape)


def make_wave(image_size: tuple[int, int], *, norm: float) -> Callable[[jax.Array], jax.Array]:
    """Returns a function from a frequency (2,) int, the first of its pair, to its wave (H, W) float32.

    The wave is the paper's U_uv times `norm`: sqrt(2 / HW) cos(2 pi (u y / H + v x / W) + pi / 4), or, for a frequency
    that is its own negative, ±1 / sqrt(HW). The phase is that of the authors' code.

    Args:
        image_size: (H, W) in pixels.
        norm: L2 norm of the wave.
    """
    height, width = image_size
    # Phases are whole multiples of 2 pi / period: computed in integers and looked up, they are exact at any size.
    period = math.lcm(height, width)
    angle = 2 * np.pi * np.arange(period) / period
    pairs, single = np.sqrt(2.0) * np.cos(angle + np.pi / 4), np.cos(angle)
    table = jnp.asarray(norm / math.sqrt(height * width) * np.stack([pairs, single]), jnp.float32)
    y, x = np.arange(height)[:, None] * (period // height), np.arange(width) * (period // width)

    def wave(frequency: jax.Array) -> jax.Array:
        u, v = frequency
        alone = (2 * u % height == 0) & (2 * v % width == 0)
        return table[alone.astype(int), (u * y + v * x) % period]

    return wave


def signs(seed: int, ids: jax.Array, frequency: jax.Array, *, image_size: tuple[int, int]) -> jax.Array:
    """Returns the random signs of a wave, -1 or 1: (N, 3) float32, by image and channel, of their address alone.

    Args:
        seed: the experiment's seed.
        ids: (N,) of the images.
        frequency: (2,) int, the first of its pair.
        image_size: (H, W) in pixels.
    """
    u, v = frequency
    number = _number(u, v, image_size)
    words = draws.bits(seed, ids, stage=NO_STAGE, epoch=number, view=0, draws=range(3), library=LIBRARY)
    return 1.0 - 2.0 * (words >> 31).astype(jnp.float32)


def add_wave(images: jax.Array, wave: jax.Array, signs: jax.Array) -> jax.Array:
    """Returns (N, H, W, 3) images in [0, 1] with a wave (H, W) on every channel, by its sign (N, 3), clipped again."""
    return jnp.clip(images + signs[:, None, None, :] * wave[None, :, :, None], 0.0, 1.0)


def low_pass(images: jax.Array, width: jax.Array) -> jax.Array:
    """Returns images of which only the centred `width` x `width` square of frequencies is left, not clipped.

    An odd width keeps |u| and |v| up to (width - 1) / 2. An even one keeps -width / 2 as well, without its negative,
    and of what comes out the real part is taken. At the full width, nothing changes. The paper (Split BatchNorms,
    section 6.2) says no more than "centered square".

    Args:
        images: (N, H, W, C) float.
        width: whole number, 0-d.
    """
    keep = [band(width, np.fft.fftfreq(n, 1 / n).round().astype(int)) for n in images.shape[1:3]]
    square = (keep[0][:, None] & keep[1][None, :])[None, :, :, None]
    return jnp.fft.ifft2(jnp.fft.fft2(images, axes=(1, 2)) * square, axes=(1, 2)).real


def high_pass(images: jax.Array, width: jax.Array) -> jax.Array:
    """Returns what `low_pass` of the same width takes away, not clipped: at width 0, the images themselves."""
    return images - low_pass(images, width)


def _number(u: Any, v: Any, image_size: tuple[int, int]) -> Any:
    """Returns the place of (u, v) in the centred spectrum, row by row."""
    height, width = image_size
    return (u + height // 2) * width + v + width // 2

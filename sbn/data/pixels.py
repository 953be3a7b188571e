"""Packed pixels: how images travel from the host to the accelerator, and what they become there."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np


def pack(images: np.ndarray, marks: np.ndarray | None = None) -> np.ndarray:
    """Packs uint8 RGB (..., H, W, 3) into int32 (..., H, W): R in the lowest byte, then G, B and a mark.

    Args:
        images: the colours.
        marks: (..., H, W) uint8; None: 255 throughout, for "image".
    """
    last = np.full(images.shape[:-1], 255, np.uint8) if marks is None else marks
    return np.concatenate([images, last[..., None]], axis=-1).view("<i4")[..., 0]


def marks(masks: np.ndarray) -> np.ndarray:
    """Returns the marks of pixels with labels: label + 1, and 255 for a pixel without one (`forms.VOID`).

    0 stays for filler, which has no label and which the network sees as the mean colour.

    Args:
        masks: (..., H, W) uint8, labels up to 253.
    """
    return np.where(masks == 255, masks, masks + 1).astype(np.uint8)


def unpack(words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the colours (..., H, W, 3) uint8 and the marks (..., H, W) uint8 of packed pixels."""
    rgbx = np.ascontiguousarray(words).view(np.uint8).reshape(*words.shape, 4)
    return rgbx[..., :3], rgbx[..., 3]


def normalise(pixels: jax.Array, *, mean: Sequence[float], std: Sequence[float]) -> jax.Array:
    """Returns packed pixels as a network's input: zero mean and unit variance per channel.

    Filler pixels (highest byte 0: the border of a padded crop, the hole of Cutout) become exactly 0, the data set's
    mean, as in the AutoAugment code, which pads and cuts after normalisation. No uint8 colour could say that.

    Args:
        pixels: (..., H, W) int32.
        mean: (3,) in [0, 1].
        std: (3,) in [0, 1].

    Returns:
        (..., H, W, 3) float32.
    """
    rgbx = jax.lax.bitcast_convert_type(pixels, jnp.uint8)
    return jnp.where(rgbx[..., 3:] > 0, normalise_colours(rgbx[..., :3], mean=mean, std=std), 0.0)


def normalise_colours(colours: jax.Array, *, mean: Sequence[float], std: Sequence[float]) -> jax.Array:
    """Returns colours (..., 3) uint8 as `normalise` does those of pixels that are no filler: (..., 3) float32."""
    scale = 1.0 / (255.0 * jnp.asarray(std, jnp.float32))
    shift = -jnp.asarray(mean, jnp.float32) / jnp.asarray(std, jnp.float32)
    return colours.astype(jnp.float32) * scale + shift


def standardise(images: jax.Array, *, mean: Sequence[float], std: Sequence[float]) -> jax.Array:
    """Returns images (..., H, W, 3) in [0, 1] as a network's input; values need not be multiples of 1/255.

    Args:
        images: without filler pixels.
        mean: (3,) in [0, 1].
        std: (3,) in [0, 1].
    """
    return (images - jnp.asarray(mean, jnp.float32)) / jnp.asarray(std, jnp.float32)

"""Looking up as products with one-hot matrices: for TPUs, whose gathers fetch one element after the other.

Bytes are exact in bfloat16, and every sum has one term that is not zero, so that the bits are a gather's.
"""

import math

import jax
import jax.numpy as jnp

_BYTES = (0, 8, 16, 24)


def show(words: jax.Array, rows: jax.Array, columns: jax.Array, *, image_size: tuple[int, int], fill: int) -> jax.Array:
    """Returns the pixels at other rows and columns, image by image.

    Args:
        words: (N, H * W) int32 packed.
        rows: (N, P) int32; `fill` is shown where it is off the image.
        columns: (N, P) likewise.
        image_size: (H, W), static.
        fill: a packed word.

    Returns:
        (N, P) int32.
    """
    across, down = (_one_hot(at, size) for at, size in ((columns, image_size[1]), (rows, image_size[0])))
    lines = jnp.einsum("nwp,nbhw->nbhp", across, _bytes(words, image_size), preferred_element_type=jnp.bfloat16)
    shown = jnp.sum(lines * down[:, None], axis=2, dtype=jnp.float32)
    inside = (rows >= 0) & (rows < image_size[0]) & (columns >= 0) & (columns < image_size[1])
    return jnp.where(inside, _words(shown), fill)


def show_lines(
    words: jax.Array, rows: jax.Array, columns: jax.Array, filled: jax.Array, *, image_size: tuple[int, int], fill: int
) -> jax.Array:
    """Returns images whose rows and columns come from given ones.

    Args:
        words: (N, H * W) int32 packed.
        rows: (N, H') int32.
        columns: (N, W') int32.
        filled: (N, H', W') bool, where `fill` is shown; it covers what is off the image.
        image_size: (H, W), static.
        fill: a packed word.

    Returns:
        (N, H' * W') int32.
    """
    across, down = (_one_hot(at, size) for at, size in ((columns, image_size[1]), (rows, image_size[0])))
    lines = jnp.einsum("nhr,nbhw->nbrw", down, _bytes(words, image_size), preferred_element_type=jnp.bfloat16)
    shown = jnp.einsum("nwc,nbrw->nbrc", across, lines, preferred_element_type=jnp.float32)
    return jnp.where(filled, fill, _words(shown)).reshape(len(words), math.prod(filled.shape[1:]))


def look_up(tables: jax.Array, planes: jax.Array) -> jax.Array:
    """Returns the new values of planes (N, 3, P) by tables (N, 3, 256) of bytes, int32 all."""
    high, low = _one_hot(planes >> 4, 16), _one_hot(planes & 15, 16)
    table = tables.reshape(*tables.shape[:2], 16, 16).astype(jnp.bfloat16)
    part = jnp.einsum("nclp,nchl->nchp", low, table, preferred_element_type=jnp.bfloat16)
    return jnp.sum(part * high, axis=2, dtype=jnp.float32).astype(jnp.int32)


def histograms(planes: jax.Array) -> jax.Array:
    """Counts the values of planes (N, 3, P): (N, 3, 256) int32."""
    high, low = _one_hot(planes >> 4, 16), _one_hot(planes & 15, 16)
    counts = jnp.einsum("nchp,nclp->nchl", high, low, preferred_element_type=jnp.float32)
    return counts.reshape(*planes.shape[:2], 256).astype(jnp.int32)


def _one_hot(index: jax.Array, size: int) -> jax.Array:
    """(..., P) to (..., size, P): pixels stay in the lanes, of which a short axis would fill few."""
    return (index[..., None, :] == jnp.arange(size)[:, None]).astype(jnp.bfloat16)


def _bytes(words: jax.Array, image_size: tuple[int, int]) -> jax.Array:
    """(N, H * W) words to (N, 4, H, W) bfloat16."""
    parts = jnp.stack([words >> shift & 255 for shift in _BYTES], axis=1)
    return parts.reshape(-1, 4, *image_size).astype(jnp.bfloat16)


def _words(parts: jax.Array) -> jax.Array:
    """(N, 4, ...) float32 bytes to (N, ...) words."""
    whole = parts.astype(jnp.int32)
    merged = whole[:, 0]
    for number, shift in enumerate(_BYTES[1:], start=1):
        merged |= whole[:, number] << shift
    return merged

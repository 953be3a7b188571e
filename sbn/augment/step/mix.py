"""Mixup, CutMix and Manifold Mixup: every example of a batch meets a partner."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from sbn.augment import step_ops

Array = jax.Array

# A share is a multiple of this, so that 1 - share is exact in float32 and labels keep their mass to the bit.
_GRID = 2.0**-24
# Below this the Beta distribution is read as its limit, in which nothing is mixed.
_LEAST_ALPHA = 1e-3


class Pairing(NamedTuple):
    """Who is mixed with whom.

    Attributes:
        partner: (N,) the partner's place in the batch, a permutation.
        share: () float32, what an example keeps of its own.
    """

    partner: Array
    share: Array


def blend(x: Array, pairing: Pairing) -> Array:
    """Returns share * x + (1 - share) * x[partner] for x (N, ...), computed in float32."""
    own, other = x.astype(jnp.float32), x[pairing.partner].astype(jnp.float32)
    return (pairing.share * own + (1 - pairing.share) * other).astype(x.dtype)


def draw_pairing(key: Array, alpha: Array | float, examples: int) -> Pairing:
    """Returns a permutation of the examples and a share ~ Beta(alpha, alpha); alpha = 0 keeps everything."""
    partner_key, share_key = jax.random.split(key)
    used = jnp.maximum(jnp.asarray(alpha, jnp.float32), _LEAST_ALPHA)
    drawn = jax.random.beta(share_key, used, used)
    share = jnp.where(jnp.asarray(alpha) < _LEAST_ALPHA, 1.0, jnp.floor(drawn / _GRID) * _GRID)
    return Pairing(jax.random.permutation(partner_key, examples), share)


def mixup(
    op: step_ops.Mixup, key: Array, images: Array, targets: Array, *, strength: Array | float = 1.0
) -> tuple[Array, Array]:
    """Blends images (N, H, W, C) and targets (N, classes) with those of their partners; `strength` scales alpha."""
    pairing = draw_pairing(key, op.alpha * strength, len(images))
    return blend(images, pairing), blend(targets, pairing)


def cutmix(
    op: step_ops.CutMix, key: Array, images: Array, targets: Array, *, strength: Array | float = 1.0
) -> tuple[Array, Array]:
    """Pastes a box of every image's partner into it, and blends targets by the box's part of the area.

    `strength` scales the probability that it happens.
    """
    pair_key, place_key, whether_key = jax.random.split(key, 3)
    partner, share = draw_pairing(pair_key, op.alpha, len(images))
    applied = jax.random.uniform(whether_key) < op.probability * strength
    ratio = jnp.where(applied, jnp.sqrt(1 - share), 0.0)
    inside, area = jnp.ones((), bool), jnp.ones((), jnp.int32)
    for axis, size in enumerate(images.shape[1:3]):
        side = jnp.floor(size * ratio).astype(jnp.int32)
        centre = jax.random.randint(jax.random.fold_in(place_key, axis), (), 0, size)
        first, end = (jnp.clip(centre + sign * (side // 2), 0, size) for sign in (-1, 1))
        place = jnp.arange(size)
        inside = inside[..., None] & (place >= first) & (place < end)
        area *= end - first
    kept = jnp.floor((1 - area / (images.shape[1] * images.shape[2])) / _GRID) * _GRID
    mixed = jnp.where(inside[None, :, :, None], images[partner], images)
    return mixed, blend(targets, Pairing(partner, kept))


class HiddenMix(NamedTuple):
    """Where in the network a view is mixed, and with whom.

    Attributes:
        place: () int32, which of the model's mixing points.
        pairing: the same at every place.
    """

    place: Array
    pairing: Pairing

    def at(self, place: int, x: Array) -> Array:
        """Returns the activations x (N, ...) that go on from mixing point number `place`."""
        share = jnp.where(self.place == place, self.pairing.share, 1.0)
        return blend(x, self.pairing._replace(share=share))


def draw_hidden_mix(
    op: step_ops.ManifoldMixup, key: Array, examples: int, *, strength: Array | float = 1.0
) -> HiddenMix:
    """Draws the place and the pairing of Manifold Mixup; `strength` scales alpha."""
    place_key, pair_key = jax.random.split(key)
    place = jax.random.randint(place_key, (), 0, op.deepest + 1)
    return HiddenMix(place, draw_pairing(pair_key, op.alpha * strength, examples))

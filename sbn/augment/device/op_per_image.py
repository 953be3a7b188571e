"""One op an image, whichever it is, on a batch inside a jitted step.

An accelerator gains nothing from sorting images by op, and `vmap` of `lax.switch` would compute every op for every
image. So a layer is one gather of positions, a few passes of arithmetic over values, which all tone ops share but for
Equalize's table, and one mask; ops that an image did not draw are identities there. What no image can draw is left out.
The mark X moves with its pixel; tone ops leave it alone and count a filler as the colour that stands under it.
"""

from collections.abc import Callable, Collection
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from sbn.augment.crops import square
from sbn.augment.device import tones
from sbn.augment.device.arrays import apart, marked, merge, split
from sbn.augment.levels import LEVELS
from sbn.augment.policies import GEOMETRY, OPAQUE
from sbn.augment.tone_tables import ENHANCE, ToneNumbers

NAMES = tuple(LEVELS)
NUMBER = {name: number for number, name in enumerate(NAMES)}
_OPAQUE = np.array([name in OPAQUE for name in NAMES])
_MOVES = np.array([name in GEOMETRY for name in NAMES])
_ENHANCED = np.array([name in ENHANCE for name in NAMES])
_ON_VALUES = frozenset(("Invert", "Posterize", "Solarize", "SolarizeAdd"))
_NO_TONES = frozenset((*GEOMETRY, "Identity", "Cutout"))


class Acts(NamedTuple):
    """What each of N images undergoes.

    Attributes:
        op: (N,) int32, `NUMBER` of the op.
        tones: `ToneNumbers`, (N,) each; without effect for ops that are not on tones.
        half: (N, 1) int32, the reach of Cutout's hole.
        centre: row and column of the hole, (N, 1) int32 each.
        source: where pixels come from, as the layer's `move` understands it.
    """

    op: jax.Array
    tones: ToneNumbers
    half: Any
    centre: Any
    source: Any


class OpPerImage:
    """Runs one op an image on images of one size.

    Args:
        names: the ops that an image can draw.
        image_size: (H, W), static.
        fill: the word that Cutout covers with.
        move: (words (N, P), source) -> words: the geometric ops; identity for images that drew another op.
        rules: how the tone ops compute, Pillow's way or TensorFlow's.
        opaque: whether the ops in `OPAQUE` turn fillers into image pixels.
    """

    def __init__(
        self,
        names: Collection[str],
        image_size: tuple[int, int],
        *,
        fill: int,
        move: Callable[[jax.Array, Any], jax.Array],
        rules: tones.Rules = tones.PILLOW,
        opaque: bool = False,
    ) -> None:
        self.names = frozenset(names)
        self.image_size = image_size
        self.fill = fill
        self.move = move
        self.rules = rules
        self.opaque = opaque

    def __call__(self, words: jax.Array, acts: Acts) -> jax.Array:
        """Returns (N, P) int32 words after one op each."""
        if self.names & set(GEOMETRY):
            words = apart(lambda words: self.move(words, acts.source), words, jnp.asarray(_MOVES)[acts.op])
        if self.names - _NO_TONES:
            words = merge(self._tone(split(words), acts), words)
        if "Cutout" in self.names:
            hole = square(acts.centre, acts.half, acts.half, image_size=self.image_size).reshape(words.shape)
            words = jnp.where(hole & _drew(acts, "Cutout")[:, None], self.fill, words)
        return jnp.where(jnp.asarray(_OPAQUE)[acts.op][:, None], marked(words), words) if self.opaque else words

    def _tone(self, planes: jax.Array, acts: Acts) -> jax.Array:
        made = tones.on_values(acts.tones, planes) if self.names & _ON_VALUES else planes
        base = jnp.zeros((1, 1, 1), jnp.int32)

        def choose(name: str, chosen: jax.Array, other: jax.Array) -> jax.Array:
            return jnp.where(_drew(acts, name)[:, None, None], chosen, other)

        if "Equalize" in self.names:
            made = choose("Equalize", tones.equalize(planes, _drew(acts, "Equalize")), made)
        if "AutoContrast" in self.names:
            made = choose("AutoContrast", self.rules.autocontrast(planes), made)
        if not self.names & set(ENHANCE):
            return made
        if "Color" in self.names:
            base = choose("Color", self.rules.luma(planes)[:, None], base)
        if "Contrast" in self.names:
            base = choose("Contrast", self.rules.mean_luma(planes)[:, None], base)
        if "Sharpness" in self.names:
            base = choose("Sharpness", self.rules.smooth(planes, image_size=self.image_size), base)
        enhanced = jnp.asarray(_ENHANCED)[acts.op][:, None, None]
        return jnp.where(enhanced, tones.blend(base, acts.tones, planes), made)


def _drew(acts: Acts, name: str) -> jax.Array:
    """(N,) bool: whether an image drew the op."""
    return acts.op == NUMBER[name]

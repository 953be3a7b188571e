"""RandAugment on a batch inside a jitted step: one path for all images, with numbers of their own.

An accelerator gains nothing from sorting images by op, and `vmap` of `lax.switch` would compute every op for every
image. So a layer is one gather of positions (a map an image), one of tones (a table an image and channel, and what it
fades to) and one mask; ops that an image did not draw are identities there.
The mark X moves with its pixel, uncovered pixels are marked as image, tone ops leave it alone and count a filler as the
colour that stands under it.
"""

import jax
import jax.numpy as jnp
import numpy as np

from sbn.augment import ops
from sbn.augment.device import tones
from sbn.augment.device.packing import grey, merge, pick, split
from sbn.augment.device.tables import tone_rows
from sbn.augment.device.window import covered
from sbn.augment.device.words import below
from sbn.augment.geometry import OUTSIDE, source_map
from sbn.augment.levels import LEVELS, argument
from sbn.augment.policies import GEOMETRY, OP_LISTS


class Layers:
    """RandAugment for one image size: the tables of its level, and the layers as a function of draws and pixels."""

    def __init__(self, op: ops.RandAugment, image_size: tuple[int, int]) -> None:
        self.layers = op.layers
        self.image_size = image_size
        if op.semantics != "pillow" or isinstance(op.fill, str):
            raise ValueError(
                f"randaugment(semantics={op.semantics!r}, fill={op.fill!r}) has no device implementation: "
                "there are semantics='pillow' with a grey level; --config.data.path=host has all"
            )
        self.fill = grey(op.fill)
        self.names = OP_LISTS[op.ops]
        arguments = {name: argument(name, op.magnitude) for name in LEVELS}
        self.cutout_side = int(arguments["Cutout"] or 0)
        self.tones = tone_rows(self.names, arguments)
        # Row 0 leaves pixels in place; rows 2k - 1 and 2k are the k-th geometric op with positive and negative sign.
        moves = [source_map(n, s * (arguments[n] or 0), image_size=image_size) for n in GEOMETRY for s in (1, -1)]
        self.maps = np.stack([np.arange(image_size[0] * image_size[1], dtype=np.int32), *moves])
        self.map_row = np.array([2 * GEOMETRY.index(n) + 1 if n in GEOMETRY else 0 for n in self.names], np.int32)

    def __call__(self, bits: jax.Array, words: jax.Array) -> jax.Array:
        """Applies all layers.

        Args:
            bits: (N, 4 * layers) uint32: op, sign, cutout row, cutout column of every layer.
            words: (N, H * W) int32 packed.

        Returns:
            (N, H * W) int32 packed.
        """
        for layer in range(self.layers):
            start = ops.DRAWS_A_LAYER * layer
            words = self._layer(bits[:, start : start + ops.DRAWS_A_LAYER], words)
        return words

    def _layer(self, bits: jax.Array, words: jax.Array) -> jax.Array:
        drawn = below(bits[:, 0], len(self.names))
        words = self._move(bits, drawn, words)
        words = merge(self._tone(drawn, split(words)), words)
        return self._cutout(bits, drawn, words) if "Cutout" in self.names else words

    def _drew(self, drawn: jax.Array, *names: str) -> jax.Array:
        """(N,) bool: whether an image drew one of these."""
        return jnp.asarray(np.isin(self.names, names))[drawn]

    def _move(self, bits: jax.Array, drawn: jax.Array, words: jax.Array) -> jax.Array:
        row = jnp.asarray(self.map_row)[drawn]
        source = jnp.asarray(self.maps)[jnp.where(row > 0, row + below(bits[:, 1], 2), 0)]
        return jnp.where(source == OUTSIDE, self.fill, pick(words, jnp.maximum(source, 0)))

    def _tone(self, drawn: jax.Array, planes: jax.Array) -> jax.Array:
        rows, greys = jnp.asarray(self.tones)[drawn][:, None], tones.luma(planes)
        base = jnp.zeros((1, 1, 1), jnp.int32)

        def choose(name: str, chosen: jax.Array, other: jax.Array) -> jax.Array:
            return jnp.where(self._drew(drawn, name)[:, None, None], chosen, other)

        if "Equalize" in self.names:
            counts = tones.histograms(planes, self._drew(drawn, "Equalize"))
            rows = choose("Equalize", _above(tones.equalize_tables(counts)), rows)
        if "AutoContrast" in self.names:
            rows = choose("AutoContrast", _above(tones.autocontrast_tables(planes)), rows)
        if "Color" in self.names:
            base = choose("Color", greys[:, None], base)
        if "Contrast" in self.names:
            base = choose("Contrast", tones.mean_luma(greys)[:, None], base)
        if "Sharpness" in self.names:
            base = choose("Sharpness", tones.smooth(planes, image_size=self.image_size), base)
        shape = planes.shape
        return tones.add(jnp.broadcast_to(base, shape), jnp.broadcast_to(rows, (*shape[:2], rows.shape[-1])), planes)

    def _cutout(self, bits: jax.Array, drawn: jax.Array, words: jax.Array) -> jax.Array:
        rows, columns = (
            covered(jnp.arange(size)[None], bits[:, 2 + axis, None], size=size, half=self.cutout_side // 2)
            for axis, size in enumerate(self.image_size)
        )
        hole = (rows[:, :, None] & columns[:, None, :]).reshape(words.shape)
        return jnp.where(hole & self._drew(drawn, "Cutout")[:, None], self.fill, words)


def _above(tables: jax.Array) -> jax.Array:
    """Tables (N, 3, 256) of new values as rows (N, 3, 511) for base 0."""
    return jnp.pad(tables.astype(jnp.float32), ((0, 0), (0, 0), (255, 0)))

"""RandAugment on a batch: images are sorted by the op they drew, each op runs once on its images, all return in order.

Sorted images lie in consecutive memory, so an op's share is a slice, which copies nothing, and ops that need the same
preparation (channel planes, histograms) are neighbours and share it. An op that no image drew gets an empty slice.
The mark X rides along: geometry moves it with its pixel, uncovered pixels are marked as image, tone ops leave it alone
and count a filler as the colour that stands under it (black until an op changes it).
"""

import numpy as np
import tensorflow as tf

from sbn.augment import draws, ops
from sbn.augment.geometry import OUTSIDE, source_map
from sbn.augment.host import tones
from sbn.augment.host.packing import grey, merge, split
from sbn.augment.host.words import TENSORFLOW
from sbn.augment.levels import LEVELS, argument
from sbn.augment.policies import GEOMETRY, OP_LISTS

# Images are sorted by slot. The last eight work on channel planes.
_SLOTS: tuple[tuple[str, ...], ...] = (
    ("Identity", "Invert", "Posterize"),
    ("Cutout",),
    GEOMETRY,
    ("Equalize",),
    ("AutoContrast",),
    ("Solarize",),
    ("SolarizeAdd",),
    ("Color",),
    ("Sharpness",),
    ("Contrast",),
    ("Brightness",),
)
_SLOT = {name: number for number, names in enumerate(_SLOTS) for name in names}


class Layers:
    """RandAugment for one image size: the tables of its level, and the layers as a function of draws and pixels."""

    def __init__(self, op: ops.RandAugment, image_size: tuple[int, int]) -> None:
        self.layers = op.layers
        self.image_size = image_size
        self.area = image_size[0] * image_size[1]
        self.fill = grey(op.fill)
        self.arguments = {name: argument(name, op.magnitude) for name in LEVELS}
        names = OP_LISTS[op.ops]
        self.slot = np.array([_SLOT[name] for name in names], np.int32)
        # (word & keep) ^ invert is identity, posterize or inversion; all three keep the mark
        dropped = (1 << (8 - _whole(self.arguments["Posterize"]))) - 1
        self.keep = np.array([~(dropped * 0x010101) if name == "Posterize" else -1 for name in names], np.int32)
        self.invert = np.array([0xFFFFFF if name == "Invert" else 0 for name in names], np.int32)
        # Row 2k of the maps is geometric op k with a positive sign, row 2k + 1 with a negative one.
        self.map_row = np.array([2 * GEOMETRY.index(name) if name in GEOMETRY else 0 for name in names], np.int32)
        self.maps = np.stack([self._map(name, sign) for name in GEOMETRY for sign in (1, -1)])

    def _map(self, name: str, sign: int) -> np.ndarray:
        sources = source_map(name, sign * (self.arguments[name] or 0), image_size=self.image_size)
        # Gathered from images with one more pixel, which holds the fill.
        return np.where(sources == OUTSIDE, self.area, sources).astype(np.int32)

    def __call__(self, bits: tf.Tensor, pixels: tf.Tensor) -> tf.Tensor:
        """Applies all layers.

        Args:
            bits: (N, 4 * layers) uint32: op, sign, cutout row, cutout column of every layer.
            pixels: (N, H, W) int32 packed words.

        Returns:
            (N, H, W) int32 packed words.
        """
        words = tf.reshape(pixels, [-1, self.area])
        for layer in range(self.layers):
            start = ops.DRAWS_A_LAYER * layer
            words = self._layer(bits[:, start : start + ops.DRAWS_A_LAYER], words)
        return tf.reshape(words, tf.shape(pixels))

    def _layer(self, bits: tf.Tensor, words: tf.Tensor) -> tf.Tensor:
        drawn = tf.cast(draws.below(bits[:, 0], len(self.slot), TENSORFLOW), tf.int32)
        slots = tf.gather(self.slot, drawn)
        order = tf.argsort(slots, stable=True)
        sizes = tf.reduce_sum(tf.one_hot(slots, len(_SLOTS), dtype=tf.int32), axis=0)
        ends = tf.unstack(tf.cumsum(sizes))
        words, bits, drawn = tf.gather(words, order), tf.gather(bits, order), tf.gather(drawn, order)
        parts = [
            self._mask(words[: ends[0]], drawn[: ends[0]]),
            self._cutout(words[ends[0] : ends[1]], bits[ends[0] : ends[1]]),
            self._move(words[ends[1] : ends[2]], drawn[ends[1] : ends[2]], bits[ends[1] : ends[2]]),
            self._tone(words[ends[2] :], [end - ends[2] for end in ends[3:]]),
        ]
        return tf.dynamic_stitch([order], [tf.concat(parts, axis=0)])

    def _mask(self, words: tf.Tensor, drawn: tf.Tensor) -> tf.Tensor:
        keep, invert = tf.gather(self.keep, drawn)[:, None], tf.gather(self.invert, drawn)[:, None]
        return tf.bitwise.bitwise_xor(tf.bitwise.bitwise_and(words, keep), invert)

    def _cutout(self, words: tf.Tensor, bits: tf.Tensor) -> tf.Tensor:
        half = _whole(self.arguments["Cutout"]) // 2
        covered = []
        for axis, size in enumerate(self.image_size):
            centre = tf.cast(draws.below(bits[:, 2 + axis, None], size, TENSORFLOW), tf.int32)
            covered.append((tf.range(size) >= centre - half) & (tf.range(size) < centre + half))
        hole = covered[0][:, :, None] & covered[1][:, None, :]
        return tf.where(tf.reshape(hole, tf.shape(words)), self.fill, words)

    def _move(self, words: tf.Tensor, drawn: tf.Tensor, bits: tf.Tensor) -> tf.Tensor:
        negative = tf.cast(draws.below(bits[:, 1], 2, TENSORFLOW), tf.int32)
        count = tf.shape(words)[0]
        index = tf.gather(self.maps, tf.gather(self.map_row, drawn) + negative)
        index += (tf.range(count) * (self.area + 1))[:, None]
        padded = tf.concat([words, tf.fill([count, 1], self.fill)], axis=1)
        return tf.gather_nd(tf.reshape(padded, [-1]), index[..., None])

    def _tone(self, words: tf.Tensor, ends: list[tf.Tensor]) -> tf.Tensor:
        equalized, stretched, solarized, added, coloured, sharpened, contrasted, _ = ends
        factor = self.arguments["Color"] or 0.0  # the enhance ops have one formula
        planes = split(words)
        colour, sharp = planes[added:coloured], planes[coloured:sharpened]
        contrast, bright = planes[sharpened:contrasted], planes[contrasted:]
        grey_level = tones.luma(colour)
        grey_planes = tf.stack([grey_level] * 3, axis=1)
        around = tf.concat([grey_planes, tones.smooth(sharp, image_size=self.image_size)], axis=0)
        mean = tones.mean_luma(contrast, area=self.area)
        flat = tf.concat([mean, tf.zeros([tf.shape(bright)[0], 1], tf.int32)], axis=0)
        result = [
            tones.histogram_ops(planes[:stretched], equalized, area=self.area),
            tones.solarize(planes[stretched:solarized], _whole(self.arguments["Solarize"])),
            tones.solarize_add(planes[solarized:added], _whole(self.arguments["SolarizeAdd"])),
            tones.blend(around, planes[added:sharpened], factor),
            tones.blend(flat[:, :, None], planes[sharpened:], factor),
        ]
        return merge(tf.concat(result, axis=0), words)


def _whole(value: float | None) -> int:
    return int(value or 0)

"""One op an image, whichever it is: images are sorted by op, each op runs once on its images, all return in order.

Sorted images lie in consecutive memory, so an op's share is a slice, which copies nothing, and ops that need the same
preparation (channel planes, histograms) are neighbours and share it. An op that no image drew gets an empty slice.
The mark X rides along: geometry moves it with its pixel, tone ops leave it alone and count a filler as the colour that
stands under it (black until an op changes it).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from sbn.augment.crops import square
from sbn.augment.host import tones
from sbn.augment.host.arrays import marked, merge, split
from sbn.augment.policies import OPAQUE

# Images are sorted by slot: three that work on words, four that move pixels, eight that work on channel planes.
_SLOTS: tuple[tuple[str, ...], ...] = (
    ("Identity",),
    ("Invert", "Posterize"),
    ("Cutout",),
    ("TranslateX", "TranslateY"),
    ("ShearX",),
    ("ShearY",),
    ("Rotate",),
    ("Equalize",),
    ("AutoContrast",),
    ("Solarize",),
    ("SolarizeAdd",),
    ("Color",),
    ("Sharpness",),
    ("Contrast",),
    ("Brightness",),
)
SLOT = {name: number for number, names in enumerate(_SLOTS) for name in names}
_OPAQUE = np.array([names[0] in OPAQUE for names in _SLOTS])


class Acts(NamedTuple):
    """What each of N images undergoes; only what its op needs is read.

    Attributes:
        slot: (N,) int32, `SLOT` of the op.
        value: (N,) float32: threshold, addition, factor, or full side of the hole.
        keep: (N,) int32: the bits that Invert and Posterize leave.
        invert: (N,) int32: the bits that they turn over.
        source: (N, ...): where pixels come from, as `move` understands it.
        centre: (N, 2) int32: row and column of the hole.
    """

    slot: tf.Tensor
    value: tf.Tensor
    keep: tf.Tensor
    invert: tf.Tensor
    source: tf.Tensor
    centre: tf.Tensor


class OpPerImage:
    """Runs one op an image on images of one size.

    Args:
        image_size: (H, W), static.
        fill: the word that Cutout covers with.
        move: (words (n, P), source (n, ...), ends) -> words (n, P): the geometric ops. `ends` are three 0-d int32:
            where translations end, then shears along x, then shears along y; rotations are the rest.
        rules: how the tone ops compute, Pillow's way or TensorFlow's.
        opaque: whether the ops in `OPAQUE` turn fillers into image pixels.
    """

    def __init__(
        self,
        image_size: tuple[int, int],
        *,
        fill: int,
        move: Callable[[tf.Tensor, tf.Tensor, list[tf.Tensor]], tf.Tensor],
        rules: tones.Rules = tones.PILLOW,
        opaque: bool = False,
    ) -> None:
        self.image_size = image_size
        self.area = image_size[0] * image_size[1]
        self.fill = fill
        self.move = move
        self.rules = rules
        self.opaque = opaque

    def __call__(self, words: tf.Tensor, acts: Acts) -> tf.Tensor:
        """Returns (N, P) int32 words after one op each."""
        order = tf.argsort(acts.slot, stable=True)
        sizes = tf.reduce_sum(tf.one_hot(acts.slot, len(_SLOTS), dtype=tf.int32), axis=0)
        ends = tf.unstack(tf.cumsum(sizes))
        words = tf.gather(words, order)
        acts = Acts(*(tf.gather(part, order) for part in acts))

        def share(first: int, last: int) -> tuple[tf.Tensor, Acts]:
            which = slice(ends[first - 1], ends[last])
            return words[which], Acts(*(part[which] for part in acts))

        moved, how = share(3, 6)
        parts = [
            words[: ends[0]],
            _mask(*share(1, 1)),
            self._cutout(*share(2, 2)),
            self.move(moved, how.source, [end - ends[2] for end in ends[3:6]]),
            self._tone(words[ends[6] :], acts.value[ends[6] :], [end - ends[6] for end in ends[7:]]),
        ]
        result = tf.concat(parts, axis=0)
        if self.opaque:
            result = tf.where(tf.gather(_OPAQUE, acts.slot)[:, None], marked(result), result)
        return tf.dynamic_stitch([order], [result])

    def _cutout(self, words: tf.Tensor, acts: Acts) -> tf.Tensor:
        half = tf.cast(acts.value, tf.int32)[:, None] // 2
        hole = square([acts.centre[:, :1], acts.centre[:, 1:]], half, half, image_size=self.image_size)
        return tf.where(tf.reshape(hole, tf.shape(words)), self.fill, words)

    def _tone(self, words: tf.Tensor, value: tf.Tensor, ends: list[tf.Tensor]) -> tf.Tensor:
        equalized, stretched, solarized, added, coloured, sharpened, contrasted, _ = ends
        value = value[:, None, None]
        whole = tf.cast(value[stretched:added], tf.int32)
        solarizing = solarized - stretched
        planes = split(words)
        colour, sharp = planes[added:coloured], planes[coloured:sharpened]
        contrast, bright = planes[sharpened:contrasted], planes[contrasted:]
        grey_level = self.rules.luma(colour)
        grey_planes = tf.stack([grey_level] * 3, axis=1)
        around = tf.concat([grey_planes, self.rules.smooth(sharp, image_size=self.image_size)], axis=0)
        mean = self.rules.mean_luma(contrast, area=self.area)
        flat = tf.concat([mean, tf.zeros([tf.shape(bright)[0], 1], tf.int32)], axis=0)
        stretch = self.rules.autocontrast_tables
        result = [
            tones.histogram_ops(planes[:stretched], equalized, area=self.area, stretch=stretch),
            tones.solarize(planes[stretched:solarized], whole[:solarizing]),
            tones.solarize_add(planes[solarized:added], whole[solarizing:]),
            tones.blend(around, planes[added:sharpened], value[added:sharpened]),
            tones.blend(flat[:, :, None], planes[sharpened:], value[sharpened:]),
        ]
        return merge(tf.concat(result, axis=0), words)


def _mask(words: tf.Tensor, acts: Acts) -> tf.Tensor:
    return tf.bitwise.bitwise_xor(tf.bitwise.bitwise_and(words, acts.keep[:, None]), acts.invert[:, None])

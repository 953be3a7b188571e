"""AugMix on a batch: all chains of all images run side by side, one op of each at a time, and are then mixed."""

import numpy as np
import tensorflow as tf

from sbn.augment import draws, geometry, mixture, ops
from sbn.augment.host import bilinear
from sbn.augment.host.arrays import TENSORFLOW, below, marked, merge, split
from sbn.augment.host.op_per_image import SLOT, Acts, OpPerImage
from sbn.augment.packing import MARK
from sbn.augment.policies import AUGMIX_9, AUGMIX_13

_POSTERIZED = np.array([~(((1 << (8 - kept)) - 1) * 0x010101) for kept in range(5)], np.int32)


class Chains:
    """AugMix for one image size."""

    def __init__(self, op: ops.AugMix, image_size: tuple[int, int]) -> None:
        self.op = op
        self.image_size = image_size
        self.area = image_size[0] * image_size[1]
        self.names = AUGMIX_13 if op.all_ops else AUGMIX_9
        self.slot = np.array([SLOT[name] for name in self.names], np.int32)
        self.one_each = OpPerImage(image_size, fill=MARK, move=self._move)
        # Row 2k turns by k degrees counter-clockwise, row 2k + 1 clockwise.
        steepest = int(op.severity * 30 / 10)
        turns = [geometry.rotation(sign * k % 360, *image_size) for k in range(steepest + 1) for sign in (1, -1)]
        self.turns = np.array(turns, np.float64)

    def __call__(self, bits: tf.Tensor, pixels: tf.Tensor) -> tf.Tensor:
        """Mixes every image with its chains.

        Args:
            bits: (N, draws) uint32, laid out as `ops.AugMix` says.
            pixels: (N, H, W) int32 packed words.

        Returns:
            (N, H, W) int32 packed words, all image; labels of a mask stay where they are.
        """
        width, alpha = self.op.width, self.op.alpha
        # A filler counts as the black that stands under it, as in the released code, whose crop pads with black.
        words = marked(tf.reshape(pixels, [-1, self.area]))
        start = mixture.draws_of_weights(width, alpha)
        shares = mixture.weights(bits[:, :start], width=width, alpha=alpha, library=TENSORFLOW)
        chains = self.chains(bits[:, start:], words)
        counts = [share[:, None, None] for share in shares]
        total = (mixture.ONE - tf.add_n(counts)) * split(words)
        for number, count in enumerate(counts):
            total += count * split(chains[:, number])
        # The weights' own rounding moves this by 255 * width / 2 of 2**16 at most: a byte stays a byte.
        mixed = tf.bitwise.right_shift(total + mixture.ONE // 2, np.int32(16))
        return tf.reshape(merge(mixed, words), tf.shape(pixels))

    def chains(self, bits: tf.Tensor, words: tf.Tensor) -> tf.Tensor:
        """Returns (N, width, P) int32: every chain's result for (N, P) words, before mixing."""
        per_chain = ops.AUGMIX_DRAWS_A_CHAIN + ops.AUGMIX_DRAWS_AN_OP * self.op.longest
        bits = tf.reshape(bits, [-1, per_chain])
        words = tf.repeat(words, self.op.width, axis=0)
        depth = below(bits[:, 0], 3) + 1 if self.op.depth < 0 else tf.fill(tf.shape(bits)[:1], self.op.depth)
        for step in range(self.op.longest):
            first = ops.AUGMIX_DRAWS_A_CHAIN + ops.AUGMIX_DRAWS_AN_OP * step
            words = self.one_each(words, self._acts(bits[:, first : first + 3], active=step < depth))
        return tf.reshape(words, [-1, self.op.width, self.area])

    def _acts(self, bits: tf.Tensor, *, active: tf.Tensor) -> Acts:
        drawn = below(bits[:, 0], len(self.names))
        unit = tf.cast(draws.unit(bits[:, 1], TENSORFLOW), tf.float64)
        level = 0.1 + (self.op.severity - 0.1) * unit
        negative = below(bits[:, 2], 2)
        sign = 1.0 - 2.0 * tf.cast(negative, tf.float64)
        zero = tf.zeros_like(level)

        def if_op(name: str, value: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
            return tf.where(drawn == self.names.index(name), value, other)

        def whole(maximum: float) -> tf.Tensor:
            return tf.floor(level * maximum / 10)

        shear = sign * (level * 0.3 / 10)
        height, width = self.image_size
        moved = [
            tf.ones_like(level),
            if_op("ShearX", shear, zero),
            if_op("TranslateX", sign * whole(width / 3), zero),
            if_op("ShearY", shear, zero),
            tf.ones_like(level),
            if_op("TranslateY", sign * whole(height / 3), zero),
        ]
        turned = tf.gather(self.turns, 2 * tf.cast(whole(30), tf.int32) + negative)
        kept = tf.gather(_POSTERIZED, 4 - tf.cast(whole(4), tf.int32))
        value = tf.cast(if_op("Solarize", 256 - whole(256), level * 1.8 / 10 + 0.1), tf.float32)
        nothing = tf.zeros_like(drawn)
        return Acts(
            slot=tf.where(active, tf.gather(self.slot, drawn), SLOT["Identity"]),
            value=value,
            keep=if_op("Posterize", kept, nothing - 1),
            invert=nothing,
            source=tf.where(drawn[:, None] == self.names.index("Rotate"), turned, tf.stack(moved, axis=1)),
            centre=tf.stack([nothing, nothing], axis=1),
        )

    def _move(self, words: tf.Tensor, matrices: tf.Tensor, ends: list[tf.Tensor]) -> tf.Tensor:
        parts = []
        # Translations are by whole pixels, and shears move along one axis: there is nothing to interpolate elsewhere.
        for start, end, across in zip([0, *ends], [*ends, None], ["", "x", "y", "xy"], strict=True):
            share, which = words[start:end], matrices[start:end]
            parts.append(bilinear.transform(share, which, image_size=self.image_size, fill=MARK, across=across))
        return tf.concat(parts, axis=0)

"""TrivialAugment on a batch: every image draws one op and one level."""

import tensorflow as tf

from sbn.augment import entries, ops
from sbn.augment.host.catalogue import Catalogue
from sbn.augment.host.words import below


class Trivial:
    """TrivialAugment for one image size: one op, one level, one sign an image."""

    def __init__(self, op: ops.TrivialAugment, image_size: tuple[int, int]) -> None:
        self.area = image_size[0] * image_size[1]
        self.names, self.levels = entries.TRIVIAL_OPS, entries.TRIVIAL_LEVELS
        self.catalogue = Catalogue(entries.of_trivialaugment(), image_size=image_size, fill=op.fill)

    def __call__(self, bits: tf.Tensor, pixels: tf.Tensor) -> tf.Tensor:
        """Applies the op.

        Args:
            bits: (N, 3) uint32: op, level, sign.
            pixels: (N, H, W) int32 packed words.

        Returns:
            (N, H, W) int32 packed words.
        """
        words = tf.reshape(pixels, [-1, self.area])
        drawn = below(bits[:, 0], len(self.names)) * self.levels + below(bits[:, 1], self.levels)
        return tf.reshape(self.catalogue(words, drawn, bits[:, 2:3]), tf.shape(pixels))

"""RandAugment on a batch: in each layer every image draws one entry of the catalogue."""

import tensorflow as tf

from sbn.augment import entries, ops
from sbn.augment.host.catalogue import Catalogue
from sbn.augment.host.words import below


class Layers:
    """RandAugment for one image size: the tables of its level, and the layers as a function of draws and pixels."""

    def __init__(self, op: ops.RandAugment, image_size: tuple[int, int]) -> None:
        self.layers = op.layers
        self.area = image_size[0] * image_size[1]
        self.entries = entries.of_randaugment(op)
        self.catalogue = Catalogue(self.entries, image_size=image_size, fill=op.fill, semantics=op.semantics)

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
            drawn = below(bits[:, start], len(self.entries))
            words = self.catalogue(words, drawn, bits[:, start + 1 : start + ops.DRAWS_A_LAYER])
        return tf.reshape(words, tf.shape(pixels))

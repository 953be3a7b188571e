"""AutoAugment on a batch: every image draws a sub-policy, and each of its two steps whether it happens."""

import numpy as np
import tensorflow as tf

from sbn.augment import draws, entries, ops
from sbn.augment.host.catalogue import Catalogue
from sbn.augment.host.words import TENSORFLOW, below


class SubPolicies:
    """AutoAugment for one image size: the tables of its policy, and its two steps as a function of draws and pixels."""

    def __init__(self, op: ops.AutoAugment, image_size: tuple[int, int]) -> None:
        self.area = image_size[0] * image_size[1]
        self.entries, steps = entries.of_autoaugment(op)
        self.catalogue = Catalogue(self.entries, image_size=image_size, fill=op.fill, semantics=op.semantics)
        self.probability = np.array([[step.probability for step in pair] for pair in steps], np.float32)
        self.entry = np.array([[step.entry for step in pair] for pair in steps], np.int32)

    def __call__(self, bits: tf.Tensor, pixels: tf.Tensor) -> tf.Tensor:
        """Applies both steps.

        Args:
            bits: (N, 9) uint32: the sub-policy; then, for each step, whether it happens, sign, cutout row and column.
            pixels: (N, H, W) int32 packed words.

        Returns:
            (N, H, W) int32 packed words.
        """
        words = tf.reshape(pixels, [-1, self.area])
        which = below(bits[:, 0], len(self.entry))
        for step in range(2):
            start = 1 + ops.DRAWS_A_LAYER * step
            happens = draws.unit(bits[:, start], TENSORFLOW) < tf.gather(self.probability[:, step], which)
            # entry 0 is Identity
            drawn = tf.where(happens, tf.gather(self.entry[:, step], which), 0)
            words = self.catalogue(words, drawn, bits[:, start + 1 : start + ops.DRAWS_A_LAYER])
        return tf.reshape(words, tf.shape(pixels))

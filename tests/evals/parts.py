"""Materials of evaluators, small: sources that number their images, and tasks that know their answers."""

import jax
import numpy as np

from sbn.data.examples import in_memory

CLASSES = 7


def source(count, *, side=4, seed=2):
    """Images whose first red value is their number, with labels at random."""
    images = np.zeros((count, side, side, 3), np.uint8)
    images[:, 0, 0, 0] = np.arange(count)
    labels = np.random.default_rng(seed).integers(0, CLASSES, count).astype(np.int32)
    return in_memory({"image": images, "label": labels}, name="toy", classes=CLASSES)


class ByPixels:
    """A task whose two branches are linear in the pixels, as NumPy can repeat; a filler pixel is 0."""

    branches = ("main", "aux")

    def __init__(self, side):
        self.weights = np.random.default_rng(5).normal(size=(2, side * side * 3, CLASSES)).astype(np.float32)

    def outputs(self, variables, inputs):
        return jax.numpy.einsum(
            "np,kpc->nkc", self._colours(inputs["image"], jax.numpy), self.weights, precision="highest"
        )

    def slow_logits(self, words):
        """The same in float64: (n, H, W) int32 -> (n, K, classes)."""
        return np.einsum("np,kpc->nkc", self._colours(words, np).astype(np.float64), self.weights.astype(np.float64))

    @staticmethod
    def _colours(words, xp):
        bytes_ = xp.stack([(words >> shift) & 0xFF for shift in (0, 8, 16)], axis=-1)
        opaque = ((words >> 24) & 0xFF)[..., None] > 0
        return xp.where(opaque, bytes_ / 255.0, 0.0).astype(np.float32).reshape(len(words), -1)

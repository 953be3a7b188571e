"""Large images, which are gone through one by one in NumPy: a batch of them is more than caches hold."""

import numpy as np
import tensorflow as tf

# Pixels from which on that takes less CPU time than passes of a whole batch through TensorFlow's ops: of RandAugment
# Pillow takes 1.4 times as much at 32 x 32, 0.95 of it at 64 x 64, 0.44 at 96 x 96. The bits are the same.
LARGE = 80 * 80
_ALIGNED = 64  # bytes; other arrays TensorFlow copies


def empty_like(array: np.ndarray) -> np.ndarray:
    """Returns an array of the same shape and type that a `tf.numpy_function` gives away without a copy."""
    memory = np.empty(array.nbytes + _ALIGNED, np.uint8)
    start = -memory.ctypes.data % _ALIGNED
    return memory[start : start + array.nbytes].view(array.dtype).reshape(array.shape)


def flipped(pixels: tf.Tensor, which: tf.Tensor) -> tf.Tensor:
    """Returns images (N, H, W) int32, mirrored where `which` (N,) bool says so."""
    return tf.ensure_shape(tf.numpy_function(_flipped, [pixels, which], tf.int32), pixels.shape)


def _flipped(pixels: np.ndarray, which: np.ndarray) -> np.ndarray:
    made = empty_like(pixels)
    for image, out, mirrored in zip(pixels, made, which.tolist(), strict=True):
        np.copyto(out, image[:, ::-1] if mirrored else image)
    return made

"""The augmentation ops in JAX, for use inside a jitted step: the host path's results, bit for bit, no TensorFlow."""

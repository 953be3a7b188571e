"""Keeps TensorFlow, which only reads and augments here, off the accelerator."""


def hide_gpus() -> None:
    """Hides the GPUs from TensorFlow, before its first use: it would take the memory that JAX needs."""
    import tensorflow as tf

    tf.config.set_visible_devices([], "GPU")

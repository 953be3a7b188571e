"""The ops of the training step, in JAX: they serve both data paths."""

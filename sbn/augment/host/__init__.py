"""The augmentation ops on tf.data, written for batches of packed pixels. Imports TensorFlow."""

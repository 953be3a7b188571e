"""The host path, and all else of data that needs TensorFlow or TFDS; both are loaded only when something is called."""

from sbn.data.host.canvases import batches_on_canvases
from sbn.data.host.pipeline import batches, batches_of

__all__ = ["batches", "batches_of", "batches_on_canvases"]

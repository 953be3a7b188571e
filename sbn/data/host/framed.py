"""From ids to images of one size, in tf.data: read, decoded once for all views, a frame cut out for every view.

Reading and the arithmetic of frames are done for a batch at a time, in NumPy; decoding and scaling for one image at a
time, in parallel.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from sbn.augment import draws
from sbn.augment.encoded_crops import EncodedCrop, crop_windows, split_crop
from sbn.augment.host.encoded_crops import MARGIN, crop_all, decode
from sbn.augment.pipeline import draw_addresses
from sbn.config.errors import ConfigError
from sbn.data.index import Index
from sbn.data.views import View

# Encoded images (n,), the parts of them to decode (n, 4), and the frames of each kind in these (n, 8)
_Looked = tuple[np.ndarray, ...]


class _Kinds:
    """The kinds of frames that views ask for: those of one kind are the same, and made once."""

    def __init__(self, index: Index, views: Sequence[View], *, seed: int, stage: int) -> None:
        self.index, self._seed, self._stage = index, seed, stage
        framings = [split_crop(view.ops) for view in views]
        keys = [
            (framing.resize, framing.cut, view.streams[view.ops.index(framing.cut)])
            for framing, view in zip(framings, views, strict=True)
        ]
        self._streams = [stream for *_, stream in dict.fromkeys(keys)]
        self.framings = [framings[keys.index(key)] for key in dict.fromkeys(keys)]
        self.of_views = [list(dict.fromkeys(keys)).index(key) for key in keys]

    def look(self, epoch: int, ids: np.ndarray) -> _Looked:
        """Reads images, and finds what parts of them are looked at."""
        sizes = self.index.sizes[ids]
        found = [
            crop_windows(framing, self._bits(framing, stream, epoch, ids), sizes)
            for framing, stream in zip(self.framings, self._streams, strict=True)
        ]
        first = np.maximum(np.min([frames.corner for frames in found], axis=0) - MARGIN, 0)
        end = np.minimum(np.max([frames.corner + frames.shape for frames in found], axis=0) + MARGIN, sizes)
        moved = [frames._replace(corner=frames.corner - first) for frames in found]
        data = np.array(self.index.read_plain(ids), object)  # NumPy's own strings would lose zeros at the end
        return data, np.concatenate([first, end - first], 1), *(np.concatenate(frames, 1) for frames in moved)

    def _bits(self, framing: EncodedCrop, stream: int, epoch: int, ids: np.ndarray) -> np.ndarray:
        (address,) = draw_addresses((framing.cut,), framing.size)
        return draws.bits(self._seed, ids, stage=self._stage, epoch=epoch, view=stream, draws=address)

    def cut(self, data: tf.Tensor, part: tf.Tensor, frames: Sequence[tf.Tensor]) -> tuple[tf.Tensor, ...]:
        """One image, decoded, and its frames, (H, W) packed for every kind."""
        return crop_all(decode(data, part), self.framings, frames)

    def signature(self) -> list[tf.TensorSpec]:
        """What `look` returns, in TensorFlow's words."""
        whereabouts = [tf.TensorSpec((None, 4), tf.int32), *[tf.TensorSpec((None, 8), tf.int32)] * len(self.framings)]
        return [tf.TensorSpec((None,), tf.string), *whereabouts]


def frame_batches(
    dataset: tf.data.Dataset, index: Index, views: Sequence[View], *, seed: int, stage: int, size: int
) -> tf.data.Dataset:
    """Turns a data set of (epoch, step, ids (n,)) into one with K images (n, H, W) int32 packed beside them.

    Args:
        dataset: of what is wanted.
        index: where the images are.
        views: K pipelines; their first ops, which frame, are done here.
        seed: the experiment's seed.
        stage: index of the stage.
        size: n.
    """
    kinds = _Kinds(index, views, seed=seed, stage=stage)

    def read(epoch: tf.Tensor, step: tf.Tensor, ids: tf.Tensor) -> tuple[Any, ...]:
        signature = kinds.signature()
        looked = tf.numpy_function(kinds.look, [epoch, ids], [spec.dtype for spec in signature])
        looked = [tf.ensure_shape(part, (size, *spec.shape[1:])) for part, spec in zip(looked, signature, strict=True)]
        return tf.fill([size], epoch), tf.fill([size], step), ids, *looked

    def cut(
        epoch: tf.Tensor, step: tf.Tensor, i: tf.Tensor, data: tf.Tensor, part: tf.Tensor, *frames: tf.Tensor
    ) -> tuple[Any, ...]:
        return epoch, step, i, kinds.cut(data, part, frames)

    def by_view(epochs: tf.Tensor, steps: tf.Tensor, ids: tf.Tensor, images: tuple[tf.Tensor, ...]) -> tuple[Any, ...]:
        return epochs[0], steps[0], ids, tuple(images[kind] for kind in kinds.of_views)

    read_ahead = dataset.map(read, num_parallel_calls=4, deterministic=True).prefetch(1).unbatch()
    cuts = read_ahead.map(cut, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return cuts.batch(size, drop_remainder=True).map(by_view)


def check_readable(index: Index, ids: Iterable[int]) -> None:
    """Decodes images whole, one by one.

    Raises:
        ConfigError: at the first that can't be read; it says which.
    """
    for i in ids:
        try:
            decode(tf.constant(index.read_plain(np.array([i]))[0]), tf.constant([0, 0, *index.sizes[i]]))
        except OSError as error:
            raise ConfigError(f"{index.name(i)} can't be read: {error}") from None
        except tf.errors.InvalidArgumentError:
            raise ConfigError(f"{index.name(i)} can't be decoded: it is damaged, or neither JPEG nor PNG") from None

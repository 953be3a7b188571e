"""From ids to images of one size, in tf.data: read, decoded once for all views, a frame cut out for every view.

Reading and the arithmetic of frames are done for a batch at a time, in NumPy; decoding and scaling for one image at a
time, in parallel.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from sbn.augment import draws
from sbn.augment.encoded_crops import EncodedCrop, crop_windows, move_boxes, split_crop
from sbn.augment.host.encoded_crops import MARGIN, crop_all, decode
from sbn.augment.pipeline import draw_addresses
from sbn.config.errors import ConfigError
from sbn.data.encoded import Encoded
from sbn.data.host.on_cpu import as_written
from sbn.data.pixels import marks
from sbn.data.targets import Targets
from sbn.data.views import View

# Encoded images (n,), marks of their parts (n,), the parts of them to decode (n, 4), and of each kind of frame where it
# lies in these (n, 8), and the boxes in it (n, B, 4)
_Looked = tuple[np.ndarray, ...]


class Framed(NamedTuple):
    """What comes out, for each of the K views.

    Attributes:
        images: (n, H, W) int32 packed, with the labels of the mask where one is wanted.
        boxes: (n, B, 4) float32; none where none are wanted.
    """

    images: tuple[tf.Tensor, ...]
    boxes: tuple[tf.Tensor, ...]


class _Kinds:
    """The kinds of frames that views ask for: those of one kind are the same, and made once."""

    def __init__(self, source: Encoded, views: Sequence[View], targets: Targets, *, seed: int, stage: int) -> None:
        self.index, self._seed, self._stage = source.index, seed, stage
        self._boxes = None if targets.boxes is None else source.beside.arrays[targets.boxes]
        self.masks = None if targets.mask is None else source.beside.masks[targets.mask]
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
        seen = [self._marks(i, *part) for i, *part in zip(ids, first, end, strict=True)]
        boxes = (
            []
            if self._boxes is None
            else [
                move_boxes(framing, frames, self._boxes[ids])
                for framing, frames in zip(self.framings, found, strict=True)
            ]
        )
        where = (np.concatenate(frames, 1) for frames in moved)
        return data, np.array(seen, object), np.concatenate([first, end - first], 1), *where, *boxes

    def _marks(self, i: int, first: np.ndarray, end: np.ndarray) -> bytes:
        """The marks of a part of an image, row by row; nothing where no mask is wanted."""
        if self.masks is None:
            return b""
        return marks(self.masks.labels(int(i))[first[0] : end[0], first[1] : end[1]]).tobytes()

    def _bits(self, framing: EncodedCrop, stream: int, epoch: int, ids: np.ndarray) -> np.ndarray:
        (address,) = draw_addresses((framing.cut,), framing.size)
        return draws.bits(self._seed, ids, stage=self._stage, epoch=epoch, view=stream, draws=address)

    def cut(
        self, data: tf.Tensor, seen: tf.Tensor, part: tf.Tensor, frames: Sequence[tf.Tensor]
    ) -> tuple[tf.Tensor, ...]:
        """One image, decoded, and its frames, (H, W) packed for every kind."""
        own = None if self.masks is None else tf.reshape(tf.io.decode_raw(seen, tf.uint8), part[2:])
        return crop_all(decode(data, part), self.framings, frames, own)

    def signature(self) -> list[tf.TensorSpec]:
        """What `look` returns, in TensorFlow's words."""
        kinds = len(self.framings)
        whereabouts = [tf.TensorSpec((None, 4), tf.int32), *[tf.TensorSpec((None, 8), tf.int32)] * kinds]
        texts = [tf.TensorSpec((None,), tf.string)] * 2
        boxes = [] if self._boxes is None else [tf.TensorSpec((None, *self._boxes.shape[1:]), tf.float32)] * kinds
        return [*texts, *whereabouts, *boxes]


def frame_batches(
    dataset: tf.data.Dataset,
    source: Encoded,
    views: Sequence[View],
    targets: Targets,
    *,
    seed: int,
    stage: int,
    size: int,
) -> tf.data.Dataset:
    """Turns a data set of (epoch, step, ids (n,)) into one with what views have of these images beside them.

    Args:
        dataset: of what is wanted.
        source: the images.
        views: K pipelines; their first ops, which frame, are done here.
        targets: what batches carry beside the images.
        seed: the experiment's seed.
        stage: index of the stage.
        size: n.
    """
    kinds = _Kinds(source, views, targets, seed=seed, stage=stage)

    def read(epoch: tf.Tensor, step: tf.Tensor, ids: tf.Tensor) -> tuple[Any, ...]:
        signature = kinds.signature()
        looked = tf.numpy_function(kinds.look, [epoch, ids], [spec.dtype for spec in signature])
        looked = [tf.ensure_shape(part, (size, *spec.shape[1:])) for part, spec in zip(looked, signature, strict=True)]
        return tf.fill([size], epoch), tf.fill([size], step), ids, *looked

    def cut(
        epoch: tf.Tensor,
        step: tf.Tensor,
        i: tf.Tensor,
        data: tf.Tensor,
        seen: tf.Tensor,
        part: tf.Tensor,
        *rest: tf.Tensor,
    ) -> tuple[Any, ...]:
        frames, boxes = rest[: len(kinds.framings)], rest[len(kinds.framings) :]
        return epoch, step, i, kinds.cut(data, seen, part, frames), boxes

    def by_view(
        epochs: tf.Tensor, steps: tf.Tensor, ids: tf.Tensor, images: tuple[Any, ...], boxes: tuple[Any, ...] = ()
    ) -> tuple[Any, ...]:
        made = (tuple(each[kind] for kind in kinds.of_views) if each else () for each in (images, boxes))
        return epochs[0], steps[0], ids, Framed(*made)

    read_ahead = dataset.map(as_written(read), num_parallel_calls=4, deterministic=True).prefetch(1).unbatch()
    cuts = read_ahead.map(as_written(cut), num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return cuts.batch(size, drop_remainder=True).map(as_written(by_view))


def check_readable(source: Encoded, ids: Iterable[int]) -> None:
    """Decodes images whole, one by one, and their label images.

    Raises:
        ConfigError: at the first that can't be read; it says which.
    """
    index = source.index
    for i in ids:
        for masks in source.beside.masks.values():
            masks.labels(int(i))
        try:
            decode(tf.constant(index.read_plain(np.array([i]))[0]), tf.constant([0, 0, *index.sizes[i]]))
        except OSError as error:
            raise ConfigError(f"{index.name(i)} can't be read: {error}") from None
        except tf.errors.InvalidArgumentError:
            raise ConfigError(f"{index.name(i)} can't be decoded: it is damaged, or neither JPEG nor PNG") from None

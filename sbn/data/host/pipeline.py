"""The tf.data path: batches of augmented views, each a pure function of (seed, stage, step)."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sbn.augment.encoded_crops import split_crop
from sbn.data.encoded import Encoded
from sbn.data.examples import LabelledImages
from sbn.data.host.on_cpu import as_written, hide_gpus
from sbn.data.targets import LABEL, Targets
from sbn.data.views import Fed, View, assemble, strengths

if TYPE_CHECKING:
    import tensorflow as tf


def batches(
    source: LabelledImages,
    views: Sequence[View],
    *,
    seed: int,
    stage: int,
    batch_size: int,
    start: int,
    stop: int,
    shard: tuple[int, int] = (0, 1),
    targets: Targets = LABEL,
) -> Iterator[Fed]:
    """Yields the batches of steps `start` to `stop - 1` of a stage.

    An epoch visits every example at most once, in an order of its own; the remainder that fills no batch is left out
    of that epoch. Nothing is remembered between batches, so starting at step 78,000 costs what starting at 0 costs.

    Args:
        source: the images to draw from.
        views: K pipelines.
        seed: the experiment's seed.
        stage: index of the stage; every stage has its own orders and draws.
        batch_size: examples a step over all processes.
        start: first step, counted from the start of the stage.
        stop: the step to stop before.
        shard: (index, count) of this process; it gets the index-th of count equal slices of every batch.
        targets: what batches carry beside the images.

    Yields:
        this process's part of a batch, n = batch_size / count examples, and the numbers of the step
        (`sbn.data.views`). A view that draws its size for every mini-batch makes 'image' a tuple, too.

    Raises:
        ConfigError: while iterating, if an encoded image can't be decoded; it says which.
    """
    hide_gpus()
    import tensorflow as tf

    from sbn.augment.host.arrays import order

    index, count = shard
    local = batch_size // count
    steps_per_epoch = len(source) // batch_size

    def epoch_ids(epoch: tf.Tensor) -> tf.data.Dataset:
        ids = tf.cast(order(seed, stage=stage, epoch=epoch, count=len(source)), tf.int32)[
            : steps_per_epoch * batch_size
        ]
        mine = tf.reshape(ids, (steps_per_epoch, batch_size))[:, index * local : (index + 1) * local]
        return (
            tf.data.Dataset.from_tensor_slices(mine)
            .enumerate(epoch * steps_per_epoch)
            .map(as_written(lambda step, ids: (epoch, step, ids)))
        )

    first, skipped = divmod(start, steps_per_epoch)
    epochs = tf.data.Dataset.range(first, stop // steps_per_epoch + 1)
    dataset = epochs.flat_map(as_written(epoch_ids)).skip(skipped).take(stop - start)
    return augmented(dataset, source, views, seed=seed, stage=stage, local=local, targets=targets)


def batches_of(
    source: LabelledImages,
    views: Sequence[View],
    ids: np.ndarray,
    *,
    seed: int,
    stage: int,
    epoch: int,
    targets: Targets = LABEL,
) -> Iterator[Fed]:
    """Yields batches of examples that the caller names, with the draws that they have in one epoch of one stage.

    Args:
        source: the images.
        views: K pipelines; one that fades has the strength of a step for each batch.
        ids: (batches, n) int32.
        seed: the experiment's seed.
        stage: index of the stage.
        epoch: of the stage.
        targets: what batches carry beside the images.

    Yields:
        what `batches` does.
    """
    hide_gpus()
    import tensorflow as tf

    with tf.device("CPU"):
        named = tf.data.Dataset.from_tensor_slices(ids).enumerate()
    dataset = named.map(as_written(lambda step, ids: (np.int64(epoch), step, ids)))
    return augmented(dataset, source, views, seed=seed, stage=stage, local=ids.shape[1], targets=targets)


def augmented(
    dataset: "tf.data.Dataset",
    source: LabelledImages,
    views: Sequence[View],
    *,
    seed: int,
    stage: int,
    local: int,
    targets: Targets,
) -> Iterator[Fed]:
    """Yields the batches of a data set of (epoch, step, ids (local,)); else as `batches`."""
    import tensorflow as tf

    from sbn.augment.host.apply import make_batch_apply

    with tf.device("CPU"):
        known = {name: tf.constant(array) for name, array in targets.arrays(source).items()}
    wanted = dataset
    if isinstance(source, Encoded):
        from sbn.data.host.framed import frame_batches

        sizes = [split_crop(view.ops).size for view in views]
        dataset = frame_batches(dataset, source, views, targets, seed=seed, stage=stage, size=local)
        views = [view.framed() for view in views]
    else:
        sizes = [source.images.shape[1:3]] * len(views)
        with tf.device("CPU"):
            packed = tf.constant(targets.packed(source))
    applies = [
        make_batch_apply(view.ops, view=view.draws, image_size=image_size, fading=view.strengths is not None)
        for view, image_size in zip(views, sizes, strict=True)
    ]
    left = strengths(views)

    def make_batch(
        epoch: tf.Tensor, step: tf.Tensor, ids: tf.Tensor, framed: Any = None
    ) -> tuple[dict[str, Any], dict[str, tf.Tensor]]:
        gathered = [tf.gather(packed, ids)] * len(views) if framed is None else framed.images
        own = {name: tf.gather(array, ids) for name, array in known.items()}
        placed: list[dict[str, tf.Tensor]] = [{}] * len(views)
        if targets.boxes is not None:
            boxes = [own[targets.boxes]] * len(views) if framed is None else framed.boxes
            placed = [{"boxes": each} for each in boxes]
        now = tf.ones(len(views)) if left is None else tf.gather(left, step)
        augmented = [
            apply(each, step, seed=seed, stage=stage, epoch=epoch, ids=ids, strength=now[k], **placed[k])
            for k, (apply, each) in enumerate(zip(applies, gathered, strict=True))
        ]
        numbers = {"epoch": tf.cast(epoch, tf.int32)} | ({} if left is None else {"strength": now})
        return assemble(augmented, own, ids, targets, tf.stack), numbers

    dataset = dataset.map(as_written(make_batch), num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    if isinstance(source, Encoded):
        return _readable(dataset.prefetch(2).as_numpy_iterator(), wanted, source)
    return dataset.prefetch(8).as_numpy_iterator()


def _readable(made: Iterator[Fed], wanted: Any, source: Encoded) -> Iterator[Fed]:
    """Passes batches on; where one can't be made, finds out which of its images is to blame."""
    import tensorflow as tf

    from sbn.data.host.framed import check_readable

    done = 0
    while True:
        try:
            batch = next(made)
        except StopIteration:
            return
        except (tf.errors.InvalidArgumentError, tf.errors.UnknownError):  # the latter: what reading raised
            for _, _, ids in wanted.skip(done).take(1):
                check_readable(source, ids.numpy())
            raise
        yield batch
        done += 1

"""Batches whose images lie on one of two canvases: a pipeline for each, and the order in which they take turns."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from sbn.augment.size_ops import on_canvas
from sbn.data.arrays import planned_batches
from sbn.data.batching import Batching
from sbn.data.canvases import portrait
from sbn.data.encoded import Encoded
from sbn.data.host.on_cpu import hide_gpus
from sbn.data.host.pipeline import augmented
from sbn.data.targets import Targets
from sbn.data.views import Fed, View


def batches_on_canvases(
    source: Encoded,
    views: Sequence[View],
    batching: Batching,
    *,
    seed: int,
    stage: int,
    batch_size: int,
    start: int,
    stop: int,
    targets: Targets,
    shard: tuple[int, int] = (0, 1),
) -> Iterator[Fed]:
    """Yields the batches of steps `start` to `stop - 1` of a stage, as `sbn.data.host.pipeline.batches` does.

    Args:
        source: the images to draw from.
        views: K pipelines.
        batching: which examples batches hold, each of one canvas.
        seed: the experiment's seed.
        stage: index of the stage.
        batch_size: examples of a batch, over all processes.
        start: first step, counted from the start of the stage.
        stop: the step to stop before.
        targets: what batches carry beside the images.
        shard: (index, count) of this process; it gets the index-th of count equal slices of every batch.
    """
    hide_gpus()
    import tensorflow as tf

    higher, local = portrait(source.index), batch_size // shard[1]
    span: dict[str, Any] = {"seed": seed, "stage": stage, "start": start, "stop": stop, "shard": shard}

    def steps(canvas: bool) -> Iterator[tuple[np.int64, np.int64, np.ndarray]]:
        for step, (epoch, own) in enumerate(planned_batches(batching, **span), start=start):
            if higher[own.ids[0]] == canvas:
                yield np.int64(epoch), np.int64(step), own.ids

    def made(canvas: bool) -> Iterator[Fed]:
        signature = (tf.TensorSpec((), tf.int64), tf.TensorSpec((), tf.int64), tf.TensorSpec((local,), tf.int32))
        dataset = tf.data.Dataset.from_generator(lambda: steps(canvas), output_signature=signature)
        seen = [dataclasses.replace(view, ops=on_canvas(view.ops, portrait=canvas)) for view in views]
        return augmented(dataset, source, seen, seed=seed, stage=stage, local=local, targets=targets)

    canvases: dict[bool, Iterator[Fed]] = {}
    for _, own in planned_batches(batching, **span):
        canvas = bool(higher[own.ids[0]])
        if canvas not in canvases:
            canvases[canvas] = made(canvas)
        yield next(canvases[canvas])

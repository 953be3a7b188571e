"""Pipelines of views of training, whose size a mini-batch may draw, in TensorFlow."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from sbn.augment.batch_sizes import RandomCropOf, drawn, variants
from sbn.augment.host.apply import make_apply
from sbn.augment.host.words import TENSORFLOW
from sbn.augment.op import Op


def make_batch_apply(
    ops: tuple[Op, ...], *, view: int | tuple[int, ...], image_size: tuple[int, int], fading: bool
) -> Callable[..., tf.Tensor]:
    """Returns `apply(pixels, step, *, seed, stage, epoch, ids, strength)`: a mini-batch at a step of its stage.

    The result is (N, H', W'), of unknown H' and W' where the batch draws them.

    Args:
        ops: the pipeline.
        view: stream of its draws, or one of each op.
        image_size: (H, W), static.
        fading: as for `sbn.augment.host.apply.make_apply`.

    Raises:
        ValueError: an op does not fit the image size.
    """
    applies = [
        functools.partial(make_apply(own, image_size=image_size, fading=fading), view=view) for own in variants(ops)
    ]
    if len(applies) == 1:
        return lambda pixels, step, **address: applies[0](pixels, **address)
    stream = _size_stream(ops, view)

    def apply(pixels: tf.Tensor, step: tf.Tensor, *, seed: Any, stage: Any, **address: Any) -> tf.Tensor:
        number = drawn(len(applies), seed=seed, stage=stage, step=step, stream=stream, words=TENSORFLOW)
        made = [functools.partial(one, pixels, seed=seed, stage=stage, **address) for one in applies]
        return tf.switch_case(number, made)

    return apply


def _size_stream(ops: Sequence[Op], view: int | tuple[int, ...]) -> int:
    places = (place for place, op in enumerate(ops) if isinstance(op, RandomCropOf))
    return view[next(places)] if isinstance(view, tuple) else view

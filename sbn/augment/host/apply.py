"""A pipeline as a function of packed pixels and of where its random numbers are: what the data pipeline calls."""

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from sbn.augment import draws, ops, size_ops
from sbn.augment.crops import CROP_OPS
from sbn.augment.host.arrays import TENSORFLOW
from sbn.augment.host.augmix import Chains
from sbn.augment.host.crops import apply_crops
from sbn.augment.host.filters import apply_blur, apply_inception_crop, apply_resize, apply_resize_and_pad
from sbn.augment.host.noise import apply_gaussian, apply_patch_gaussian
from sbn.augment.host.policy import policy
from sbn.augment.op import Op
from sbn.augment.pipeline import draw_addresses
from sbn.augment.size_checks import check_fits
from sbn.augment.size_ops import RandomCropOf, drawn, variants

# Policies: op -> what makes, of (op, image size), a function of (the op's draws, pixels)
_POLICIES: dict[type[ops.Op], Callable[[Any, tuple[int, int]], Callable[[tf.Tensor, tf.Tensor], tf.Tensor]]] = {
    ops.RandAugment: policy,
    ops.AutoAugment: policy,
    ops.TrivialAugment: policy,
    ops.AugMix: Chains,
}
# Other ops: op -> (op, its draws, pixels, image size) -> pixels
_FUNCTIONS: dict[type[ops.Op], Callable[[Any, tf.Tensor, tf.Tensor, tuple[int, int]], tf.Tensor]] = {
    ops.Gaussian: apply_gaussian,
    ops.PatchGaussian: apply_patch_gaussian,
    ops.Blur: apply_blur,
    ops.ResizeAndPad: apply_resize_and_pad,
    size_ops.InceptionCrop: apply_inception_crop,
    size_ops.Resize: apply_resize,
}
# One step: (draws (N, all of the pipeline's), pixels (N, H, W), strength) -> pixels (N, H', W')
_Step = Callable[[tf.Tensor, tf.Tensor, Any], tf.Tensor]


def make_apply(
    pipeline: tuple[ops.Op, ...], *, image_size: tuple[int, int], fading: bool = False
) -> Callable[..., tf.Tensor]:
    """Returns `apply(pixels, *, seed, stage, epoch, ids, view, strength)` for one pipeline.

    `pixels` are (N, H, W) int32 packed words (`sbn.augment.packing`), and so is the result, of the size that
    `sbn.augment.size_ops.sizes` tells. `ids` is (N,) whole numbers; seed, stage, epoch and view are ints or 0-d
    tensors, view also a tuple of one for every op. An image's result depends on these numbers and on the image alone:
    not on its batch, nor on eager or graph execution.
    Ops that run in the training step (`where` other than `'image'`) are passed over.

    Args:
        pipeline: what `sbn.augment.pipeline.parse` returns.
        image_size: (H, W), static.
        fading: whether policies leave an image alone with probability 1 - `strength`, else unused.

    Raises:
        ValueError: an op does not fit the image size.
    """
    check_fits(pipeline, image_size=image_size)
    addresses = draw_addresses(pipeline, image_size, more=1 if fading else 0)
    along = size_ops.sizes(pipeline, image_size)
    steps = _make_steps(pipeline, [len(address) for address in addresses], along, fading=fading)

    def apply(
        pixels: tf.Tensor, *, seed: Any, stage: Any, epoch: Any, ids: Any, view: Any, strength: Any = 1.0
    ) -> tf.Tensor:
        shape = pixels.shape
        if shape.rank != 3 or not shape[1:].is_compatible_with(image_size) or pixels.dtype != tf.int32:
            wanted = f"int32 (N, {image_size[0]}, {image_size[1]})"
            raise ValueError(f"pixels are {pixels.dtype.name} {shape}; they must be {wanted}")
        if not steps:
            return pixels
        bits = draws.bits_of_ops(seed, ids, stage=stage, epoch=epoch, view=view, draws=addresses, library=TENSORFLOW)
        for step in steps:
            pixels = step(bits, pixels, strength)
        return tf.ensure_shape(pixels, (shape[0], *along[-1]))

    return apply


def _make_steps(
    pipeline: tuple[ops.Op, ...], counts: list[int], along: tuple[tuple[int, int], ...], *, fading: bool
) -> list[_Step]:
    """The steps of a pipeline whose ops' draws, `counts` of them an op, lie side by side in one array."""
    ends = itertools.accumulate(counts)
    placed = [
        (op, range(end - count, end), size)
        for op, count, end, size in zip(pipeline, counts, ends, along, strict=False)
        if op.where == "image"
    ]
    steps: list[_Step] = []
    # neighbouring flips, crops, cutouts and windows are one step
    for is_crop, group in itertools.groupby(placed, key=lambda item: isinstance(item[0], CROP_OPS)):
        run = list(group)
        if is_crop:
            steps.append(_crop_step([(op, where) for op, where, _ in run], run[0][2]))
        else:
            steps.extend(_step(*item, fading=fading) for item in run)
    return steps


def _crop_step(run: list[tuple[ops.Op, range]], image_size: tuple[int, int]) -> _Step:
    def step(bits: tf.Tensor, pixels: tf.Tensor, strength: Any) -> tf.Tensor:
        drawn = [(op, bits[:, where.start : where.stop]) for op, where in run]
        return apply_crops(drawn, pixels, image_size)

    return step


def _step(op: ops.Op, where: range, image_size: tuple[int, int], *, fading: bool) -> _Step:
    if type(op) in _POLICIES:
        run_policy = _POLICIES[type(op)](op, image_size)
        own = slice(where.start, where.start + op.draws_needed(image_size))

        def step(bits: tf.Tensor, pixels: tf.Tensor, strength: Any) -> tf.Tensor:
            changed = run_policy(bits[:, own], pixels)
            if not fading:
                return changed
            kept = draws.unit(bits[:, own.stop], TENSORFLOW) < strength
            return tf.where(tf.reshape(kept, [-1] + [1] * (len(changed.shape) - 1)), changed, pixels)

        return step
    if type(op) in _FUNCTIONS:
        function = _FUNCTIONS[type(op)]
        own = slice(where.start, where.start + op.draws_needed(image_size))
        return lambda bits, pixels, strength: function(op, bits[:, own], pixels, image_size)
    raise ValueError(f"op {op.name!r} has no host implementation")


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
        number = drawn(len(applies), seed=seed, stage=stage, step=step, stream=stream, library=TENSORFLOW)
        made = [functools.partial(one, pixels, seed=seed, stage=stage, **address) for one in applies]
        return tf.switch_case(number, made)

    return apply


def _size_stream(ops: Sequence[Op], view: int | tuple[int, ...]) -> int:
    places = (place for place, op in enumerate(ops) if isinstance(op, RandomCropOf))
    return view[next(places)] if isinstance(view, tuple) else view

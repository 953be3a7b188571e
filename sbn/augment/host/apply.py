"""A pipeline as a function of packed pixels and of where its random numbers are: what the data pipeline calls."""

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from sbn.augment import draws, ops, size_ops
from sbn.augment.boxes import Boxes, BoxMap, begin, end, move
from sbn.augment.crops import CROP_OPS, moves
from sbn.augment.host.arrays import TENSORFLOW
from sbn.augment.host.augmix import Chains
from sbn.augment.host.crops import apply_crops
from sbn.augment.host.filters import apply_blur, apply_inception_crop, apply_resize, apply_resize_and_pad
from sbn.augment.host.noise import apply_gaussian, apply_patch_gaussian
from sbn.augment.host.policy import policy
from sbn.augment.op import Op, OwnOp
from sbn.augment.pipeline import draw_addresses
from sbn.augment.places import box_map, locate
from sbn.augment.policy_draws import Policy
from sbn.augment.size_checks import check_boxes, check_fits
from sbn.augment.size_ops import RandomCropOf, Size, drawn, variants

# One step: (draws (N, all of the pipeline's), pixels (N, H, W), boxes or None, strength) -> pixels (N, H', W'), boxes
_Step = Callable[[tf.Tensor, tf.Tensor, Boxes | None, Any], tuple[tf.Tensor, Boxes | None]]
# Ops that draw another op for every image: op -> what makes, of (op, image size), a policy
_POLICIES: dict[type[Op], Callable[[Any, Size], Policy]] = {
    ops.RandAugment: policy,
    ops.AutoAugment: policy,
    ops.TrivialAugment: policy,
    ops.AugMix: lambda op, image_size: _without_boxes(Chains(op, image_size)),
}
# Ops that resize: op -> (op, what `locate` returns, pixels, image size) -> pixels
_PLACED: dict[type[Op], Callable[[Any, Any, tf.Tensor, Size], tf.Tensor]] = {
    ops.ResizeAndPad: apply_resize_and_pad,
    size_ops.InceptionCrop: apply_inception_crop,
    size_ops.Resize: apply_resize,
}
# Ops that move nothing: op -> (op, its draws, pixels, image size) -> pixels
_IN_PLACE: dict[type[Op], Callable[[Any, tf.Tensor, tf.Tensor, Size], tf.Tensor]] = {
    ops.Gaussian: apply_gaussian,
    ops.PatchGaussian: apply_patch_gaussian,
    ops.Blur: apply_blur,
}


def make_apply(
    pipeline: tuple[Op, ...], *, image_size: Size, fading: bool = False, least_box: float = 0.0
) -> Callable[..., Any]:
    """Returns `apply(pixels, *, seed, stage, epoch, ids, view, strength, boxes)` for one pipeline.

    `pixels` are (N, H, W) int32 packed words (`sbn.augment.packing`), and so is the result, of the size that
    `sbn.augment.size_ops.sizes` tells. `ids` is (N,) whole numbers; seed, stage, epoch and view are ints or 0-d
    tensors, view also a tuple of one for every op. An image's result depends on these numbers and on the image alone:
    not on its batch, nor on eager or graph execution.
    With `boxes` (N, B, 4) float32, (y0, x0, y1, x1) in pixels, half-open, the result is (pixels, boxes), with
    boxes moved as `sbn.augment.boxes` says; a box that is gone, or was none, is zeros.
    Ops that run in the training step (`where` other than `'image'`) are passed over.

    Args:
        pipeline: what `sbn.augment.pipeline.parse` returns.
        image_size: (H, W), static.
        fading: whether policies leave an image alone with probability 1 - `strength`, else unused.
        least_box: the share of a box's area that must be left in the image; otherwise the box is gone.

    Raises:
        ValueError: an op does not fit the image size, or, once there are boxes, can't move them.
    """
    check_fits(pipeline, image_size=image_size)
    addresses = draw_addresses(pipeline, image_size, more=1 if fading else 0)
    along = size_ops.sizes(pipeline, image_size)
    steps = _make_steps(pipeline, [len(address) for address in addresses], along, fading=fading)

    def apply(
        pixels: tf.Tensor,
        *,
        seed: Any,
        stage: Any,
        epoch: Any,
        ids: Any,
        view: Any,
        strength: Any = 1.0,
        boxes: tf.Tensor | None = None,
    ) -> Any:
        shape = pixels.shape
        if shape.rank != 3 or not shape[1:].is_compatible_with(image_size) or pixels.dtype != tf.int32:
            wanted = f"int32 (N, {image_size[0]}, {image_size[1]})"
            raise ValueError(f"pixels are {pixels.dtype.name} {shape}; they must be {wanted}")
        if boxes is not None:
            check_boxes(pipeline)
        moved = None if boxes is None else begin(tf.convert_to_tensor(boxes, tf.float32), TENSORFLOW)
        if steps:
            bits = draws.bits_of_ops(
                seed, ids, stage=stage, epoch=epoch, view=view, draws=addresses, library=TENSORFLOW
            )
            for step in steps:
                pixels, moved = step(bits, pixels, moved, strength)
            pixels = tf.ensure_shape(pixels, (shape[0], *along[-1]))
        if moved is None:
            return pixels
        return pixels, tf.stack(end(moved, least=least_box, library=TENSORFLOW), axis=-1)

    return apply


def _make_steps(pipeline: tuple[Op, ...], counts: list[int], along: tuple[Size, ...], *, fading: bool) -> list[_Step]:
    """The steps of a pipeline whose ops' draws, `counts` of them an op, lie side by side in one array."""
    ends = itertools.accumulate(counts)
    placed = [
        (op, range(end - count, end), size)
        for op, count, end, size in zip(pipeline, counts, ends, along, strict=False)
        if op.where == "image"
    ]
    steps: list[_Step] = []
    # neighbouring flips, crops and cutouts are one step
    for is_crop, group in itertools.groupby(placed, key=lambda item: isinstance(item[0], CROP_OPS)):
        run = list(group)
        if is_crop:
            steps.append(_crop_step([(op, where) for op, where, _ in run], run[0][2]))
        else:
            steps.extend(_step(*item, fading=fading) for item in run)
    return steps


def _crop_step(run: list[tuple[Op, range]], image_size: Size) -> _Step:
    def step(bits: tf.Tensor, pixels: tf.Tensor, boxes: Boxes | None, strength: Any) -> tuple[tf.Tensor, Boxes | None]:
        drawn = [(op, bits[:, where.start : where.stop]) for op, where in run]
        made = moves(drawn, image_size=image_size, library=TENSORFLOW)
        if boxes is not None:
            for one in made:
                boxes = move(boxes, one.box_map(TENSORFLOW), one.after, TENSORFLOW)
        return apply_crops(made, pixels), boxes

    return step


def _step(op: Op, where: range, image_size: Size, *, fading: bool) -> _Step:
    own = slice(where.start, where.start + op.draws_needed(image_size))
    if type(op) in _POLICIES:
        run_policy = _POLICIES[type(op)](op, image_size)
        return functools.partial(_policy_step, run_policy, own=own, fading=fading)
    if type(op) in _PLACED:
        return functools.partial(_placed_step, op, own=own, image_size=image_size)
    if type(op) in _IN_PLACE:
        function = functools.partial(_IN_PLACE[type(op)], op)
        return lambda bits, pixels, boxes, strength: (function(bits[:, own], pixels, image_size), boxes)
    if isinstance(op, OwnOp) and op.host is not None:
        op.try_on("host", image_size, as_array=np.asarray)
        return functools.partial(_own_step, op, own=own, image_size=image_size)
    raise ValueError(f"{op.name} has no function 'host': it works only on the device path (data.path='device')")


def _policy_step(
    run: Policy, bits: tf.Tensor, pixels: tf.Tensor, boxes: Boxes | None, strength: Any, *, own: slice, fading: bool
) -> tuple[tf.Tensor, Boxes | None]:
    changed, moved = run(bits[:, own], pixels, boxes)
    if not fading:
        return changed, moved
    kept = draws.unit(bits[:, own.stop], TENSORFLOW) < strength
    pixels = tf.where(tf.reshape(kept, [-1] + [1] * (len(changed.shape) - 1)), changed, pixels)
    if boxes is None or moved is None:
        return pixels, None
    return pixels, Boxes(*(tf.where(kept[:, None], after, before) for after, before in zip(moved, boxes, strict=True)))


def _placed_step(
    op: Op, bits: tf.Tensor, pixels: tf.Tensor, boxes: Boxes | None, strength: Any, *, own: slice, image_size: Size
) -> tuple[tf.Tensor, Boxes | None]:
    place = locate(op, bits[:, own], image_size=image_size, library=TENSORFLOW)
    if boxes is not None:
        (_, after), by = size_ops.sizes([op], image_size), box_map(op, place, image_size=image_size, library=TENSORFLOW)
        boxes = move(boxes, by, after, TENSORFLOW)
    return _PLACED[type(op)](op, place, pixels, image_size), boxes


def _own_step(
    op: OwnOp, bits: tf.Tensor, pixels: tf.Tensor, boxes: Boxes | None, strength: Any, *, own: slice, image_size: Size
) -> tuple[tf.Tensor, Boxes | None]:
    def run(images: np.ndarray, drawn: np.ndarray) -> np.ndarray:
        return op.check_result(op.host(images, drawn), images)

    drawn, rgbx = bits[:, own], tf.bitcast(pixels, tf.uint8)
    images = rgbx if op.spatial else rgbx[..., :3]
    made = tf.ensure_shape(tf.numpy_function(run, [images, drawn], tf.uint8), images.shape)
    if boxes is not None and op.spatial:
        old = tf.stack(end(boxes, least=0.0, library=TENSORFLOW), axis=-1)
        new = tf.numpy_function(
            lambda old, drawn: np.float32(op.boxes(old, drawn, image_size)), [old, drawn], tf.float32
        )
        moved = move(begin(tf.ensure_shape(new, old.shape), TENSORFLOW), BoxMap(), image_size, TENSORFLOW)
        boxes = moved._replace(whole=tf.where(moved.whole > 0, boxes.whole, 0.0))
    return tf.bitcast(made if op.spatial else tf.concat([made, rgbx[..., 3:]], axis=-1), tf.int32), boxes


def _without_boxes(run: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]) -> Policy:
    return lambda bits, pixels, boxes: (run(bits, pixels), None)


def make_batch_apply(
    ops: tuple[Op, ...], *, view: int | tuple[int, ...], image_size: Size, fading: bool, least_box: float = 0.0
) -> Callable[..., Any]:
    """Returns `apply(pixels, step, *, seed, stage, epoch, ids, strength, boxes)`: a mini-batch at a step of its stage.

    The result is that of `make_apply`, of unknown H' and W' where the batch draws them.

    Args:
        ops: the pipeline.
        view: stream of its draws, or one of each op.
        image_size: (H, W), static.
        fading: as for `make_apply`.
        least_box: likewise.

    Raises:
        ValueError: an op does not fit the image size.
    """
    applies = [
        functools.partial(make_apply(own, image_size=image_size, fading=fading, least_box=least_box), view=view)
        for own in variants(ops)
    ]
    if len(applies) == 1:
        return lambda pixels, step, **address: applies[0](pixels, **address)
    stream = _size_stream(ops, view)

    def apply(pixels: tf.Tensor, step: tf.Tensor, *, seed: Any, stage: Any, **address: Any) -> Any:
        number = drawn(len(applies), seed=seed, stage=stage, step=step, stream=stream, library=TENSORFLOW)
        made = [functools.partial(one, pixels, seed=seed, stage=stage, **address) for one in applies]
        return tf.switch_case(number, made)

    return apply


def _size_stream(ops: Sequence[Op], view: int | tuple[int, ...]) -> int:
    places = (place for place, op in enumerate(ops) if isinstance(op, RandomCropOf))
    return view[next(places)] if isinstance(view, tuple) else view

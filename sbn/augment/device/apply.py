"""A pipeline as a function of packed pixels and of where its random numbers are: what a jitted step calls."""

import functools
import itertools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from sbn.augment import draws, ops, size_ops
from sbn.augment.boxes import Boxes, BoxMap, begin, end, move
from sbn.augment.crops import CROP_OPS, moves
from sbn.augment.device.arrays import JAX
from sbn.augment.device.augmix import Chains
from sbn.augment.device.crops import apply_crops
from sbn.augment.device.filters import apply_blur, apply_inception_crop, apply_resize, apply_resize_and_pad
from sbn.augment.device.noise import apply_gaussian, apply_patch_gaussian
from sbn.augment.device.policy import policy
from sbn.augment.op import Op, OwnOp
from sbn.augment.pipeline import draw_addresses
from sbn.augment.places import box_map, locate
from sbn.augment.policy_draws import Policy
from sbn.augment.size_checks import check_boxes, check_fits
from sbn.augment.size_ops import Size

# One step: (its ops' draws (N, draws), pixels (N, H * W), boxes or None, strength) -> pixels (N, H' * W'), boxes
_Step = Callable[[jax.Array, jax.Array, Boxes | None, Any], tuple[jax.Array, Boxes | None]]
# Ops that draw another op for every image: op -> what makes, of (op, image size), a policy
_POLICIES: dict[type[Op], Callable[[Any, Size], Policy]] = {
    ops.RandAugment: policy,
    ops.AutoAugment: policy,
    ops.TrivialAugment: policy,
    ops.AugMix: lambda op, image_size: _without_boxes(Chains(op, image_size)),
}
# Ops that resize: op -> (op, what `locate` returns, pixels, image size) -> pixels
_PLACED: dict[type[Op], Callable[[Any, Any, jax.Array, Size], jax.Array]] = {
    ops.ResizeAndPad: apply_resize_and_pad,
    size_ops.InceptionCrop: apply_inception_crop,
    size_ops.Resize: apply_resize,
}
# Ops that move nothing: op -> (op, its draws, pixels, image size) -> pixels
_IN_PLACE: dict[type[Op], Callable[[Any, jax.Array, jax.Array, Size], jax.Array]] = {
    ops.Gaussian: apply_gaussian,
    ops.PatchGaussian: apply_patch_gaussian,
    ops.Blur: apply_blur,
}


def make_apply(
    pipeline: tuple[Op, ...], *, image_size: Size, fading: bool = False, least_box: float = 0.0
) -> Callable[..., Any]:
    """Returns `apply(pixels, *, seed, stage, epoch, ids, view, strength, boxes)` for one pipeline.

    `pixels` are (N, H, W) int32 packed words (`sbn.data.pixels.pack`), and so is the result, of the size that
    `sbn.augment.size_ops.sizes` tells. `ids` is (N,) whole numbers; seed, stage, epoch and view are ints or 0-d arrays,
    traced or not, view also a tuple of one for every op. An image's result depends on these numbers and on the image
    alone, and is the host path's: bit for bit but for `gaussian`, `patch_gaussian` and `augmix`, where a few values in
    a million differ by one level (of 0..255), or by what AugMix's next op makes of one level.
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
    steps = _make_steps(pipeline, image_size, fading=fading)

    def apply(
        pixels: jax.Array,
        *,
        seed: Any,
        stage: Any,
        epoch: Any,
        ids: Any,
        view: Any,
        strength: Any = 1.0,
        boxes: jax.Array | None = None,
    ) -> Any:
        if pixels.shape[1:] != image_size or pixels.dtype != jnp.int32:
            wanted = f"int32 (N, {image_size[0]}, {image_size[1]})"
            raise ValueError(f"pixels are {pixels.dtype.name} {pixels.shape}; they must be {wanted}")
        if boxes is not None:
            check_boxes(pipeline)
        moved = None if boxes is None else begin(jnp.asarray(boxes, jnp.float32), JAX)
        words = jnp.reshape(pixels, (len(pixels), image_size[0] * image_size[1]))
        for places, step in steps:
            own = tuple(view[place] for place in places) if isinstance(view, tuple) else view
            address = [addresses[place] for place in places]
            bits = draws.bits_of_ops(seed, ids, stage=stage, epoch=epoch, view=own, draws=address, library=JAX)
            words, moved = step(bits, words, moved, strength)
        made = words.reshape(len(pixels), *size_ops.sizes(pipeline, image_size)[-1])
        return made if moved is None else (made, jnp.stack(end(moved, least=least_box, library=JAX), axis=-1))

    return apply


def _make_steps(pipeline: tuple[Op, ...], image_size: Size, *, fading: bool) -> list[tuple[list[int], _Step]]:
    """The steps of a pipeline with the places of their ops in it; neighbouring `CROP_OPS` are one step."""
    along = size_ops.sizes(pipeline, image_size)
    placed = zip(pipeline, itertools.count(), along, strict=False)  # the last size is that of the result
    steps: list[tuple[list[int], _Step]] = []
    for is_crop, group in itertools.groupby(
        (item for item in placed if item[0].where == "image"), key=lambda item: isinstance(item[0], CROP_OPS)
    ):
        run = list(group)
        if is_crop:
            steps.append(([place for _, place, _ in run], _crop_step([op for op, _, _ in run], run[0][2])))
        else:
            steps.extend(([place], _step(op, size, fading=fading)) for op, place, size in run)
    return steps


def _crop_step(run: list[Op], image_size: Size) -> _Step:
    counts = [op.draws_needed(image_size) for op in run]
    ends = list(itertools.accumulate(counts))

    def step(bits: jax.Array, words: jax.Array, boxes: Boxes | None, strength: Any) -> tuple[jax.Array, Boxes | None]:
        drawn = [(op, bits[:, end - count : end]) for op, count, end in zip(run, counts, ends, strict=True)]
        made = moves(drawn, image_size=image_size, library=JAX)
        if boxes is not None:
            for one in made:
                boxes = move(boxes, one.box_map(JAX), one.after, JAX)
        return apply_crops(made, words), boxes

    return step


def _step(op: Op, image_size: Size, *, fading: bool) -> _Step:
    own = op.draws_needed(image_size)
    if type(op) in _POLICIES:
        return functools.partial(_policy_step, _POLICIES[type(op)](op, image_size), own=own, fading=fading)
    if type(op) in _PLACED:
        return functools.partial(_placed_step, op, own=own, image_size=image_size)
    if type(op) in _IN_PLACE:
        function = functools.partial(_IN_PLACE[type(op)], op)
        return lambda bits, words, boxes, strength: (function(bits[:, :own], words, image_size), boxes)
    if isinstance(op, OwnOp) and op.device is not None:
        return functools.partial(_own_step, op, own=own, image_size=image_size)
    raise ValueError(f"{op.name} has no function 'device': it works only on the host path (data.path='host')")


def _policy_step(
    run: Policy, bits: jax.Array, words: jax.Array, boxes: Boxes | None, strength: Any, *, own: int, fading: bool
) -> tuple[jax.Array, Boxes | None]:
    changed, moved = run(bits[:, :own], words, boxes)
    if not fading:
        return changed, moved
    kept = draws.unit(bits[:, own:], JAX) < strength
    words = jnp.where(kept, changed, words)
    if boxes is None or moved is None:
        return words, None
    return words, Boxes(*(jnp.where(kept, after, before) for after, before in zip(moved, boxes, strict=True)))


def _placed_step(
    op: Op, bits: jax.Array, words: jax.Array, boxes: Boxes | None, strength: Any, *, own: int, image_size: Size
) -> tuple[jax.Array, Boxes | None]:
    place = locate(op, bits[:, :own], image_size=image_size, library=JAX)
    if boxes is not None:
        (_, after), by = size_ops.sizes([op], image_size), box_map(op, place, image_size=image_size, library=JAX)
        boxes = move(boxes, by, after, JAX)
    return _PLACED[type(op)](op, place, words, image_size), boxes


def _own_step(
    op: OwnOp, bits: jax.Array, words: jax.Array, boxes: Boxes | None, strength: Any, *, own: int, image_size: Size
) -> tuple[jax.Array, Boxes | None]:
    drawn = bits[:, :own]
    rgbx = jax.lax.bitcast_convert_type(words, jnp.uint8).reshape(len(words), *image_size, 4)
    images = rgbx if op.spatial else rgbx[..., :3]
    made = op.check_result(op.device(images, drawn), images)
    if boxes is not None and op.spatial:
        old = jnp.stack(end(boxes, least=0.0, library=JAX), axis=-1)
        new = jnp.asarray(op.boxes(old, drawn, image_size), jnp.float32)
        moved = move(begin(new, JAX), BoxMap(), image_size, JAX)
        boxes = moved._replace(whole=jnp.where(moved.whole > 0, boxes.whole, 0.0))
    made = made if op.spatial else jnp.concatenate([made, rgbx[..., 3:]], axis=-1)
    return jax.lax.bitcast_convert_type(made, jnp.int32).reshape(words.shape), boxes


def _without_boxes(run: Callable[[jax.Array, jax.Array], jax.Array]) -> Policy:
    return lambda bits, words, boxes: (run(bits, words), None)

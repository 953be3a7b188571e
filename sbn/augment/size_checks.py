"""Checks that images are large enough for the ops of a pipeline, before anything is built on either data path."""

from collections.abc import Callable
from typing import Any

from sbn.augment.op import OwnOp
from sbn.augment.ops import AugMix, Blur, Crop, Op, ResizeAndPad
from sbn.augment.pipeline import draw_addresses
from sbn.augment.size_ops import CentreCrop, Fit, RandomCrop, RandomCropOf, RandomScale, Size, sizes
from sbn.augment.step_ops import MIXES


def check_fits(ops: tuple[Op, ...], *, image_size: Size) -> None:
    """Raises a one-line ValueError if `ops` can't be applied to images of (height, width).

    It names the op, which of several it is, and the size that images have where it stands.
    """
    for number, (op, size) in enumerate(zip(ops, sizes(ops, image_size), strict=False), start=1):
        if op.inputs != "image":
            raise ValueError(f"{op.name} works on {op.inputs}, not on images")
        if type(op) in _CHECKS:
            try:
                _CHECKS[type(op)](op, size)
            except ValueError as error:
                place = f"op {number} of {len(ops)}: " if len(ops) > 1 else ""
                raise ValueError(f"{place}{error}") from None
    draw_addresses(ops, image_size)


def check_boxes(ops: tuple[Op, ...]) -> None:
    """Raises a one-line ValueError if `ops` have one that boxes can't follow; it names it."""
    for op in ops:
        if isinstance(op, AugMix):
            raise ValueError("augmix mixes copies of an image that are moved differently: boxes can't follow it")
        if isinstance(op, MIXES):
            raise ValueError(f"{op.name} mixes images of the batch: boxes can't follow it")
        if isinstance(op, OwnOp) and op.spatial and op.boxes is None:
            raise ValueError(f"{op.name} moves pixels and has no function 'boxes': boxes can't follow it")


def check_deterministic(ops: tuple[Op, ...]) -> None:
    """Raises a one-line ValueError if `ops` draw, or run in the training step: evaluation does neither."""
    for op in ops:
        if op.where != "image" or op.draws_needed((64, 64)):
            raise ValueError(f"{op.name} is random or needs the model; evaluation treats every image the same way")


def _pixels(image_size: Size) -> str:
    return f"{image_size[0]} x {image_size[1]} pixels"


def _check_crop(op: Crop, image_size: Size) -> None:
    side = min(image_size)
    if op.pad >= side:  # reflecting would need a second reflection
        raise ValueError(
            f"crop(pad) is {op.pad}, the pixels added on every side; for images of {_pixels(image_size)} it must be "
            f"below {side}"
        )
    if 2 * op.pad + 1 > 1 << 16:  # more offsets than one draw tells apart
        raise ValueError(f"crop(pad) is {op.pad}; it must be below {1 << 15}")


def _check_blur(op: Blur, image_size: Size) -> None:
    if op.side // 2 >= min(image_size):  # it would need a second reflection
        side = 2 * min(image_size)
        raise ValueError(f"blur(side) is {op.side}; for images of {_pixels(image_size)} it must be below {side}")


def _check_size(op: RandomCrop | CentreCrop | ResizeAndPad, image_size: Size) -> None:
    if op.size > min(image_size):
        raise ValueError(
            f"{op.name}(size) is {op.size}; for images of {_pixels(image_size)} it must be at most {min(image_size)}"
        )


def _refuse(op: RandomCropOf, image_size: Size) -> None:
    raise ValueError(
        f"{op.name} draws a size per mini-batch; it is only allowed in training views, with data.path = 'host'"
    )


def _refuse_encoded(op: Fit | RandomScale, image_size: Size) -> None:
    enough = "resize is enough" if isinstance(op, Fit) else "inception_crop scales, too"
    raise ValueError(
        f"{op.name} is only for data sets whose images differ in size, as the first op; for images of one size {enough}"
    )


_CHECKS: dict[type[Op], Callable[[Any, Size], None]] = {
    Crop: _check_crop,
    Blur: _check_blur,
    ResizeAndPad: _check_size,
    RandomCrop: _check_size,
    CentreCrop: _check_size,
    RandomCropOf: _refuse,
    Fit: _refuse_encoded,
    RandomScale: _refuse_encoded,
}

"""What ops demand of the size of the images: found before anything is built on it, whichever data path builds."""

from collections.abc import Callable
from typing import Any

from sbn.augment.ops import Blur, Crop, Op, ResizeAndPad
from sbn.augment.pipeline import draw_addresses

_Size = tuple[int, int]


def check_fits(ops: tuple[Op, ...], *, image_size: _Size) -> None:
    """Raises a one-line ValueError that names the op if `ops` can't be applied to images of (height, width)."""
    draw_addresses(ops, image_size)
    for op in ops:
        if type(op) in _CHECKS:
            _CHECKS[type(op)](op, image_size)


def _check_crop(op: Crop, image_size: _Size) -> None:
    side = min(image_size)
    if op.fill == "reflect" and op.pad >= side:  # it would need a second reflection
        raise ValueError(f"crop(pad) is {op.pad}; to reflect images of {image_size} it must be below {side}")
    if 2 * op.pad + 1 > 1 << 16:  # more offsets than one draw tells apart
        raise ValueError(f"crop(pad) is {op.pad}; it must be below {1 << 15}")


def _check_blur(op: Blur, image_size: _Size) -> None:
    if op.side // 2 >= min(image_size):  # it would need a second reflection
        side = 2 * min(image_size)
        raise ValueError(f"blur(side) is {op.side}; to reflect images of {image_size} it must be below {side}")


def _check_resize(op: ResizeAndPad, image_size: _Size) -> None:
    if op.size > min(image_size):
        raise ValueError(
            f"resize_and_pad(size) is {op.size}; of images of {image_size} it must be at most {min(image_size)}"
        )


_CHECKS: dict[type[Op], Callable[[Any, _Size], None]] = {
    Crop: _check_crop,
    Blur: _check_blur,
    ResizeAndPad: _check_resize,
}

"""Whether a pipeline fits images of a size: found before anything is built on it."""

from sbn.augment.ops import Crop, Op
from sbn.augment.pipeline import draw_addresses


def check_fits(ops: tuple[Op, ...], *, image_size: tuple[int, int]) -> None:
    """Raises a one-line ValueError that names the op if `ops` can't be applied to images of (height, width)."""
    draw_addresses(ops, image_size)
    for op in ops:
        if not isinstance(op, Crop):
            continue
        if op.fill == "reflect" and op.pad >= min(image_size):
            raise ValueError(
                f"crop(pad) is {op.pad}; to reflect images of {image_size} it must be below {min(image_size)}"
            )
        if 2 * op.pad + 1 > 1 << 16:
            raise ValueError(f"crop(pad) is {op.pad}; it must be below {1 << 15}")

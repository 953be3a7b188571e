"""The form that each kind of feature has in memory: what can mean one thing only is brought to it, others refused."""

from collections.abc import Sequence

import numpy as np

VOID = 255  # of a mask: a pixel without a label


def check_labels(labels: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    """Returns labels as int32.

    Args:
        labels: (M,) or (M, 1) whole numbers.
        classes: names of the classes.

    Raises:
        ValueError: one line, if they are anything else, or outside the classes.
    """
    if not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"labels are whole numbers, not {labels.dtype}")
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        hint = ": of one-hot labels give argmax(1)" if labels.ndim == 2 else ""
        raise ValueError(f"labels have the shape (M,), not {_shown(labels)}{hint}")
    _check_range(labels, len(classes))
    return labels.astype(np.int32)


def _check_range(labels: np.ndarray, classes: int) -> None:
    if not labels.size:
        return
    if not classes:
        raise ValueError("the classes are not known: give their number or their names")
    low, high = int(labels.min()), int(labels.max())
    if low < 0:
        raise ValueError(f"there are examples without labels, or with labels below 0 (the least is {low})")
    if high >= classes:
        raise ValueError(f"labels go from {low} to {high}, but of {classes} classes the last is {classes - 1}")


def as_images(images: np.ndarray) -> np.ndarray:
    """Returns (M, H, W, 3) uint8."""
    images = _bytes(images, "images")
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.shape[3] not in (1, 3):
        last, first = images.shape[-1], images.shape[1]
        hint = ": drop the alpha channel" if images.ndim == 4 and last == 4 else ""
        hint = ": channels come last" if images.ndim == 4 and first in (1, 3) else hint
        raise ValueError(
            f"images have the shape (M, H, W, 3), or (M, H, W) where they are grey, not {_shown(images)}{hint}"
        )
    if 0 in images.shape[1:3]:
        raise ValueError(f"images have no pixels: {_shown(images)}")
    return images if images.shape[3] == 3 else np.repeat(images, 3, axis=3)


def as_masks(masks: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    """Returns (M, H, W) uint8."""
    masks = _bytes(masks, "masks")
    if masks.ndim == 4 and masks.shape[3] == 1:
        masks = masks[..., 0]
    if masks.ndim != 3:
        raise ValueError(f"masks have the shape (M, H, W), not {_shown(masks)}")
    if len(classes) > VOID - 1:
        raise ValueError(f"{len(classes)} classes: a mask has at most {VOID - 1}")
    _check_range(masks[masks != VOID], len(classes))
    return masks


def as_boxes(boxes: np.ndarray) -> np.ndarray:
    """Returns (M, B, 4) float32."""
    if boxes.ndim != 3 or boxes.shape[2] != 4:
        raise ValueError(f"boxes have the shape (M, B, 4), y0, x0, y1, x1 in pixels, not {_shown(boxes)}")
    if not np.isfinite(boxes).all():
        raise ValueError("boxes hold numbers that are not finite")
    return boxes.astype(np.float32)


def as_box_labels(labels: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    """Returns (M, B) int32."""
    if not np.issubdtype(labels.dtype, np.integer) or labels.ndim != 2:
        raise ValueError(f"labels of boxes are whole numbers (M, B), not {labels.dtype} {_shown(labels)}")
    _check_range(labels, len(classes))
    return labels.astype(np.int32)


def as_numbers(array: np.ndarray) -> np.ndarray:
    """Returns an array of any shape (M, ...) as devices hold it: float32, int32, or of fewer bits."""
    if array.dtype.kind not in "biuf":
        raise ValueError(f"arrays hold numbers, not {array.dtype}")
    if array.ndim < 1:
        raise ValueError("arrays have one entry per example: the shape (M, ...)")
    if array.dtype.kind == "f":
        return array.astype(np.float32) if array.dtype.itemsize > 4 else array
    if array.dtype.itemsize < 4 or array.dtype == np.int32:
        return array
    limits = np.iinfo(np.int32)
    if array.size and (array.min() < limits.min or array.max() > limits.max):
        raise ValueError(f"whole numbers must fit into int32: there are {array.min()} to {array.max()}")
    return array.astype(np.int32)


def _bytes(array: np.ndarray, what: str) -> np.ndarray:
    """Whole numbers from 0 to 255 as uint8."""
    if array.dtype == np.uint8:
        return array
    if not np.issubdtype(array.dtype, np.integer):
        raise ValueError(f"{what} are uint8, 0 to 255, not {array.dtype}")
    if array.size and (array.min() < 0 or array.max() > 255):
        raise ValueError(f"{what} are uint8, 0 to 255, not {array.dtype} from {array.min()} to {array.max()}")
    return array.astype(np.uint8)


def _shown(array: np.ndarray) -> str:
    return f"({', '.join(map(str, array.shape))}{',' * (array.ndim == 1)})"

"""The form that each kind of feature has in memory: what can mean one thing only is brought to it, others refused."""

from collections.abc import Mapping, Sequence

import numpy as np

from sbn.config.errors import first_repeated

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
    """Checks labels (M, ...), of which those that a masked array hides do not count."""
    if not labels.size or labels.min() is np.ma.masked:
        return
    if not classes:
        raise ValueError("the classes are not known: give their number or their names")
    low, high = int(labels.min()), int(labels.max())
    if low < 0:
        raise ValueError(
            f"there are examples without labels, or with labels below 0 (the least is {low}, of example "
            f"{_first(labels == low)})"
        )
    if high >= classes:
        raise ValueError(
            f"labels go from {low} to {high}, but of {classes} classes the last is {classes - 1}: example "
            f"{_first(labels == high)} has {high}"
        )


def _first(which: np.ndarray) -> int:
    """The first example of which something is true, (M, ...) booleans."""
    return int(np.flatnonzero(np.ma.filled(which, False).any(axis=tuple(range(1, which.ndim))))[0])


def as_images(images: np.ndarray) -> np.ndarray:
    """Returns (M, H, W, 3) uint8."""
    images = _bytes(images, "images")
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.shape[3] not in (1, 3):
        hint = ": drop the alpha channel" if images.ndim == 4 and images.shape[3] == 4 else ""
        hint = ": channels come last" if images.ndim == 4 and images.shape[1] in (1, 3) else hint
        raise ValueError(
            f"images have the shape (M, H, W, 3), or (M, H, W) where they are grey, not {_shown(images)}{hint}"
        )
    if 0 in images.shape[1:3]:
        raise ValueError(f"images have no pixels: {_shown(images)}")
    return images if images.shape[3] == 3 else np.repeat(images, 3, axis=3)


def check_names(classes: Sequence[str]) -> None:
    """Raises a `ValueError` where classes that have metrics of their own, such as iou/NAME, share a name."""
    if (twice := first_repeated(classes)) is not None:
        raise ValueError(f"two classes are called {twice!r}")


def as_masks(masks: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    """Returns (M, H, W) uint8."""
    check_names(classes)
    masks = _bytes(masks, "masks")
    if masks.ndim == 4 and masks.shape[3] == 1:
        masks = masks[..., 0]
    if masks.ndim != 3:
        raise ValueError(f"masks have the shape (M, H, W), not {_shown(masks)}")
    if len(classes) > VOID - 1:
        raise ValueError(f"{len(classes)} classes: a mask has at most {VOID - 1}")
    _check_range(np.ma.masked_equal(masks, VOID), len(classes))
    if masks.size and (masks == VOID).all():
        raise ValueError(f"masks have no labels: every pixel is {VOID}")
    return masks


def as_boxes(boxes: np.ndarray) -> np.ndarray:
    """Returns (M, B, 4) float32."""
    if boxes.ndim != 3 or boxes.shape[2] != 4:
        raise ValueError(f"boxes have the shape (M, B, 4), y0, x0, y1, x1 in pixels, not {_shown(boxes)}")
    if boxes.dtype.kind not in "iuf":
        raise ValueError(f"boxes are numbers of pixels, not {boxes.dtype}")
    with np.errstate(over="ignore"):
        made = boxes.astype(np.float32)
    if not np.isfinite(made).all():
        raise ValueError(f"boxes hold numbers that are not finite: one of example {_first(~np.isfinite(made))}")
    if (made[..., :2] > made[..., 2:]).any():
        i, j = np.argwhere((made[..., :2] > made[..., 2:]).any(axis=-1))[0]
        raise ValueError(f"boxes are y0, x0, y1, x1, and one of example {i} is {made[i, j].tolist()}")
    return made


def check_places(arrays: Mapping[str, np.ndarray]) -> None:
    """Checks that masks have the size of their images, and that boxes are inside them.

    Args:
        arrays: in the forms of this module, by name of the feature: 'image', 'mask', 'boxes' and 'box_label' are looked
            at, those that there are.

    Raises:
        ValueError: one line that begins with the name.
    """
    image, mask, boxes, labels = (arrays.get(name) for name in ("image", "mask", "boxes", "box_label"))
    if boxes is not None and labels is not None and boxes.shape[:2] != labels.shape:
        raise ValueError(f"box_label: boxes are {_shown(boxes)} and their labels {_shown(labels)}")
    if image is None:
        return
    if mask is not None and mask.shape[1:] != image.shape[1:3]:
        raise ValueError(f"mask: images are {_shown(image)} and masks {_shown(mask)}")
    if boxes is not None and boxes.size:
        height, width = image.shape[1:3]
        outside = (boxes < 0) | (boxes > np.array([height, width, height, width], np.float32))
        if outside.any():
            raise ValueError(
                f"boxes: one of example {_first(outside)} lies outside of its {height} x {width} pixels: they are "
                "y0, x0, y1, x1"
            )


def as_box_labels(labels: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    """Returns (M, B) int32."""
    check_names(classes)
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
        with np.errstate(over="ignore"):
            made = array.astype(np.float32) if array.dtype.itemsize > 4 else array
        if (np.isinf(made) & ~np.isinf(array)).any():
            raise ValueError(f"numbers must fit into float32: there are {array.min()} to {array.max()}")
        return made
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

"""What a split of a data set is, whatever it was read from: examples with named features, by number.

`in_memory` is the one door through which arrays become examples: it checks them, so that nothing later has to.
"""

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

import numpy as np

from sbn.config.errors import ConfigError

Kind = Literal["image", "label", "mask", "boxes", "tokens", "array"]
VOID = 255  # of a mask: a pixel without a label


@dataclasses.dataclass(frozen=True)
class Feature:
    """What an example holds under one name.

    Attributes:
        kind: what it is. Images are (H, W, 3) uint8. Labels are whole numbers from 0. A mask is (H, W) uint8, a label
            per pixel, `VOID` where there is none. Boxes are (B, 4) float32: y0, x0, y1, x1 in pixels, half-open; a box
            without area is no box.
        shape: of one example; None for a length that varies between examples.
        classes: names, in the order of their numbers, of a label, of the labels in a mask, of what is in boxes.
    """

    kind: Kind
    shape: tuple[int | None, ...] = ()
    classes: tuple[str, ...] = ()


class Examples(Protocol):
    """M examples; the number of one, its id, is its place."""

    @property
    def features(self) -> Mapping[str, Feature]:
        """What every example holds, by name."""
        ...

    def __len__(self) -> int:
        """Returns M."""
        ...

    def fingerprint(self) -> str:
        """Returns a hash that changes when an example does."""
        ...

    def load(self, ids: np.ndarray) -> Mapping[str, np.ndarray]:
        """Returns the examples of ids (n,): arrays (n, ...) by name of the feature."""
        ...


class Images(Protocol):
    """Images of one size: an array, or what makes parts of one when asked."""

    @property
    def shape(self) -> tuple[Any, ...]:
        """(M, H, W, 3)."""
        ...

    def __len__(self) -> int:
        """Returns M."""
        ...

    def __getitem__(self, which: Any) -> np.ndarray:
        """Returns the images of a slice or of an array of ids, (n, H, W, 3) uint8."""
        ...


class LabelledImages(Examples, Protocol):
    """Examples with an 'image', of one size once they are evaluated, and a 'label'.

    Attributes:
        images: what evaluation sees of them.
        labels: (M,) int32.
        classes: their number.
    """

    @property
    def images(self) -> Images: ...  # noqa: D102

    @property
    def labels(self) -> np.ndarray: ...  # noqa: D102

    @property
    def classes(self) -> int: ...  # noqa: D102


@dataclasses.dataclass(frozen=True)
class InMemory:
    """Examples whose arrays lie in memory; make them by `in_memory`, which checks.

    Attributes:
        arrays: (M, ...) by name.
        features: what they are, by name.
    """

    arrays: Mapping[str, np.ndarray]
    features: Mapping[str, Feature]

    def __len__(self) -> int:
        return len(next(iter(self.arrays.values())))

    def fingerprint(self) -> str:
        """Returns a hash of all arrays, the image first."""
        digest = hashlib.sha256()
        for name in sorted(self.arrays, key=lambda name: (name != "image", name != "label", name)):
            digest.update(np.ascontiguousarray(self.arrays[name]).data)
        return digest.hexdigest()[:16]

    def load(self, ids: np.ndarray) -> Mapping[str, np.ndarray]:
        """Returns the examples of ids (n,)."""
        return {name: array[ids] for name, array in self.arrays.items()}

    def first(self, count: int | None) -> "InMemory":
        """Returns the first `count` examples; None for all."""
        return dataclasses.replace(self, arrays={name: array[:count] for name, array in self.arrays.items()})

    def with_images(self, images: np.ndarray) -> "InMemory":
        """Returns the same examples with other images (M, H, W, 3), and nothing that has a place in the old ones."""
        feature = dataclasses.replace(self.features["image"], shape=images.shape[1:])
        placed = images.shape[1:] != self.images.shape[1:]
        kept = {name for name, known in self.features.items() if not (placed and known.kind in ("mask", "boxes"))}
        arrays = {name: array for name, array in self.arrays.items() if name in kept}
        features = {name: known for name, known in self.features.items() if name in kept}
        return InMemory({**arrays, "image": images}, {**features, "image": feature})

    @property
    def images(self) -> np.ndarray:
        """(M, H, W, 3) uint8."""
        return self.arrays["image"]

    @property
    def labels(self) -> np.ndarray:
        """(M,) int32."""
        return self.arrays["label"]

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.features["label"].classes)


def in_memory(
    arrays: Mapping[str, Any], *, name: str, classes: int | Sequence[str] = (), features: Mapping[str, Feature] = {}
) -> InMemory:
    """Returns arrays as examples, checked and in the form that everything else expects.

    What can be meant in one way only is brought to form: grey images (M, H, W) and (M, H, W, 1) become RGB, whole
    numbers of another type uint8 or int32, labels (M, 1) become (M,).

    Args:
        arrays: (M, ...) by name of the feature.
        name: of the file or data set, for messages.
        classes: number or names of the classes of 'label', where `features` does not declare it.
        features: what the arrays are; 'image', 'label', 'mask', 'boxes' and 'box_label' are known by their names.

    Raises:
        ConfigError: one line that names the data set, and what is different from what it should be.
    """
    names = tuple(map(str, range(classes))) if isinstance(classes, int) else tuple(map(str, classes))
    known: dict[str, Feature] = {}
    made: dict[str, np.ndarray] = {}
    for key, array in arrays.items():
        given = features.get(key) or dataclasses.replace(_KNOWN.get(key, Feature("array")), classes=names)
        try:
            made[key] = _FORMS.get(given.kind, lambda array, feature: array)(np.asarray(array), given)
        except ValueError as error:
            raise ConfigError(f"{name}: {key}: {error}") from None
        known[key] = dataclasses.replace(given, shape=tuple(made[key].shape[1:]))
    lengths = {key: len(array) for key, array in made.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{count} of {key}" for key, count in lengths.items())
        raise ConfigError(f"{name}: the arrays differ in length: {shown}")
    return InMemory(made, known)


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


def _image(images: np.ndarray, feature: Feature) -> np.ndarray:
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


def _mask(masks: np.ndarray, feature: Feature) -> np.ndarray:
    masks = _bytes(masks, "masks")
    if masks.ndim == 4 and masks.shape[3] == 1:
        masks = masks[..., 0]
    if masks.ndim != 3:
        raise ValueError(f"masks have the shape (M, H, W), not {_shown(masks)}")
    if len(feature.classes) > VOID - 1:
        raise ValueError(f"{len(feature.classes)} classes: a mask has at most {VOID - 1}")
    _check_range(masks[masks != VOID], len(feature.classes))
    return masks


def _boxes(boxes: np.ndarray, feature: Feature) -> np.ndarray:
    if boxes.ndim != 3 or boxes.shape[2] != 4:
        raise ValueError(f"boxes have the shape (M, B, 4), y0, x0, y1, x1 in pixels, not {_shown(boxes)}")
    if not np.isfinite(boxes).all():
        raise ValueError("boxes hold numbers that are not finite")
    return boxes.astype(np.float32)


def _label(labels: np.ndarray, feature: Feature) -> np.ndarray:
    if len(feature.shape) != 1:
        return check_labels(labels, feature.classes)
    if not np.issubdtype(labels.dtype, np.integer) or labels.ndim != 2:
        raise ValueError(f"labels of boxes are whole numbers (M, B), not {labels.dtype} {_shown(labels)}")
    _check_range(labels, len(feature.classes))
    return labels.astype(np.int32)


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


_KNOWN = {
    "image": Feature("image"),
    "label": Feature("label"),
    "mask": Feature("mask"),
    "boxes": Feature("boxes"),
    "box_label": Feature("label", (None,)),
}
_FORMS = {"image": _image, "label": _label, "mask": _mask, "boxes": _boxes}

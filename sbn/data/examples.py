"""What a split of a data set is, whatever it was read from: examples with named features, by number.

`in_memory` is the one door through which arrays become examples: it checks them, so that nothing later has to.
"""

import dataclasses
import hashlib
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Literal, Protocol

import numpy as np

from sbn.config.errors import ConfigError
from sbn.data import forms
from sbn.data.tokens import Ragged, ragged
from sbn.runs.content import first_line

Kind = Literal["image", "label", "mask", "boxes", "tokens", "array"]


@dataclasses.dataclass(frozen=True)
class Feature:
    """What an example holds under one name.

    Attributes:
        kind: what it is. Images are (H, W, 3) uint8. Labels are whole numbers from 0. A mask is (H, W) uint8, a label
            per pixel, `forms.VOID` (255) where there is none. Boxes are (B, 4) float32: y0, x0, y1, x1 in pixels,
            half-open; a box without area is no box. Tokens are (L,) int32 from 1, of any length: batches fill them up
            with 0. An array is any numbers of one shape.
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
        """Returns the examples of ids (n,): arrays (n, ...) by name of the feature.

        Images may come packed, (n, H, W) int32 (`sbn.data.pixels`). Tokens are (n, L), filled up with 0, L at least the
        length of the longest of them.
        """
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
    """Examples in memory; make them with `in_memory`, which checks them.

    Attributes:
        arrays: (M, ...) by name; tokens are `Ragged`.
        features: what they are, by name.
        origins: M marks that tell examples apart whatever was done to their images since, such as the file that each
            was read from; None: what the arrays hold does (`origin_of_all`).
    """

    arrays: Mapping[str, Any]
    features: Mapping[str, Feature]
    origins: Sequence[Hashable] | None = dataclasses.field(default=None, kw_only=True)

    def __len__(self) -> int:
        return len(next(iter(self.arrays.values())))

    def fingerprint(self) -> str:
        """Returns a hash of all arrays, the image first."""
        digest = hashlib.sha256()
        for name in sorted(self.arrays, key=lambda name: (name != "image", name != "label", name)):
            array = self.arrays[name]
            for part in (array.flat, array.offsets) if isinstance(array, Ragged) else (array,):
                digest.update(np.ascontiguousarray(part).data)
        return digest.hexdigest()[:16]

    def load(self, ids: np.ndarray) -> Mapping[str, np.ndarray]:
        """Returns the examples of ids (n,)."""
        return {name: array[ids] for name, array in self.arrays.items()}

    def first(self, count: int | None) -> "InMemory":
        """Returns the first `count` examples; None for all."""
        arrays = {name: array[:count] for name, array in self.arrays.items()}
        return dataclasses.replace(self, arrays=arrays, origins=self.origins and self.origins[:count])

    def origin_of_all(self) -> Sequence[Hashable]:
        """Returns `origins`, or where they are not known a hash of each image, or of all that an example holds."""
        if self.origins is not None:
            return self.origins
        names = ["image"] if "image" in self.arrays else sorted(self.arrays)
        arrays = [self.arrays[name] for name in names]
        return [hashlib.sha256(b"|".join(_bytes(array, i) for array in arrays)).digest() for i in range(len(self))]

    def with_images(self, images: np.ndarray) -> "InMemory":
        """Returns the same examples with other images (M, H, W, 3), and nothing that has a place in the old ones."""
        feature = dataclasses.replace(self.features["image"], shape=images.shape[1:])
        placed = images.shape[1:] != self.images.shape[1:]
        kept = {name for name, known in self.features.items() if not (placed and known.kind in ("mask", "boxes"))}
        arrays = {name: array for name, array in self.arrays.items() if name in kept}
        features = {name: known for name, known in self.features.items() if name in kept}
        origins = self.origin_of_all()
        return InMemory({**arrays, "image": images}, {**features, "image": feature}, origins=origins)

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


def _bytes(array: np.ndarray | Ragged, i: int) -> bytes:
    return (array.flat[array.offsets[i] : array.offsets[i + 1]] if isinstance(array, Ragged) else array[i]).tobytes()


def in_memory(
    arrays: Mapping[str, Any], *, name: str, classes: int | Sequence[str] = (), features: Mapping[str, Feature] = {}
) -> InMemory:
    """Returns arrays as examples, checked and in the form that everything else expects.

    What can be meant in one way only is brought to form: grey images (M, H, W) and (M, H, W, 1) become RGB, whole
    numbers of another type uint8 or int32, labels (M, 1) become (M,).

    Args:
        arrays: (M, ...) by name of the feature; tokens also as a list of sequences.
        name: of the file or data set, for messages.
        classes: number or names of the classes of 'label', where `features` does not declare it.
        features: what the arrays are; 'image', 'label', 'mask', 'boxes', 'box_label' and 'tokens' are known by their
            names, others are plain arrays.

    Raises:
        ConfigError: one line that names the data set, and what is different from what it should be.
    """
    names = tuple(map(str, range(classes))) if isinstance(classes, int) else tuple(map(str, classes))
    known: dict[str, Feature] = {}
    made: dict[str, Any] = {}
    for key, array in arrays.items():
        usual = _KNOWN.get(key, Feature("array"))
        own = () if usual.kind in ("tokens", "array") else names
        given = features.get(key) or dataclasses.replace(usual, classes=own)
        try:
            made[key] = ragged(array) if given.kind == "tokens" else _FORMS[given.kind](_as_array(array), given)
        except (ValueError, TypeError, OverflowError) as error:  # also what NumPy makes no array of
            raise ConfigError(f"{name}: {key}: {first_line(error)}") from None
        shape = (None,) if given.kind == "tokens" else tuple(made[key].shape[1:])
        known[key] = dataclasses.replace(given, shape=shape)
    lengths = {key: len(array) for key, array in made.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{count} of {key}" for key, count in lengths.items())
        raise ConfigError(f"{name}: the arrays differ in length: {shown}")
    if not lengths:
        raise ConfigError(f"{name}: there are no arrays")
    try:
        forms.check_places(made)
    except ValueError as error:
        raise ConfigError(f"{name}: {error}") from None
    return InMemory(made, known)


def _as_array(array: Any) -> np.ndarray:
    """What NumPy makes of it; lists of lists of several lengths are called so, and what a mask hides would be shown."""
    if isinstance(array, np.ma.MaskedArray) and np.ma.is_masked(array):
        raise ValueError("some values are masked: give a number for them, such as 255 for pixels without a label")
    try:
        return np.asarray(array)
    except ValueError:
        lengths = [len(example) if hasattr(example, "__len__") else None for example in array]
        other = next((i for i, length in enumerate(lengths) if length != lengths[0]), None)
        if other is None:
            raise
        shown = " and ".join(f"{lengths[i]} in example {i}" for i in (0, other))
        raise ValueError(f"examples differ in length, {shown}: pad the boxes with boxes of no area") from None


_KNOWN = {
    "image": Feature("image"),
    "label": Feature("label"),
    "mask": Feature("mask"),
    "boxes": Feature("boxes"),
    "box_label": Feature("label", (None,)),
    "tokens": Feature("tokens", (None,)),
}
_FORMS: dict[str, Callable[[np.ndarray, Feature], np.ndarray]] = {
    "image": lambda array, feature: forms.as_images(array),
    "label": lambda array, feature: (forms.as_box_labels if len(feature.shape) == 1 else forms.check_labels)(
        array, feature.classes
    ),
    "mask": lambda array, feature: forms.as_masks(array, feature.classes),
    "boxes": lambda array, feature: forms.as_boxes(array),
    "array": lambda array, feature: forms.as_numbers(array),
}

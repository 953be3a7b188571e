"""Examples whose images stay in encoded files; they behave like an array of the images that evaluation sees."""

import concurrent.futures
import dataclasses
import hashlib
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from sbn.augment.encoded_crops import (
    HOW_EVALUATED,
    CropWindows,
    EncodedCrop,
    check_crop,
    crop_windows,
    move_boxes,
    split_crop,
)
from sbn.augment.op import Op
from sbn.augment.pipeline import format
from sbn.augment.size_ops import Size
from sbn.config.errors import ConfigError
from sbn.data import eval_view, pixels
from sbn.data.decode import open_image
from sbn.data.examples import Feature
from sbn.data.forms import check_labels
from sbn.data.index import Index, check_upright
from sbn.data.label_images import LabelImages


@dataclasses.dataclass(frozen=True)
class Beside:
    """What encoded images carry beside themselves and their label.

    Attributes:
        arrays: (M, ...) by name. Boxes, (M, B, 4), move with their image; others are the same in every view.
        features: what the arrays and the mask are.
        masks: the label images, by the name of the feature.
    """

    arrays: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)
    features: Mapping[str, Feature] = dataclasses.field(default_factory=dict)
    masks: Mapping[str, LabelImages] = dataclasses.field(default_factory=dict)

    def take(self, which: slice) -> "Beside":
        """Returns what some of the images carry."""
        arrays = {name: array[which] for name, array in self.arrays.items()}
        masks = {name: images.take(which) for name, images in self.masks.items()}
        return Beside(arrays, self.features, masks)

    def boxes(self) -> str | None:
        """Returns the name of the boxes, if there are any."""
        return next((name for name, feature in self.features.items() if feature.kind == "boxes"), None)


@dataclasses.dataclass(frozen=True)
class ImageFiles:
    """What `sbn.data.image_files.image_files` returns: images of any sizes in files, not yet looked at in any way.

    Attributes:
        index: where they are.
        beside: what they carry.
    """

    index: Index
    beside: Beside


class EncodedImages:
    """The M images of an index, of any sizes. What is asked for is read, decoded and brought to one size then.

    Decoded, resized and cropped by Pillow itself.

    Args:
        index: where they are.
        ops: the pipeline that evaluation sees them through; it draws nothing.

    Attributes:
        index: where they are.
        least: the shortest side of any of them.
        shape: (M, H, W, 3), of what comes out of the pipeline; where canvases turn, images that are higher than wide
            come out as W x H, and together with others as squares.

    Raises:
        ConfigError: if the pipeline can't be applied to them.
    """

    def __init__(self, index: Index, ops: tuple[Op, ...]) -> None:
        self.index = index
        self.least = int(index.sizes.min()) if len(index) else 1
        try:
            self.shape: tuple[int, ...] = (len(index), *check_crop(ops, least=self.least, how=HOW_EVALUATED), 3)
        except ValueError as error:
            raise ConfigError(f"eval.augment = {format(ops)!r}: {error}") from None
        self.crop = split_crop(ops)

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, which: Any) -> np.ndarray:
        """Returns a slice, or the images of an array of ids: (n, H, W, 3) uint8, black where `fit` fills up.

        Raises:
            ConfigError: if one can't be read; it says which.
        """
        return pixels.unpack(self.packed(which))[0] if self.crop.pads else self._colours(np.arange(len(self))[which])

    def packed(self, which: Any) -> np.ndarray:
        """Returns a slice, or the images of an array of ids, packed, (n, H, W) int32: what `fit` fills up is filler.

        Raises:
            ConfigError: if one can't be read; it says which.
        """
        ids = np.arange(len(self))[which]
        if not self.crop.pads:
            return pixels.pack(self._colours(ids))
        scaled = self.windows(ids).scaled
        rows, columns = (np.arange(side) < scaled[:, axis, None] for axis, side in enumerate(self.canvas(ids)))
        inside = np.where(rows[:, :, None] & columns[:, None, :], 255, 0).astype(np.uint8)
        words = pixels.pack(self._framed(ids), inside)
        return eval_view.apply_packed(words, self.crop.rest)

    def canvas(self, ids: np.ndarray) -> Size:
        """Returns the (H, W) to which the pipeline's first ops bring the images of ids (n,)."""
        return self.crop.canvas(self.index.sizes[ids])

    def windows(self, ids: np.ndarray) -> CropWindows:
        """Returns which part of the images of ids (n,) evaluation sees, and how large."""
        return crop_windows(self.crop, np.zeros((len(ids), 0), np.uint32), self.index.sizes[ids])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Returns all of them: mind how many they are."""
        return np.asarray(self[:], dtype)

    def _colours(self, ids: np.ndarray) -> np.ndarray:
        return eval_view.apply(self._framed(ids), self.crop.rest)

    def _framed(self, ids: np.ndarray) -> np.ndarray:
        made, windows = np.zeros((len(ids), *self.canvas(ids), 3), np.uint8), self.windows(ids)

        def fill(place: int) -> None:
            shown = framed(self.whole(ids[place]), self.crop, windows.scaled[place])
            made[place, : shown.shape[0], : shown.shape[1]] = shown

        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:  # Pillow works without Python's lock
            for _ in pool.map(fill, range(len(ids))):
                pass
        return made

    def whole(self, i: int) -> Image.Image:
        """Returns an image in its own size.

        Raises:
            ConfigError: if it can't be read.
        """
        try:
            return open_image(self.index.read(np.array([i]))[0], upright=self.index.upright)
        except OSError as error:
            raise ConfigError(f"{self.index.name(i)} can't be read: {error}") from None


def framed(image: Image.Image, crop: EncodedCrop, scaled: np.ndarray) -> np.ndarray:
    """Returns what the first ops of a pipeline without draws make of an image, (h, w, 3) uint8, without filler.

    Args:
        image: RGB.
        crop: of the pipeline.
        scaled: height and width that the whole image is scaled to, as `crop_windows` says it.
    """
    if crop.pads:
        return np.asarray(image.resize((int(scaled[1]), int(scaled[0])), Image.Resampling.BILINEAR))
    if crop.resize:
        height, width = crop.resize.size_after((image.height, image.width))
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    height, width = crop.size
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return np.asarray(image.crop((left, top, left + width, top + height)))


def seen(image: Image.Image, crop: EncodedCrop) -> np.ndarray:
    """Returns what evaluation sees of an image, packed, (H, W) int32, as `EncodedImages.packed` does of those of a set.

    Args:
        image: RGB.
        crop: of the pipeline, of which nothing is left after its first ops.
    """
    size = np.asarray([(image.height, image.width)])
    (scaled,) = crop_windows(crop, np.zeros((1, 0), np.uint32), size).scaled
    shown = framed(image, crop, scaled)
    words = np.zeros(crop.canvas(size), np.int32)
    words[: shown.shape[0], : shown.shape[1]] = pixels.pack(shown)
    return words


class Encoded:
    """Examples of an image, which stays encoded, and what it carries: most often a label.

    Args:
        index: where the images are; without classes they have no label.
        ops: the pipeline that evaluation sees them through.
        name: of the data set and split, for messages.
        beside: what they carry beside a label.

    Attributes:
        index: where the images are.
        ops: the pipeline that evaluation sees them through.
        beside: what they carry beside a label.
        images: what evaluation sees of them.
        labels: (M,) int32.
        classes: their number.
        features: 'image', of any size, 'label' where there are classes, and what they carry.

    Raises:
        ConfigError: if the pipeline can't be applied to them, labels lie outside the classes, or images with boxes or
            masks are turned by their EXIF orientation.
    """

    def __init__(self, index: Index, ops: tuple[Op, ...], *, name: str, beside: Beside | None = None) -> None:
        self.index, self.ops, self.beside = index, ops, beside or Beside()
        self.images = EncodedImages(index, ops)
        self.features: Mapping[str, Feature] = {"image": Feature("image", (None, None, 3)), **self.beside.features}
        self.labels, self.classes = index.labels, len(index.class_names)
        if any(feature.kind in ("boxes", "mask") for feature in self.beside.features.values()):
            check_upright(index)
        if self.beside.features and self.images.crop.rest:
            raise ConfigError(f"{name}: eval.augment = {format(ops)!r}: boxes and masks follow only its first ops")
        if self.classes or not self.beside.features:
            try:
                self.labels = check_labels(index.labels, index.class_names)
            except ValueError as error:
                raise ConfigError(f"{name}: label: {error}") from None
            self.features = {**self.features, "label": Feature("label", classes=index.class_names)}

    def __len__(self) -> int:
        return len(self.index)

    @property
    def arrays(self) -> Mapping[str, np.ndarray]:
        """(M, ...) by name: all that they have but images and masks, boxes as they lie in the whole images."""
        return {**self.beside.arrays, **({"label": self.labels} if "label" in self.features else {})}

    def fingerprint(self) -> str:
        """Returns a hash of the index and of the other features."""
        if not self.beside.features:
            return self.index.fingerprint()
        digest = hashlib.sha256(self.index.fingerprint().encode())
        for name in sorted(self.beside.arrays):
            digest.update(np.ascontiguousarray(self.beside.arrays[name]).data)
        for name in sorted(self.beside.masks):
            digest.update(self.beside.masks[name].fingerprint().encode())
            digest.update("\n".join(self.features[name].classes).encode())
        return digest.hexdigest()[:16]

    def load(self, ids: np.ndarray) -> Mapping[str, np.ndarray]:
        """Returns the examples of ids (n,) as evaluation sees them: boxes and masks in the pixels that it has.

        Where it fills up, images are packed, (n, H, W) int32, and masks have no label (255).

        Raises:
            ConfigError: if one can't be read; it says which.
        """
        ids = np.asarray(ids)
        found = {name: array[ids] for name, array in self.arrays.items()}
        windows = self.images.windows(ids)
        if (boxes := self.beside.boxes()) is not None:
            found[boxes] = move_boxes(self.images.crop, windows, found[boxes])
        masks = {name: images.seen(ids, windows, self.images.canvas(ids)) for name, images in self.beside.masks.items()}
        images = self.images.packed(ids) if self.images.crop.pads else self.images[ids]
        return {"image": images, **found, **masks}

    def original(self, i: int) -> dict[str, np.ndarray]:
        """Returns an example in its image's own size: 'image' (h, w, 3), masks (h, w), boxes (B, 4), and the rest.

        Raises:
            ConfigError: if it can't be read.
        """
        masks = {name: images.labels(i) for name, images in self.beside.masks.items()}
        return {"image": np.asarray(self.images.whole(i)), **{k: a[i] for k, a in self.arrays.items()}, **masks}

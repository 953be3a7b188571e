"""Examples whose images stay encoded, in files: they look like an array of what evaluation sees of them."""

import concurrent.futures
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from sbn.augment.encoded_crops import check_crop, split_crop
from sbn.augment.op import Op
from sbn.augment.pipeline import format
from sbn.config.errors import ConfigError
from sbn.data import eval_view
from sbn.data.decode import open_image
from sbn.data.examples import Feature
from sbn.data.forms import check_labels
from sbn.data.index import Index


class EncodedImages:
    """The M images of an index, of any sizes. What is asked for is read, decoded and brought to one size then.

    Decoded, resized and cropped by Pillow itself.

    Args:
        index: where they are.
        ops: the pipeline that evaluation sees them through; it draws nothing.

    Attributes:
        index: where they are.
        least: the shortest side of any of them.
        shape: (M, H, W, 3), of what comes out of the pipeline.

    Raises:
        ConfigError: if the pipeline can't be applied to them.
    """

    def __init__(self, index: Index, ops: tuple[Op, ...]) -> None:
        self.index = index
        self.least = int(index.sizes.min()) if len(index) else 1
        try:
            self.shape: tuple[int, ...] = (len(index), *check_crop(ops, least=self.least), 3)
        except ValueError as error:
            raise ConfigError(f"eval.augment = {format(ops)!r}: {error}") from None
        self._framing = split_crop(ops)

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, which: Any) -> np.ndarray:
        """Returns a slice, or the images of an array of ids: (n, H, W, 3) uint8.

        Raises:
            ConfigError: if one can't be read; it says which.
        """
        ids = np.arange(len(self))[which]
        framed = np.zeros((len(ids), *self._framing.size, 3), np.uint8)

        def fill(place: int) -> None:
            framed[place] = self._frame(ids[place])

        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:  # Pillow works without Python's lock
            for _ in pool.map(fill, range(len(ids))):
                pass
        return eval_view.apply(framed, self._framing.rest)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Returns all of them: mind how many they are."""
        return np.asarray(self[:], dtype)

    def _frame(self, i: int) -> np.ndarray:
        try:
            image = open_image(self.index.read(np.array([i]))[0], upright=self.index.upright)
        except OSError as error:
            raise ConfigError(f"{self.index.name(i)} can't be read: {error}") from None
        if self._framing.resize:
            height, width = self._framing.resize.size_after((image.height, image.width))
            image = image.resize((width, height), Image.Resampling.BILINEAR)
        size = self._framing.cut.size
        left, top = (image.width - size) // 2, (image.height - size) // 2
        return np.asarray(image.crop((left, top, left + size, top + size)))


class Encoded:
    """Examples of an image, which stays encoded, and a label.

    Args:
        index: where the images are.
        ops: the pipeline that evaluation sees them through.
        name: of the data set and split, for messages.

    Attributes:
        index: where the images are.
        ops: the pipeline that evaluation sees them through.
        images: what evaluation sees of them.
        labels: (M,) int32.
        classes: their number.
        features: 'image', of any size, and 'label'.

    Raises:
        ConfigError: if the pipeline can't be applied to them, or labels lie outside the classes.
    """

    def __init__(self, index: Index, ops: tuple[Op, ...], *, name: str) -> None:
        self.index, self.ops = index, ops
        self.images = EncodedImages(index, ops)
        try:
            self.labels = check_labels(index.labels, index.class_names)
        except ValueError as error:
            raise ConfigError(f"{name}: label: {error}") from None
        self.classes = len(index.class_names)
        self.features: Mapping[str, Feature] = {
            "image": Feature("image", (None, None, 3)),
            "label": Feature("label", classes=index.class_names),
        }

    def __len__(self) -> int:
        return len(self.index)

    def fingerprint(self) -> str:
        """Returns a hash of what the index knows of them."""
        return self.index.fingerprint()

    def load(self, ids: np.ndarray) -> Mapping[str, np.ndarray]:
        """Returns the examples of ids (n,), images as evaluation sees them.

        Raises:
            ConfigError: if one can't be read; it says which.
        """
        return {"image": self.images[ids], "label": self.labels[ids]}

"""Label images at their own size, and where their pixels lie in what evaluation shows the network of their images."""

from collections.abc import Mapping

import numpy as np

from sbn.augment.pipeline import format
from sbn.augment.size_ops import Fit
from sbn.config.errors import ConfigError
from sbn.data.encoded import Encoded
from sbn.data.forms import VOID


class OwnSizes:
    """What replaces resized labels: the labels as their files have them, so that every pixel of a file counts once.

    Args:
        examples: a split, whose images `fit` brings onto one canvas.
        mask: name of the feature of their label images.

    Raises:
        ConfigError: if `eval.augment` cuts anything off: the network would not have seen all pixels that count.
    """

    def __init__(self, examples: Encoded, mask: str) -> None:
        if not isinstance(examples.images.crop.cut, Fit):
            raise ConfigError(
                f"segmentation.own_size needs eval.augment = 'fit(height, width)', which shows whole images; "
                f"{format(examples.ops)!r} cuts parts off"
            )
        self._examples, self._mask = examples, mask
        self._most = examples.index.sizes.max(axis=0)

    def targets(self, ids: np.ndarray) -> dict[str, np.ndarray]:
        """Returns the labels of the images of ids (n,), by the name of the mask, (n, H, W) uint8.

        H and W are the largest sides of the split; beyond an image there is no label.

        Raises:
            ConfigError: if a label image can't be read; it says which.
        """
        made = np.full((len(ids), *self._most), VOID, np.uint8)
        for place, i in enumerate(ids):
            own = self._examples.beside.masks[self._mask].labels(int(i))
            made[place, : own.shape[0], : own.shape[1]] = own
        return {self._mask: made}

    def inputs(self, ids: np.ndarray) -> Mapping[str, np.ndarray]:
        """Returns where the rows and columns of `targets` lie on the canvas: 'rows' (n, H), 'columns' (n, W) float32.

        Counted in the canvas's pixels, 0 being the middle of the first; the borders of an image stay its borders.
        """
        return places(self._examples.images.windows(ids).scaled, self._examples.index.sizes[ids], self._most)


def places(scaled: np.ndarray, own: np.ndarray, most: np.ndarray) -> dict[str, np.ndarray]:
    """Returns where rows and columns of images lie on a canvas, as `OwnSizes.inputs` does.

    Args:
        scaled: (n, 2) height and width that each image has on the canvas.
        own: (n, 2) height and width that it has in its file.
        most: (2,) H and W.
    """
    found = {}
    for axis, name in enumerate(("rows", "columns")):
        scale = scaled[:, axis, None] / own[:, axis, None]
        at = (np.arange(most[axis]) + 0.5) * scale - 0.5
        found[name] = np.clip(at, 0, scaled[:, axis, None] - 1).astype(np.float32)
    return found

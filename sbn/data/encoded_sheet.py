"""Contact sheets of images that differ in size: what training makes of them, by the very code that training runs."""

from collections.abc import Sequence

import numpy as np

from sbn.augment.encoded_crops import check_crop
from sbn.augment.op import Op
from sbn.augment.packing import FILLER
from sbn.augment.size_checks import check_boxes
from sbn.augment.size_ops import Fit, on_canvas, turns
from sbn.data import pixels
from sbn.data.canvases import portrait
from sbn.data.encoded import Encoded
from sbn.data.targets import Targets
from sbn.data.views import View

# Packed images (H, W), and the boxes (B, 4) in each, or None
Drawn = tuple[np.ndarray, np.ndarray | None]


def draw(
    source: Encoded, ops: tuple[Op, ...], *, draws: int, seed: int, view: int, targets: Targets
) -> list[list[Drawn]]:
    """Returns each image of the source, whole, and then its draws, epoch by epoch.

    Args:
        source: M images.
        ops: the pipeline.
        draws: draws of an image.
        seed: the experiment's seed.
        view: the number of the stream of draws.
        targets: the boxes to show, and the mask that packed images are to hold.

    Raises:
        ValueError: if the pipeline does not fit the images, or boxes can't follow it.
    """
    size = check_crop(ops, least=source.images.least)
    if targets.boxes is not None:
        check_boxes(ops)
    made = [[one] for one in _whole(source, Fit(*size, turned=turns(ops)), targets)]
    higher = portrait(source.index)
    for epoch in range(draws):
        for canvas in (False, True):
            ids = np.flatnonzero(higher == canvas).astype(np.int32)
            if len(ids):
                own = View(on_canvas(ops, portrait=canvas), view)
                drawn = _drawn(source, own, ids, seed=seed, epoch=epoch, targets=targets)
                for i, one in zip(ids, drawn, strict=True):
                    made[i].append(one)
    return made


def _whole(source: Encoded, fit: Fit, targets: Targets) -> list[Drawn]:
    """The images as they are, within the size that the pipeline makes."""
    loaded = Encoded(source.index, (fit,), name="", beside=source.beside).load(np.arange(len(source)))
    words = loaded["image"]
    if targets.mask is not None:
        marked = pixels.pack(pixels.unpack(words)[0], pixels.marks(loaded[targets.mask]))
        words = np.where(words == FILLER, words, marked)
    boxes = [None] * len(source) if targets.boxes is None else loaded[targets.boxes]
    return list(zip(words, boxes, strict=True))


def _drawn(source: Encoded, view: View, ids: np.ndarray, *, seed: int, epoch: int, targets: Targets) -> Sequence[Drawn]:
    from sbn.data.host import batches_of

    ((batch, _),) = batches_of(source, [view], ids[None], seed=seed, stage=0, epoch=epoch, targets=targets)
    image = batch["inputs"]["image"]
    images = image[0] if isinstance(image, tuple) else image[:, 0]
    boxes = [None] * len(ids) if targets.boxes is None else batch["targets"][targets.boxes][:, 0]
    return list(zip(images, boxes, strict=True))

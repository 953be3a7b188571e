"""Contact sheets of images that differ in size: what training makes of them, by the very code that training runs."""

from collections.abc import Sequence

import numpy as np

from sbn.augment.encoded_crops import check_crop
from sbn.augment.op import Op
from sbn.augment.size_checks import check_boxes
from sbn.augment.size_ops import Fit, on_canvas, turns
from sbn.data.canvases import portrait
from sbn.data.encoded import Encoded
from sbn.data.targets import Targets
from sbn.data.views import View

# Packed images (H, W), and the boxes (B, 4) in each, or None
Drawn = tuple[np.ndarray, np.ndarray | None]


def draw(
    source: Encoded, ops: tuple[Op, ...], *, draws: int, seed: int, view: int, boxes: str | None
) -> list[list[Drawn]]:
    """Returns each image of the source, whole, and then its draws, epoch by epoch.

    Args:
        source: M images.
        ops: the pipeline.
        draws: draws of an image.
        seed: the experiment's seed.
        view: the number of the stream of draws.
        boxes: the feature of the boxes to show; None for none.

    Raises:
        ValueError: if the pipeline does not fit the images, or boxes can't follow it.
    """
    size = check_crop(ops, least=source.images.least)
    if boxes is not None:
        check_boxes(ops)
    made = [[one] for one in _whole(source, Fit(*size, turned=turns(ops)), boxes)]
    higher = portrait(source.index)
    for epoch in range(draws):
        for canvas in (False, True):
            ids = np.flatnonzero(higher == canvas).astype(np.int32)
            if len(ids):
                own = View(on_canvas(ops, portrait=canvas), view)
                for i, one in zip(ids, _drawn(source, own, ids, seed=seed, epoch=epoch, boxes=boxes), strict=True):
                    made[i].append(one)
    return made


def _whole(source: Encoded, fit: Fit, boxes: str | None) -> list[Drawn]:
    """The images as they are, within the size that the pipeline makes."""
    loaded = Encoded(source.index, (fit,), name="", beside=source.beside).load(np.arange(len(source)))
    found = [None] * len(source) if boxes is None else loaded[boxes]
    return list(zip(loaded["image"], found, strict=True))


def _drawn(
    source: Encoded, view: View, ids: np.ndarray, *, seed: int, epoch: int, boxes: str | None
) -> Sequence[Drawn]:
    from sbn.data.host import batches_of

    wanted = Targets((), boxes=boxes)
    ((batch, _),) = batches_of(source, [view], ids[None], seed=seed, stage=0, epoch=epoch, targets=wanted)
    image = batch["inputs"]["image"]
    images = image[0] if isinstance(image, tuple) else image[:, 0]
    found = [None] * len(ids) if boxes is None else batch["targets"][boxes][:, 0]
    return list(zip(images, found, strict=True))

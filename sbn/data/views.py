"""What both data paths are asked for: the views of an example, and batches of them."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from sbn.augment import pipeline
from sbn.augment.encoded_crops import split_crop
from sbn.data.targets import Targets

# What a step trains on: {'inputs': {'image': (N, K, H, W) int32 packed, or a tuple of K arrays (N, H, W) where views
# differ in size}, 'targets': {'label': (N,) int32, ...} (`sbn.data.targets`), 'id': (N,) int32}, N over the devices.
# Of examples that are no images (`sbn.data.arrays`) inputs are theirs by name, (N, K, ...) or K arrays (N, ...).
Batch = dict[str, Any]
# What is the same for all examples of a step, on every device: {'epoch': () int32}, and where a view fades
# 'strength' (K,) float32, what is left of each view's augmentation. The step adds 'epochs', a float, of the stage.
Numbers = dict[str, Any]
Fed = tuple[Batch, Numbers]


def together(views: Sequence[Any], stack: Callable[..., Any]) -> Any:
    """Returns K arrays (N, H, W) as one, (N, K, H, W), if they are always of one size; else as a tuple."""
    sizes = {tuple(view.shape[1:]) for view in views}
    varies = len(views) > 1 and (None, None) in sizes  # a size that a mini-batch draws
    return stack(views, axis=1) if len(sizes) == 1 and not varies else tuple(views)


def assemble(
    augmented: Sequence[Any], own: Mapping[str, Any], ids: Any, targets: Targets, stack: Callable[..., Any]
) -> Batch:
    """Returns a batch of K views as they come from their pipelines: images, or pairs of images and boxes.

    Args:
        augmented: (N, H, W) of every view, or ((N, H, W), (N, B, 4)).
        own: targets of these examples by name, (N, ...).
        ids: (N,) of the examples.
        targets: which of them belong into the batch.
        stack: of the library.
    """
    found = {name: own[name] for name in targets.by_id}
    if targets.boxes is not None:
        found[targets.boxes] = stack([boxes for _, boxes in augmented], axis=1)
        augmented = [images for images, _ in augmented]
    return {"inputs": {"image": together(augmented, stack)}, "targets": found, "id": ids}


@dataclasses.dataclass(frozen=True)
class View:
    """One augmented copy of the batch.

    Attributes:
        ops: the parsed augmentation pipeline.
        draws: the stream of random draws, one of all ops or one of each; ops of one name and stream draw the same.
        strengths: (steps of the stage,) float32 in [0, 1], what is left at each step of an augmentation that fades;
            None for one that does not.
    """

    ops: tuple[pipeline.Op, ...]
    draws: int | tuple[int, ...]
    strengths: np.ndarray | None = None

    @property
    def streams(self) -> tuple[int, ...]:
        """The stream of every op."""
        return self.draws if isinstance(self.draws, tuple) else (self.draws,) * len(self.ops)

    def framed(self) -> "View":
        """Returns what is left to do once images of different sizes were framed (`sbn.augment.encoded_crops`)."""
        rest = split_crop(self.ops).rest
        return View(rest, self.streams[len(self.ops) - len(rest) :], self.strengths)


def strengths(views: Sequence[View]) -> np.ndarray | None:
    """Returns what is left of each view at each step of the stage, (steps, K) float32; None if no view fades."""
    fading = [view.strengths for view in views if view.strengths is not None]
    if not fading:
        return None
    whole = np.ones_like(fading[0])
    return np.stack([whole if view.strengths is None else view.strengths for view in views], axis=1)

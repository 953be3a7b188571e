"""What batches carry beside the images: the features that a task asks for, sorted by how they travel.

Labels and the like are looked up by id. Boxes go through the geometry of every view, and are (N, K, B, 4) in a batch.
A mask rides in the fourth byte of the packed pixels, where every op that moves pixels moves it too.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sbn.config.errors import ConfigError, unknown
from sbn.data import pixels
from sbn.data.encoded import Encoded
from sbn.data.examples import Examples, Feature, InMemory, LabelledImages


@dataclasses.dataclass(frozen=True)
class Targets:
    """Names of features.

    Attributes:
        by_id: of those that are the same in every view.
        boxes: of the boxes, or None.
        mask: of the mask, or None.
    """

    by_id: tuple[str, ...] = ("label",)
    boxes: str | None = None
    mask: str | None = None

    def arrays(self, examples: LabelledImages) -> dict[str, np.ndarray]:
        """Returns those that have a place in `targets` of a batch, (M, ...) by name."""
        names = (*self.by_id, *((self.boxes,) if self.boxes else ()))
        assert isinstance(examples, InMemory | Encoded)
        return {name: examples.arrays[name] for name in names}

    def packed(self, examples: LabelledImages, which: Any = slice(None)) -> np.ndarray:
        """Returns packed images (n, H, W) int32 of a slice or of ids, with their masks where one is asked for."""
        images = np.asarray(examples.images[which])
        if self.mask is None:
            return pixels.pack(images)
        ids = np.arange(len(examples))[which]
        return pixels.pack(images, pixels.marks(examples.load(ids)[self.mask]))


LABEL = Targets()


def sort(examples: Examples, names: Sequence[str]) -> Targets:
    """Returns the features that a task asks for, sorted.

    Args:
        examples: of the training split.
        names: as the task gives them.

    Raises:
        ConfigError: if the examples lack one, or have two masks or two features of boxes.
    """
    for name in names:
        if name not in examples.features:
            raise unknown("feature of the data that the task asks for:", name, examples.features)
    kinds = {name: examples.features[name].kind for name in names}
    found = {kind: [name for name in names if kinds[name] == kind] for kind in ("boxes", "mask")}
    for kind, several in found.items():
        if len(several) > 1:
            raise ConfigError(f"a task can ask for one feature of kind {kind!r}, not for {', '.join(several)}")
    by_id = tuple(name for name in names if kinds[name] not in ("boxes", "mask", "image"))
    return Targets(by_id, next(iter(found["boxes"]), None), next(iter(found["mask"]), None))


def inputs_of(task: Any, features: Mapping[str, Feature]) -> tuple[str, ...]:
    """Returns the features that a task's network is given: those that it names, or else what it has no other use for.

    That is the image, where there is one; of other examples all that are no targets.

    Args:
        task: its `inputs`, where it has any, are names.
        features: of the examples.

    Raises:
        ConfigError: if the examples lack one, or hold nothing for the network.
    """
    named = getattr(task, "inputs", None)
    if named is None:
        named = ("image",) if "image" in features else tuple(name for name in features if name not in task.targets)
    for name in named:
        if name not in features:
            raise unknown("feature of the data that the task asks for:", name, features)
    if not named:
        raise ConfigError(
            f"every feature of the data ({', '.join(features)}) is a target of the task: no input is left"
        )
    return tuple(named)


def for_evaluation(
    arrays: Mapping[str, np.ndarray], features: Mapping[str, Feature], names: Sequence[str], *, inputs: Sequence[str]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Returns examples as they are evaluated, without the axis of views: (inputs, targets), arrays (n, ...) by name.

    Args:
        arrays: (n, ...) by name of the feature.
        features: what they are.
        names: of the targets that the task asks for; a mask is one of them here.
        inputs: names of the inputs; images among them are packed, (n, H, W) int32.
    """
    given = {name: _packed(arrays[name]) if features[name].kind == "image" else arrays[name] for name in inputs}
    return given, {name: arrays[name] for name in names}


def _packed(images: np.ndarray) -> np.ndarray:
    """Images (n, H, W, 3) uint8 as packed pixels; those that are packed stay as they are."""
    return images if images.dtype == np.int32 and images.ndim == 3 else pixels.pack(images)

"""A data set of the right shape that holds nothing: all that compiling a training step needs to know of one."""

import numpy as np
from ml_collections import ConfigDict

from sbn.data import sources
from sbn.data import splits as parts
from sbn.data.examples import InMemory, in_memory
from sbn.data.sources import LabelledImages

# Examples of the splits, side of the images as evaluation sees them, classes. They need not be on this machine.
_CIFAR = {"train": 50_000, "test": 10_000}
_KNOWN = {
    "cifar10": (_CIFAR, 32, 10),
    "cifar100": (_CIFAR, 32, 100),
    "tiny_imagenet": ({"train": 100_000, "validation": 10_000}, 64, 200),
    "imagenet2012": ({"train": 1_281_167, "validation": 50_000}, 224, 1000),
    "imagenette": ({"train": 9_469, "validation": 3_925}, 160, 10),
}


def splits(config: ConfigDict) -> tuple[LabelledImages, LabelledImages]:
    """Returns (training split, test split) of the sizes of the config's data set; of a known one nothing is read.

    Raises:
        ConfigError: if another one can't be loaded, or has fewer examples than asked for.
    """
    train, test = (_split(config, split) for split in ("train", "test"))
    return train, test


def _split(config: ConfigDict, split: str) -> LabelledImages:
    data = config.data
    if data.name not in _KNOWN:
        return sources.load_images(data, split, view=config.eval.augment)
    lengths, side, classes = _KNOWN[data.name]
    found = parts.ids(data[f"{split}_split"], lengths, key=f"data.{split}_split", of=data.name)
    count = sum(part.stop - part.start for _, part in found)
    limit = data.train_examples if split == "train" else data.test_examples
    return _empty(min(count, limit or count), side, classes, name=data.name)


def _empty(count: int, side: int, classes: int, *, name: str) -> InMemory:
    image, label = np.zeros((1, side, side, 3), np.uint8), np.zeros(1, np.int32)
    one = in_memory({"image": image, "label": label}, name=name, classes=classes)
    # One example's memory, however many there are
    arrays = {key: np.broadcast_to(array, (count, *array.shape[1:])) for key, array in one.arrays.items()}
    return InMemory(arrays, one.features)

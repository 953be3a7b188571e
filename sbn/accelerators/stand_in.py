"""A data set of the right shape that holds nothing: all that compiling a training step needs to know of one."""

import numpy as np
from ml_collections import ConfigDict

from sbn.data import sources
from sbn.data.archive import parse_split
from sbn.data.sources import CHANNELS, Source

# Examples of the splits, side of the images as evaluation sees them, classes. They need not be on this machine.
_KNOWN = {
    "cifar10": ({"train": 50_000, "test": 10_000}, 32, 10),
    "cifar100": ({"train": 50_000, "test": 10_000}, 32, 100),
    "tiny_imagenet": ({"train": 100_000, "validation": 10_000}, 64, 200),
    "imagenet2012": ({"train": 1_281_167, "validation": 50_000}, 224, 1000),
    "imagenette": ({"train": 9_469, "validation": 3_925}, 160, 10),
}


def splits(config: ConfigDict) -> tuple[Source, Source]:
    """Returns (training split, test split) of the sizes of the config's data set; of a known one nothing is read.

    Raises:
        ConfigError: if another one can't be loaded, or has fewer examples than asked for.
    """
    train, test = (_split(config, split) for split in ("train", "test"))
    return train, test


def _split(config: ConfigDict, split: str) -> Source:
    data = config.data
    if data.name not in _KNOWN:
        return sources.load(data, split, view=config.eval.augment)
    counts, side, classes = _KNOWN[data.name]
    base, part = parse_split(data[f"{split}_split"])
    count = len(range(counts.get(base, counts["train"]))[part])
    limit = data.train_examples if split == "train" else data.test_examples
    count = min(count, limit or count)
    images = np.broadcast_to(np.uint8(0), (count, side, side, 3))
    return Source(images, np.broadcast_to(np.int32(0), (count,)), classes, *CHANNELS[data.name])

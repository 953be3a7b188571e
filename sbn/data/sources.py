"""Image data sets in memory as uint8, by name: CIFAR-10 and -100, of TFDS or an archive, and the rendered `shapes`."""

import dataclasses
import hashlib
import importlib.util
import os
from collections.abc import Callable

import numpy as np
from ml_collections import ConfigDict

from sbn.config.errors import ConfigError
from sbn.data import archive, shapes
from sbn.data.without_gpu import hide_gpus


@dataclasses.dataclass(frozen=True)
class Source:
    """One split of a labelled image data set.

    Attributes:
        images: (M, H, W, 3) uint8; position is the example's id.
        labels: (M,) int32, from 0 to classes - 1.
        classes: number of classes.
        mean: (3,) of the training images, in [0, 1].
        std: (3,) of the training images, in [0, 1].
    """

    images: np.ndarray
    labels: np.ndarray
    classes: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def __len__(self) -> int:
        return len(self.labels)

    def fingerprint(self) -> str:
        """Returns a hash of every pixel and label, to record what a run was trained on."""
        digest = hashlib.sha256(self.images.tobytes())
        digest.update(self.labels.tobytes())
        return digest.hexdigest()[:16]


# Of the training split, per channel. CIFAR's are the TF AutoAugment code's; those of shapes are of 50,000 images.
CHANNELS = {
    "cifar10": ((0.49139968, 0.48215841, 0.44653091), (0.24703223, 0.24348513, 0.26158784)),
    "cifar100": ((0.50707516, 0.48654887, 0.44091784), (0.26733429, 0.25643846, 0.27615047)),
    "shapes": ((0.5, 0.5, 0.5), (0.2351, 0.2351, 0.2351)),
    "shapes/clear": ((0.5, 0.5, 0.5), (0.375, 0.375, 0.375)),
    "shapes/sketch": ((0.8, 0.8, 0.8), (0.1373, 0.1373, 0.1373)),
}
CLASSES = {"cifar10": 10, "cifar100": 100, "shapes": 10}


def load(data: ConfigDict, split: str) -> Source:
    """Returns the 'train' or 'test' split that `data`, the config's data keys, describes.

    Raises:
        ConfigError: if the data set is not there, or has fewer examples than asked for.
    """
    images, labels = _loader(data)(data, split)
    limit = data.train_examples if split == "train" else data.test_examples
    if limit is not None and limit > len(labels):
        raise ConfigError(
            f"data.{split}_examples = {limit} asks for more than the {len(labels)} examples of {data.name!r}"
        )
    if not len(labels):
        raise ConfigError(f"data.{split}_split = {data[f'{split}_split']!r} holds no examples")
    mean, std = CHANNELS.get(f"{data.name}/{data.style}") or CHANNELS[data.name]
    return Source(images[:limit], labels[:limit].astype(np.int32), CLASSES[data.name], mean, std)


def _load_shapes(data: ConfigDict, split: str) -> tuple[np.ndarray, np.ndarray]:
    limit, standard = (data.train_examples, 10_000) if split == "train" else (data.test_examples, 2_000)
    rendered = shapes.render(np.arange(limit or standard), size=data.image_size or 32, split=split, style=data.style)
    return rendered.images, rendered.labels


def _load_tfds(data: ConfigDict, split: str) -> tuple[np.ndarray, np.ndarray]:
    if importlib.util.find_spec("tensorflow_datasets") is None:
        raise ConfigError(
            "tensorflow_datasets is not installed: point --config.data.archive at a file that `python -m "
            f"sbn.data.prepare {data.name}` made, which needs neither; --config.data.name=shapes needs no data"
        )
    hide_gpus()
    import tensorflow_datasets as tfds

    data_dir = data.dir or os.environ.get("TFDS_DATA_DIR")
    builder = tfds.builder(data.name, data_dir=data_dir)
    if not builder.data_path.exists():
        raise ConfigError(
            f"no prepared {data.name!r} in {builder.data_path}: point --config.data.dir or TFDS_DATA_DIR at a TFDS "
            f"data_dir that has it, or run `tfds build {data.name}`; --config.data.name=shapes needs no data"
        )
    # One file after the other and no shuffling: position in this order is the example's id.
    order = tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False)
    name = data.train_split if split == "train" else data.test_split
    try:
        dataset = builder.as_dataset(split=name, shuffle_files=False, read_config=order)
    except (ValueError, KeyError) as error:
        raise ConfigError(f"data.{split}_split = {name!r}: {str(error).splitlines()[0]}") from None
    batches = list(tfds.as_numpy(dataset.batch(1000)))
    if not batches:
        return np.zeros((0, 1, 1, 3), np.uint8), np.zeros(0, np.int32)
    return np.concatenate([b["image"] for b in batches]), np.concatenate([b["label"] for b in batches])


def _load_archive(data: ConfigDict, split: str) -> tuple[np.ndarray, np.ndarray]:
    return archive.read(data.archive, name=data.name, split=data[f"{split}_split"])


def _loader(data: ConfigDict) -> Callable[[ConfigDict, str], tuple[np.ndarray, np.ndarray]]:
    if data.name == "shapes":
        return _load_shapes
    return _load_tfds if data.archive is None else _load_archive

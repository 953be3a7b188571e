"""Image data sets by name: in memory as uint8, or, the ImageNets, encoded in their files."""

import dataclasses
import hashlib
import importlib.util
import os
from collections.abc import Callable
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from sbn.config.errors import ConfigError
from sbn.data import archive, eval_view, indexing, shapes, tiny_imagenet
from sbn.data.encoded import EncodedImages
from sbn.data.index import Index
from sbn.data.layouts import find
from sbn.data.without_gpu import hide_gpus


@dataclasses.dataclass(frozen=True)
class Source:
    """One split of a labelled image data set.

    Attributes:
        images: (M, H, W, 3) uint8, or what yields slices like that; position is the example's id.
        labels: (M,) int32, from 0 to classes - 1.
        classes: number of classes.
        mean: (3,) of the training images, in [0, 1].
        std: (3,) of the training images, in [0, 1].
    """

    images: Any  # np.ndarray or EncodedImages
    labels: np.ndarray
    classes: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def __len__(self) -> int:
        return len(self.labels)

    def fingerprint(self) -> str:
        """Returns a hash of every pixel and label, of encoded images that of their index, to record with a run."""
        if isinstance(self.images, EncodedImages):
            return self.images.index.fingerprint()
        digest = hashlib.sha256(self.images.tobytes())
        digest.update(self.labels.tobytes())
        return digest.hexdigest()[:16]


# Of the training split, per channel. CIFAR's are the TF AutoAugment code's; those of shapes are of 50,000 images.
# ImageNet's are those of tensorflow/tpu's and torchvision's recipes, here for its subset Imagenette too. Public code
# has two sets of deviations for Tiny-ImageNet: these, of all pixels, and (.230, .227, .226), of those within an image.
# Ten of its classes have mean (.488, .462, .433) and deviation (.274, .271, .291).
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
CHANNELS = {
    "cifar10": ((0.49139968, 0.48215841, 0.44653091), (0.24703223, 0.24348513, 0.26158784)),
    "cifar100": ((0.50707516, 0.48654887, 0.44091784), (0.26733429, 0.25643846, 0.27615047)),
    "tiny_imagenet": ((0.4802, 0.4481, 0.3975), (0.2770, 0.2691, 0.2821)),
    "imagenet2012": _IMAGENET,
    "imagenette": _IMAGENET,
    "shapes": ((0.5, 0.5, 0.5), (0.2351, 0.2351, 0.2351)),
    "shapes/clear": ((0.5, 0.5, 0.5), (0.375, 0.375, 0.375)),
    "shapes/sketch": ((0.8, 0.8, 0.8), (0.1373, 0.1373, 0.1373)),
}
# Images, labels, and the number of classes
_Loaded = tuple[np.ndarray | Index, np.ndarray, int]


def load(data: ConfigDict, split: str, *, view: str | None = None) -> Source:
    """Returns the 'train' or 'test' split that `data`, the config's data keys, describes.

    Args:
        data: the config's data keys.
        split: 'train' or 'test'.
        view: the pipeline that test images, and encoded ones of either split, are evaluated through (`eval.augment`).

    Raises:
        ConfigError: if the data set is not there, or has fewer examples than asked for.
    """
    ops = eval_view.parse(view, name=data.name)
    found, labels, classes = _loader(data)(data, split)
    limit = data.train_examples if split == "train" else data.test_examples
    if limit is not None and limit > len(labels):
        raise ConfigError(
            f"data.{split}_examples = {limit} asks for more than the {len(labels)} examples of {data.name!r}"
        )
    if not len(labels):
        raise ConfigError(f"data.{split}_split = {data[f'{split}_split']!r} holds no examples")
    labels = labels[:limit].astype(np.int32)
    if labels.min() < 0:
        raise ConfigError(
            f"data.{split}_split = {data[f'{split}_split']!r} of {data.name!r} holds images without labels"
        )
    images: np.ndarray | EncodedImages
    if isinstance(found, Index):
        images = EncodedImages(found.take(slice(limit)), ops)
    else:
        images = eval_view.apply(found[:limit], ops) if split == "test" else found[:limit]
    mean, std = channels(data)
    return Source(images, labels, classes, mean, std)


def channels(data: ConfigDict) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Returns the mean and the standard deviation of each channel, in [0, 1], of what the config's data keys name."""
    return CHANNELS.get(f"{data.name}/{data.style}") or CHANNELS[data.name]


def _load_shapes(data: ConfigDict, split: str) -> _Loaded:
    limit, standard = (data.train_examples, 10_000) if split == "train" else (data.test_examples, 2_000)
    rendered = shapes.render(np.arange(limit or standard), size=data.image_size or 32, split=split, style=data.style)
    return rendered.images, rendered.labels, 10


def _load_tfds(data: ConfigDict, split: str) -> _Loaded:
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
    classes = builder.info.features["label"].num_classes
    batches = list(tfds.as_numpy(dataset.batch(1000)))
    if not batches:
        return np.zeros((0, 1, 1, 3), np.uint8), np.zeros(0, np.int32), classes
    return np.concatenate([b["image"] for b in batches]), np.concatenate([b["label"] for b in batches]), classes


def _load_archive(data: ConfigDict, split: str) -> _Loaded:
    images, labels, class_names = archive.read(data.archive, name=data.name, split=data[f"{split}_split"])
    return images, labels, len(class_names)


def _load_tiny_imagenet(data: ConfigDict, split: str) -> _Loaded:
    base, cut = archive.parse_split(data[f"{split}_split"])
    images, labels, class_names = tiny_imagenet.read(data.dir, base)
    return images[cut], labels[cut], len(class_names)


def _load_index(data: ConfigDict, split: str) -> _Loaded:
    base, cut = archive.parse_split(data[f"{split}_split"])
    index = indexing.load(find(data.name, data.dir), base, name=data.name).take(cut)
    return index, index.labels, len(index.class_names)


# What reads a data set where no archive is given
_LOADERS: dict[str, Callable[[ConfigDict, str], _Loaded]] = {
    "cifar10": _load_tfds,
    "cifar100": _load_tfds,
    "tiny_imagenet": _load_tiny_imagenet,
    "imagenet2012": _load_index,
    "imagenette": _load_index,
    "shapes": _load_shapes,
}


def _loader(data: ConfigDict) -> Callable[[ConfigDict, str], _Loaded]:
    return _LOADERS[data.name] if data.archive is None else _load_archive

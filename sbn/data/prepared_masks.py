"""Images and label images that TFDS has prepared, both encoded: `data.label_feature` names the label image. No TensorFlow."""

import concurrent.futures
import io

import numpy as np
from etils import epath

from sbn.config.errors import ConfigError
from sbn.data import cityscapes, index, splits, tfrecords
from sbn.data.decode import look
from sbn.data.encoded import Beside, ImageFiles
from sbn.data.examples import Feature
from sbn.data.label_classes import LabelClasses, label_classes
from sbn.data.label_images import LabelImages, check_sizes, lookup
from sbn.data.tfrecords import Keys

_KNOWN = {"cityscapes": cityscapes.NAMES}  # names by number, of builders whose label images are no list of classes


def read(path: epath.Path, split: str, *, key: str, name: str, keys: Keys, classes: tuple[str, ...]) -> ImageFiles:
    """Returns the images of a split, which stay in their files, with a 'mask'.

    Args:
        path: where TFDS prepared them.
        split: names of splits, and parts of them, as in 'train+validation' or 'train[:100]'.
        key: that it stands under, for messages.
        name: of the data set, as TFDS has it.
        keys: the names of both features.
        classes: names of the numbers in label images from 0 on (`sbn.data.label_classes`); (): those that are known.

    Raises:
        ConfigError: naming the file and the byte: of what is missing, damaged or not of one size.
    """
    known = _classes(name, keys.label, classes)
    bases = splits.names(split, key=key)
    images = {base: _index(path, base, keys.image, key="data.image_feature") for base in bases}
    labels = {base: _index(path, base, keys.label, key="data.label_feature") for base in bases}
    parts = splits.ids(split, {base: len(found) for base, found in images.items()}, key=key, of=name)
    of_images, of_labels = (
        index.joined([found[base].take(where) for base, where in parts]) for found in (images, labels)
    )
    check_sizes(of_labels, of_images)
    masks = LabelImages(of_labels, len(known.names), lookup(known.numbers), tuple(known.numbers))
    if len(of_labels):
        masks.labels(0)  # whether it is a label image at all
    features = {"image_size": Feature("array", (2,)), "mask": Feature("mask", (None, None), known.names)}
    return ImageFiles(of_images, Beside({"image_size": of_images.sizes.astype(np.int32)}, features, {"mask": masks}))


def _classes(name: str, feature: str, given: tuple[str, ...]) -> LabelClasses:
    builder = name.partition(":")[0].partition("/")[0]
    names = given or _KNOWN.get(builder)
    if names is None:
        raise ConfigError(
            f"data.label_feature = {feature!r} of {name!r} is a label image: data.mask_classes has to name what each "
            "number in it stands for, from 0 on, '-' for no class"
        )
    return label_classes(names, where="data.mask_classes")


def _index(path: epath.Path, split: str, feature: str, *, key: str) -> index.Index:
    """Where the encoded images of one feature lie."""
    counts = tfrecords.shards(path, split)
    by_name = {file.name: file for file in counts}

    def look_into(name: str) -> list[index.Entry]:
        file, found = by_name[name], []
        for offset, image in tfrecords.encoded(file, feature, count=counts[file], key=key):
            try:
                found.append(index.Entry(offset, len(image), 0, *look(io.BytesIO(image))))
            except OSError as error:
                raise ConfigError(f"the image at byte {offset} of {file} can't be read: {error}") from None
        return found

    with concurrent.futures.ThreadPoolExecutor(len(counts) or 1) as pool:
        stamps = list(pool.map(index.stamp, counts))
    files = index.Files(path, list(by_name), stamps, (), look_into)
    return index.load(files, name=f"{path.parent.name} {split} {feature}")

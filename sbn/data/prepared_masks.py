"""Images and label images as TFDS has prepared them: `data.label_feature` names the feature of the label images."""

import dataclasses
from collections.abc import Sequence

from etils import epath

from sbn.config.errors import ConfigError
from sbn.data import cityscapes, index, tfrecords
from sbn.data.encoded import ImageFiles
from sbn.data.image_files import image_files
from sbn.data.index import Index
from sbn.data.label_classes import LabelClasses, label_classes
from sbn.data.prepared import image_index
from sbn.data.tfrecords import Keys

_KNOWN = {"cityscapes": cityscapes.NAMES}  # names by number, of builders that do not list them themselves


@dataclasses.dataclass(frozen=True)
class Masked:
    """Where the images of a split lie, and their label images."""

    images: Index
    labels: Index

    def __len__(self) -> int:
        return len(self.images)

    def take(self, which: slice) -> "Masked":
        """Returns some of them."""
        return Masked(self.images.take(which), self.labels.take(which))


def find(path: epath.Path, *, name: str, label: str, given: tuple[str, ...]) -> LabelClasses | None:
    """Returns what the numbers in a data set's label images are; None where `label` is none.

    Args:
        path: where TFDS prepared it.
        name: of the data set, as TFDS has it.
        label: `data.label_feature`.
        given: `data.mask_classes`; (): those that are known.

    Raises:
        ConfigError: if they are not known, or are given for something else.
    """
    if "image" not in tfrecords.features(path).get(label, {}):
        if given:
            raise ConfigError(f"data.mask_classes has no effect with {name!r}: its {label!r} is not a label image")
        return None
    names = given or _KNOWN.get(name.partition(":")[0].partition("/")[0])
    if names is None:
        raise ConfigError(
            f"data.label_feature = {label!r} of {name!r} is a label image: data.mask_classes has to name what each "
            "number in it stands for, from 0 on, '-' for no class"
        )
    return label_classes(names, where="data.mask_classes")


def read(path: epath.Path, split: str, *, keys: Keys) -> Masked:
    """Returns where the images and label images of a whole split lie.

    Raises:
        ConfigError: if there is no such split, or a file or an example is damaged; it says where.
    """
    images, labels = (
        image_index(path, split, feature, key=f"data.{what}_feature", kind="pixels")
        for what, feature in (("image", keys.image), ("label", keys.label))
    )
    return Masked(images, labels)


def examples(parts: Sequence[Masked], *, name: str, classes: LabelClasses) -> ImageFiles:
    """Returns the images of parts of splits, which stay in their files, with a 'mask'.

    Raises:
        ConfigError: naming the file and the byte, if an image and its label image differ in size.
    """
    return image_files(
        index.joined([part.images for part in parts]),
        name=name,
        classes=classes.names,
        masks=index.joined([part.labels for part in parts]),
        mask_numbers=classes.numbers,
        only_these_numbers=True,
    )

"""A user's folder of images, folder of label images with the same names, and list of classes."""

from collections.abc import Callable, Mapping
from functools import partial

from etils import epath

from sbn.config.errors import ConfigError
from sbn.data import label_pairs
from sbn.data.encoded import ImageFiles
from sbn.data.folders import VALIDATION, check_no_share, place
from sbn.data.label_classes import read_classes
from sbn.data.label_pairs import Pair


def read(path: epath.Path, split: str, *, key: str, test_share: float) -> ImageFiles:
    """Returns the images of a split, which stay in their files, with a 'mask'.

    PATH/images/SPLIT/** and PATH/labels/SPLIT/**, or, without a folder images/train, PATH/images/** and
    PATH/labels/**, of which a share is the test split: which files these are follows from their paths alone.
    PATH/classes.txt names the classes, one per line, that of number 0 in the label images first.

    Args:
        path: of the folder.
        split: names of splits, and parts of them, as in 'train+val' or 'train[:100]'.
        key: that it stands under, for messages.
        test_share: of a folder without splits, from 0 to 1.

    Raises:
        ConfigError: naming the folder or file: of what is missing, damaged or not of one size.
    """
    images, labels = path / "images", path / "labels"
    for folder in (path, images, labels):
        if not folder.is_dir():
            raise ConfigError(f"data.name = 'masks:{path}': there is no folder {folder}")
    there: dict[str, Callable[[], list[Pair]]] = {}
    if (images / "train").is_dir():
        check_no_share(images, test_share)
        names = [folder.name for folder in sorted(images.iterdir()) if folder.is_dir()]
        there = {name: partial(_pairs, images / name, labels / name) for name in names}
        validation = next((name for name in VALIDATION if name in names), None)
        if "test" not in there and validation is not None:
            there["test"] = there[validation]
    else:
        for name in ("train", "test"):
            there[name] = partial(_pairs, images, labels, share=test_share, test=name == "test")
    classes = read_classes(path / "classes.txt")
    return label_pairs.examples(path, split, key=key, kind="masks", classes=classes, there=there)


def _pairs(images: epath.Path, labels: epath.Path, share: float | None = None, test: bool = False) -> list[Pair]:
    """All pairs of two folders, or those that are, or are not, in the share of the test split."""
    named: Mapping[str, epath.Path] = dict(label_pairs.image_names(images))
    if share is not None:
        named = {name: file for name, file in named.items() if (place(name) < share) == test}
    return label_pairs.matched(named, dict(label_pairs.image_names(labels)), where=labels)

"""Cityscapes (Cordts et al. 2016) as its authors publish it, and the 19 classes that are measured.

`leftImg8bit/SPLIT/CITY/*_leftImg8bit.png` are images, `gtFine/SPLIT/CITY/*_gtFine_labelIds.png` what each pixel shows.
"""

from collections.abc import Callable
from functools import partial

from etils import epath

from sbn.config.errors import ConfigError
from sbn.data import label_pairs
from sbn.data.encoded import ImageFiles
from sbn.data.label_classes import label_classes
from sbn.data.label_pairs import Pair

# By label id, which is the number in *_labelIds.png; '-' are those that are not measured
NAMES = (
    *("-", "-", "-", "-", "-", "-", "-", "road", "sidewalk", "-", "-", "building", "wall", "fence", "-", "-", "-"),
    *("pole", "-", "traffic light", "traffic sign", "vegetation", "terrain", "sky", "person", "rider", "car", "truck"),
    *("bus", "-", "-", "train", "motorcycle", "bicycle"),
)
CLASSES = label_classes(NAMES, where="Cityscapes")
_TRAIN_IDS = label_classes(CLASSES.names, where="Cityscapes")
_IMAGE, _LABEL_IDS, _LABEL_TRAIN_IDS = "_leftImg8bit.png", "_gtFine_labelIds.png", "_gtFine_labelTrainIds.png"


def read(path: epath.Path, split: str, *, key: str) -> ImageFiles:
    """Returns the images of a split, which stay in their files, with a 'mask' of the 19 classes.

    Where there are no *_labelIds.png, *_labelTrainIds.png are taken, whose numbers are the classes.

    Args:
        path: of the folder that holds leftImg8bit and gtFine.
        split: 'train', 'val' or 'test', and parts of them, as in 'train+val' or 'train[:100]'.
        key: that it stands under, for messages.

    Raises:
        ConfigError: naming the folder or file: of what is missing, damaged or not of one size.
    """
    for folder in ("leftImg8bit", "gtFine"):
        if not (path / folder).is_dir():
            raise ConfigError(f"data.name = 'cityscapes:{path}': there is no folder {path / folder}")
    by_id = next(path.glob(f"gtFine/*/*/*{_LABEL_IDS}"), None) is not None
    suffix = _LABEL_IDS if by_id else _LABEL_TRAIN_IDS
    there: dict[str, Callable[[], list[Pair]]] = {
        folder.name: partial(_pairs, path, folder.name, suffix)
        for folder in sorted((path / "leftImg8bit").iterdir())
        if folder.is_dir()
    }
    classes = CLASSES if by_id else _TRAIN_IDS
    return label_pairs.examples(path, split, key=key, kind="cityscapes", classes=classes, there=there)


def _pairs(path: epath.Path, split: str, suffix: str) -> list[Pair]:
    found = []
    for image in sorted((path / "leftImg8bit" / split).glob(f"[!.]*/[!.]*{_IMAGE}")):
        labels = path / "gtFine" / split / image.parent.name / (image.name.removesuffix(_IMAGE) + suffix)
        found.append(Pair(image, labels))
    return found

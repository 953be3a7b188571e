"""GTA5, "Playing for Data" (Richter et al. 2016): frames of a video game with the classes of Cityscapes.

`images/*.png` and `labels/*.png` of the same names. Label images have a palette; the places in it are the label ids of
Cityscapes. `split.mat`, as its authors publish it, says which frames are for training, validation and testing.
"""

import hashlib
from collections.abc import Callable, Mapping

import numpy as np
from etils import epath

from sbn.config.errors import ConfigError
from sbn.data import cityscapes, label_pairs
from sbn.data.encoded import ImageFiles
from sbn.data.label_classes import label_classes
from sbn.data.label_pairs import Pair

CLASSES = label_classes((*cityscapes.NAMES, "-"), where="GTA5")  # number 34: licence plates
_SPLITS = {"train": "trainIds", "val": "valIds", "test": "testIds"}


def read(path: epath.Path, split: str, *, key: str) -> ImageFiles:
    """Returns the frames of a split, which stay in their files, with a 'mask' of Cityscapes's 19 classes.

    The frames of a split are in an order that follows from their names and looks drawn by chance, so that the first
    2,975 are of all scenes. (Neighbouring numbers are neighbouring moments.)

    Args:
        path: of the folder that holds images and labels.
        split: 'all', or where there is split.mat 'train', 'val' or 'test'; and parts, as in 'train[:2975]'.
        key: that it stands under, for messages.

    Raises:
        ConfigError: naming the folder or file: of what is missing, damaged or not of one size.
    """
    for folder in ("images", "labels"):
        if not (path / folder).is_dir():
            raise ConfigError(f"data.name = 'gta5:{path}': there is no folder {path / folder}")
    images = dict(label_pairs.image_names(path / "images"))
    labels = dict(label_pairs.image_names(path / "labels"))

    def pairs(names: list[str]) -> list[Pair]:
        if missing := next((name for name in names if name not in images), None):
            raise ConfigError(f"{path / 'split.mat'} names frame {missing}, which is not in {path / 'images'}")
        chosen = {name: images[name] for name in sorted(names, key=_by_chance)}
        return label_pairs.matched(chosen, labels, where=path / "labels")

    there: dict[str, Callable[[], list[Pair]]] = {"all": lambda: pairs(list(images))}
    for name, ids in _official(path / "split.mat").items():
        there[name] = lambda ids=ids: pairs(ids)  # type: ignore[misc]
    return label_pairs.examples(path, split, key=key, kind="gta5", classes=CLASSES, there=there)


def _by_chance(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()


def _official(file: epath.Path) -> Mapping[str, list[str]]:
    """The names of the frames of each split; none where the file is not there."""
    if not file.exists():
        return {}
    try:
        import scipy.io  # here alone: no other data set needs it

        found = scipy.io.loadmat(str(file))
        return {name: [f"{number:05d}" for number in np.ravel(found[ids]).tolist()] for name, ids in _SPLITS.items()}
    except Exception as error:  # SciPy has many words for a damaged file
        raise ConfigError(f"{file} can't be read: {str(error) or type(error).__name__}") from None

"""CamVid as SegNet's authors publish it: lists of images and label images, 367 for training, 101 and 233 to measure on.

Brostow et al. 2009 filmed Cambridge by day and at dusk; Badrinarayanan et al. 2017 (SegNet) put 11 classes together.
"""

from collections.abc import Callable, Mapping
from functools import partial

from etils import epath

from sbn.config.errors import ConfigError, first_repeated
from sbn.data import label_pairs
from sbn.data.encoded import ImageFiles
from sbn.data.label_classes import label_classes
from sbn.data.label_pairs import Pair
from sbn.runs.content import read_text

# By number; 11 is void
NAMES = (
    *("sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car", "pedestrian", "bicyclist"),
    "-",
)
CLASSES = label_classes(NAMES, where="CamVid")
_DUSK = "0001TP_"  # the sequence that was filmed at dusk; all others by day
_IMAGES = (".png", ".jpg", ".jpeg")


def read(path: epath.Path, split: str, *, key: str) -> ImageFiles:
    """Returns the images of a split, which stay in their files, with a 'mask'.

    Args:
        path: of the folder with train.txt, val.txt and test.txt.
        split: lists, also only the images of one light, and their parts: 'train+val', 'test_day', 'train_dusk[:10]'.
        key: that it stands under, for messages.

    Raises:
        ConfigError: naming the list and its line, or the file: of what is missing, damaged or not of one size.
    """
    if not path.is_dir():
        raise ConfigError(f"data.name = 'camvid:{path}': there is no such folder; write camvid:FOLDER")
    there: dict[str, Callable[[], list[Pair]]] = {}
    for file in sorted(path.glob("[!.]*.txt")):
        there[file.stem] = partial(_listed, path, file.stem)
        there[f"{file.stem}_day"] = partial(_of_light, path, file.stem, dusk=False)
        there[f"{file.stem}_dusk"] = partial(_of_light, path, file.stem, dusk=True)
    if not there:
        raise ConfigError(f"{path} holds no lists such as train.txt: it is not CamVid in SegNet's layout")
    return label_pairs.examples(path, split, key=key, kind="camvid", classes=CLASSES, there=there)


def _of_light(path: epath.Path, name: str, *, dusk: bool) -> list[Pair]:
    return [pair for pair in _listed(path, name) if pair.image.name.startswith(_DUSK) == dusk]


def _listed(path: epath.Path, name: str) -> list[Pair]:
    """The pairs of a list. Its paths are those of its authors' machine: the last two parts of each count."""
    file, found = path / f"{name}.txt", []
    folders: dict[str, Mapping[str, epath.Path]] = {}
    for number, line in enumerate((read_text(file) or "").splitlines(), start=1):
        words = line.split()
        if not words:
            continue
        ends = [epath.Path(word).parts[-2:] for word in words]
        if len(words) != 2 or "\0" in line or any(len(end) < 2 or ".." in end for end in ends):
            raise ConfigError(f"{file}, line {number}: {line.strip()!r} is not an image and its label image")
        image, labels = (path / epath.Path(word).parent.name / epath.Path(word).name for word in words)
        folder = str(image.parent)
        if folder not in folders:  # copies may have other suffixes than the lists
            folders[folder] = {own.stem: own for own in image.parent.glob("[!.]*") if own.suffix.lower() in _IMAGES}
        if image.stem not in folders[folder]:
            raise ConfigError(f"{file}, line {number}: there is no image {image}")
        if image.stem != labels.stem:
            raise ConfigError(f"{file}, line {number}: {labels.name} are the labels of another image than {image.name}")
        found.append(Pair(folders[folder][image.stem], labels))
    if (twice := first_repeated(str(pair.image) for pair in found)) is not None:
        raise ConfigError(f"{file} lists {twice} twice")
    return found

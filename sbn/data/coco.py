"""Objects in images as COCO annotates them: a JSON file for each split, beside folders of images.

Many tools write that format. `data.name = 'coco:PATH'` reads it, with `data.train_split` and `data.test_split` naming
the splits, as in 'train2017' and 'val2017'. Where their files lie in PATH is looked for (`_LISTS`, `_FOLDERS`).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from etils import epath

from sbn.config.errors import ConfigError, first_repeated, shown, unknown
from sbn.data import splits
from sbn.data.encoded import ImageFiles
from sbn.data.objects import MOST_PIXELS, Objects, examples
from sbn.runs.content import read_json

# Where the annotations of a split are looked for, and its images: the first that is there counts
_LISTS = ("annotations/instances_{}.json", "annotations/{}.json", "{}.json", "{}/_annotations.coco.json")
_FOLDERS = ("{}", "images/{}", "images", ".")


class Split(NamedTuple):
    """The annotated images of a split.

    Attributes:
        classes: names of the categories, in the order of their ids.
        images: the files, in the order of the list.
        objects: of each image.
        sizes: height and width of each image, as the annotations have them.
    """

    classes: tuple[str, ...]
    images: Sequence[epath.Path]
    objects: Sequence[Objects]
    sizes: Sequence[tuple[int, int]]


def read(path: epath.Path, split: str, *, key: str) -> ImageFiles:
    """Returns the images of a split, which stay in their files, with what `sbn.data.objects.examples` gives them.

    Objects that are crowds count as difficult: they are not learned, and neither help nor hurt when they are found.

    Args:
        path: of the folder.
        split: names of splits, and parts of them, as in 'train2017' or 'train2017[:1000]+val2017'.
        key: that it stands under, for messages.

    Raises:
        ConfigError: naming the file: of a folder, list or image that is missing or damaged, with the id of the image,
            category or annotation where it is about one.
    """
    if not path.is_dir():
        raise ConfigError(f"data.name = 'coco:{path}': there is no such folder; write coco:FOLDER")
    whole = {name: _read(path, name) for name in splits.names(split, key=key)}
    (first, own), *others = whole.items()
    for name, other in others:
        if other.classes != own.classes:
            raise ConfigError(f"{key} = {split!r} of coco:{path}: {first!r} and {name!r} have different categories")
    lengths = {name: len(found.images) for name, found in whole.items()}
    parts = [(whole[name], where) for name, where in splits.ids(split, lengths, key=key, of=f"coco:{path}")]
    made = examples(
        [str(file) for part, where in parts for file in part.images[where]],
        [objects for part, where in parts for objects in part.objects[where]],
        name=f"coco {path.name} {split}",
        of=f"coco:{path}, {split!r}",
        classes=own.classes,
    )
    sizes = [size for part, where in parts for size in part.sizes[where]]
    for i, (size, noted) in enumerate(zip(made.index.sizes.tolist(), sizes, strict=True)):
        if size != list(noted):
            raise ConfigError(
                f"{made.index.name(i)} has {size[0]} x {size[1]} pixels, and {noted[0]} x {noted[1]} in the annotations"
            )
    return made


def _read(path: epath.Path, split: str) -> Split:
    """What the annotations of a whole split say."""
    listed = [path / place.format(split) for place in _LISTS]
    file = next((file for file in listed if file.exists()), None)
    if file is None:
        raise unknown(f"split of coco:{path} (looked for {', '.join(map(str, listed))}):", split, _splits(path))
    content = read_json(file)
    images = _by_id(content, "images", file, "image")
    categories = _categories(content, file)
    numbers = {number: place for place, number in enumerate(categories)}
    annotations: dict[int, list[tuple[str, Any]]] = {number: [] for number in images}
    for place, one in enumerate(_listed(content, "annotations", file), start=1):
        what = f"{file}, annotation {shown(one['id']) if 'id' in one else f'number {place}'}"
        if (image := _whole(one, "image_id", what)) not in annotations:
            raise ConfigError(f"{what}: there is no image with the id {image}")
        if (category := _whole(one, "category_id", what)) not in numbers:
            raise unknown(f"category_id of {what}:", category, numbers)
        annotations[image].append((what, one))
    sizes = [_size(one, f"{file}, image {number}") for number, one in images.items()]
    folders = [*([file.parent] if file.name.startswith("_") else []), *(path / name.format(split) for name in _FOLDERS)]
    files = _files(images, folders, file)
    found = [_objects(own, numbers) for own in annotations.values()]
    return Split(tuple(categories.values()), files, found, sizes)


def _categories(content: Any, file: epath.Path) -> dict[int, str]:
    """The names by id, in the order of the ids."""
    found = {}
    for number, one in _by_id(content, "categories", file, "category").items():
        name = one.get("name")
        if not isinstance(name, str) or not name.strip():
            raise ConfigError(f"{file}, category {number} has no name")
        found[number] = name.strip()
    _check_once(found.values(), f"{file}: category")
    if not found:
        raise ConfigError(f"{file} lists no categories")
    return dict(sorted(found.items()))


def _objects(annotations: Sequence[tuple[str, Any]], numbers: Mapping[int, int]) -> Objects:
    """The objects of an image, each with the words for it in messages."""
    boxes, labels, crowds, areas = [], [], [], []
    for what, one in annotations:
        box = one.get("bbox")
        if not isinstance(box, list) or len(box) != 4 or not all(_is_number(value) for value in box):
            raise ConfigError(f"{what}: bbox is {shown(box)}, not x, y, width and height")
        x, y, w, h = map(float, box)
        if w < 0 or h < 0:
            raise ConfigError(f"{what}: bbox has a width of {w:g} and a height of {h:g}: neither may be negative")
        boxes.append((y, x, y + h, x + w))
        labels.append(numbers[one["category_id"]])
        if (crowd := one.get("iscrowd", 0)) not in (0, 1):
            raise ConfigError(f"{what}: iscrowd is {shown(crowd)}, not 0 or 1")
        crowds.append(bool(crowd))
        area = w * h if one.get("area") is None else one["area"]
        if not _is_number(area) or area < 0:
            raise ConfigError(f"{what}: area is {shown(area)}, not a number of square pixels")
        areas.append(float(area))
    made = np.asarray(boxes, np.float32).reshape(-1, 4)
    return Objects(made, labels, np.asarray(crowds, bool), np.asarray(areas, np.float32))


def _files(images: Mapping[int, Any], folders: Sequence[epath.Path], file: epath.Path) -> list[epath.Path]:
    """The file of each image, all in the first of the folders that has one of them."""
    names = {}
    for number, one in images.items():
        name = one.get("file_name")
        if not isinstance(name, str) or not name:
            raise ConfigError(f"{file}, image {number} has no file_name")
        if name[0] == "/" or ".." in name.split("/"):
            raise ConfigError(f"{file}, image {number}: file_name {shown(name)} leads out of its folder")
        names[number] = name
    _check_once(names.values(), f"{file}: file_name")
    for folder in folders:
        there = {number for number, name in names.items() if (folder / name).exists()}
        if there:
            lacking = next((number for number in names if number not in there), None)
            if lacking is not None:
                raise ConfigError(f"{file}, image {lacking}: there is no file {folder / names[lacking]}")
            return [folder / name for name in names.values()]
    if not names:
        return []
    number, name = next(iter(names.items()))
    raise ConfigError(f"{file}, image {number}: there is no file {name} in {', '.join(map(str, folders))}")


def _listed(content: Any, name: str, file: epath.Path) -> list[dict[str, Any]]:
    found = content.get(name) if isinstance(content, dict) else None
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ConfigError(f"{file} has no list of {name}: it holds no annotations as COCO's")
    return found


def _by_id(content: Any, name: str, file: epath.Path, what: str) -> dict[int, dict[str, Any]]:
    listed = _listed(content, name, file)
    numbers = [_whole(one, "id", f"{file}, {what} number {place}") for place, one in enumerate(listed, start=1)]
    _check_once(numbers, f"{file}: {what} id")
    return dict(zip(numbers, listed, strict=True))


def _whole(one: Mapping[str, Any], name: str, what: str) -> int:
    found = one.get(name)
    if isinstance(found, bool) or not isinstance(found, int):
        raise ConfigError(f"{what}: {name} is {shown(found)}, not a whole number")
    return found


def _size(image: Mapping[str, Any], where: str) -> tuple[int, int]:
    height, width = (_whole(image, side, where) for side in ("height", "width"))
    if min(height, width) < 1:
        raise ConfigError(f"{where}: height is {height} and width {width}, not numbers of pixels")
    return height, width


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < MOST_PIXELS


def _check_once(values: Iterable[Any], what: str) -> None:
    if (twice := first_repeated(values)) is not None:
        raise ConfigError(f"{what} {shown(twice)} appears twice")


def _splits(path: epath.Path) -> list[str]:
    """The names of splits that have annotations."""
    found = {
        file.stem.removeprefix("instances_") for place in ("annotations", ".") for file in path.glob(f"{place}/*.json")
    }
    return sorted(found | {file.parent.name for file in path.glob("*/_annotations.coco.json")})

"""Small data sets with boxes and label images in every layout that is read: six images of two sizes, three classes."""

import io
import json
import pathlib
from collections.abc import Callable

import numpy as np
from PIL import Image

CLASSES = ("ant", "bee", "cat")
SPLITS = {"train": ("a", "b", "c", "d"), "test": ("e", "f")}
_NAMES = (*SPLITS["train"], *SPLITS["test"])
# of each image: class, x0, y0, x1, y1, half-open
BOXES = {
    "a": [("ant", 0, 0, 12, 10), ("bee", 3, 2, 9, 8)],
    "b": [],
    "c": [("cat", 1, 1, 4, 5)],
    "d": [("ant", 5, 5, 11, 9)],
    "e": [("cat", 2, 0, 12, 3)],
    "f": [("bee", 0, 4, 6, 10), ("ant", 1, 1, 2, 2), ("cat", 6, 6, 12, 10)],
}


def size(name: str) -> tuple[int, int]:
    """Returns (height, width) of an image."""
    return (10, 12) if _NAMES.index(name) % 2 == 0 else (11, 13)


def pixels(name: str) -> np.ndarray:
    """Returns (h, w, 3) uint8."""
    return np.random.default_rng(ord(name)).integers(0, 256, (*size(name), 3), np.uint8)


def labels(name: str) -> np.ndarray:
    """Returns (h, w) uint8: classes, 255 where there is no label."""
    return np.random.default_rng(ord(name)).choice(np.array([0, 1, 2, 255], np.uint8), size(name))


def _png(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(array).save(out, "PNG")
    return out.getvalue()


def voc(folder: pathlib.Path) -> str:
    """Writes PASCAL VOC's layout; returns its `data.name`."""
    for part in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (folder / part).mkdir(parents=True)
    for name, objects in BOXES.items():
        (folder / f"JPEGImages/{name}.png").write_bytes(_png(pixels(name)))
        parts = [
            f"<object><name>{label}</name><difficult>0</difficult><bndbox><xmin>{x0 + 1}</xmin><ymin>{y0 + 1}</ymin>"
            f"<xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox></object>"
            for label, x0, y0, x1, y1 in objects
        ]
        (folder / f"Annotations/{name}.xml").write_text(f"<annotation>{''.join(parts)}</annotation>")
    for split, names in SPLITS.items():
        (folder / f"ImageSets/Main/{split}.txt").write_text("\n".join(names) + "\n")
    return f"voc:{folder}"


def coco(folder: pathlib.Path) -> str:
    """Writes COCO's layout; returns its `data.name`."""
    (folder / "annotations").mkdir()
    for split, names in SPLITS.items():
        (folder / split).mkdir()
        images, annotations = [], []
        for number, name in enumerate(names):
            (folder / split / f"{name}.png").write_bytes(_png(pixels(name)))
            height, width = size(name)
            images.append({"id": 7 + number, "file_name": f"{name}.png", "height": height, "width": width})
            for label, x0, y0, x1, y1 in BOXES[name]:
                box = {"bbox": [x0, y0, x1 - x0, y1 - y0], "area": (x1 - x0) * (y1 - y0), "iscrowd": 0}
                own = {"id": len(annotations), "image_id": 7 + number, "category_id": 3 + CLASSES.index(label)}
                annotations.append({**own, **box})
        categories = [{"id": 3 + number, "name": name} for number, name in enumerate(CLASSES)]
        content = {"images": images, "annotations": annotations, "categories": categories}
        (folder / f"annotations/instances_{split}.json").write_text(json.dumps(content))
    return f"coco:{folder}"


def with_masks(folder: pathlib.Path) -> str:
    """Writes images/NAME.png and, of one channel, masks/NAME.png."""
    for name in _NAMES:
        for part, array in (("images", pixels(name)), ("masks", labels(name))):
            (folder / part).mkdir(exist_ok=True)
            (folder / part / f"{name}.png").write_bytes(_png(array))
    return str(folder)


def masked_folder(folder: pathlib.Path) -> str:
    """Writes images/SPLIT/NAME.png, labels/SPLIT/NAME.png and the names of the classes; returns its `data.name`."""
    for split, names in SPLITS.items():
        for part, make in (("images", pixels), ("labels", labels)):
            (folder / part / split).mkdir(parents=True)
            for name in names:
                (folder / part / split / f"{name}.png").write_bytes(_png(make(name)))
    (folder / "classes.txt").write_text("\n".join(CLASSES) + "\n")
    return f"masks:{folder}"


def camvid(folder: pathlib.Path) -> str:
    """Writes lists of images and their label images, in SegNet's layout; returns its `data.name`."""
    for split, names in SPLITS.items():
        for part, make in ((split, pixels), (f"{split}annot", labels)):
            (folder / part).mkdir()
            for name in names:
                (folder / part / f"{name}.png").write_bytes(_png(make(name)))
        lines = (f"/home/them/{split}/{name}.png /home/them/{split}annot/{name}.png\n" for name in names)
        (folder / f"{split}.txt").write_text("".join(lines))
    return f"camvid:{folder}"


LAYOUTS: dict[str, Callable[[pathlib.Path], str]] = {"voc": voc, "coco": coco, "masks": masked_folder, "camvid": camvid}

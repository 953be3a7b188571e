"""The XML file in which PASCAL VOC, and those who have taken its layout over, annotate the objects of one image."""

from collections.abc import Sequence
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np
from etils import epath

from sbn.config.errors import ConfigError, shown, unknown
from sbn.config.numerals import decimal, whole
from sbn.data.objects import MOST_PIXELS
from sbn.runs.content import read_bytes

_DIFFICULT = {"0": False, "1": True, "false": False, "true": True}


class Annotation(NamedTuple):
    """The objects of one image.

    Attributes:
        boxes: (B, 4) float32, y0, x0, y1, x1 in pixels, half-open.
        names: of their classes.
        difficult: (B,) bool.
        dropped: how many objects had a box without an area.
        size: height and width of the image, if the annotation says so.
    """

    boxes: np.ndarray
    names: tuple[str, ...]
    difficult: np.ndarray
    dropped: int
    size: tuple[int, int] | None = None


def annotation(file: epath.Path, classes: Sequence[str] = ()) -> Annotation:
    """Returns what an XML file says of the objects in its image.

    VOC counts pixels from 1 and means the last one too: xmin to xmax covers xmin - 1 to xmax. Boxes that begin at 0,
    as in sets that count otherwise, begin at the border.

    Args:
        file: of the annotation.
        classes: that there are; none: any.

    Raises:
        ConfigError: naming the file, and the number of the object, counted from 1.
    """
    content = read_bytes(file) or b""
    if b"<!ENTITY" in content.replace(b"\0", b""):  # in UTF-16 and UTF-32 too
        raise ConfigError(f"{file} declares XML entities, which an annotation has no need of")
    try:
        root = ElementTree.fromstring(content)
    except (ElementTree.ParseError, LookupError, ValueError) as error:  # no XML, or in an encoding that nobody knows
        raise ConfigError(f"{file} can't be read: {error}") from None
    if root.tag != "annotation":
        raise ConfigError(f"{file} is not a PASCAL VOC annotation: its root is {shown(root.tag)}")
    boxes, names, difficult = [], [], []
    objects = root.findall("object")
    if len(objects) != sum(1 for _ in root.iter("object")):
        raise ConfigError(f"{file} has an object within another element, where it would not be read")
    for number, one in enumerate(objects, start=1):
        what = f"{file}, object {number}"
        name = (_text(one, "name", what) or "").strip()
        if not name:
            raise ConfigError(f"{what} has no name")
        if classes and name not in classes:
            raise unknown(f"class of {what}:", name, classes)
        x0, y0, x1, y1 = (_number(one, f"bndbox/{edge}", what) for edge in ("xmin", "ymin", "xmax", "ymax"))
        if x1 < x0 or y1 < y0:
            raise ConfigError(f"{what} ends before it begins: xmin {x0:g}, ymin {y0:g}, xmax {x1:g}, ymax {y1:g}")
        if x1 == x0 or y1 == y0:
            continue
        boxes.append((*(edge - 1 if edge < 0 else max(edge - 1, 0) for edge in (y0, x0)), y1, x1))
        names.append(name)
        difficult.append(_is_difficult(one, what))
    kept = np.asarray(boxes, np.float32).reshape(-1, 4)
    return Annotation(kept, tuple(names), np.asarray(difficult, bool), len(objects) - len(boxes), _size(root))


def _text(one: ElementTree.Element, path: str, what: str) -> str | None:
    """The text of an element in an object, which is there once or, for None, not at all."""
    found = one.findall(path)
    if len(found) > 1 or ("/" in path and len(one.findall(path.partition("/")[0])) > 1):
        raise ConfigError(f"{what} has two of {path if len(found) > 1 else path.partition('/')[0]}")
    return (found[0].text or "") if found else None


def _is_difficult(one: ElementTree.Element, what: str) -> bool:
    text = (_text(one, "difficult", what) or "").strip()
    if (known := _DIFFICULT.get(text.lower() or "0")) is None:
        raise ConfigError(f"{what}: difficult is {shown(text)}, not 0 or 1")
    return known


def _size(root: ElementTree.Element) -> tuple[int, int] | None:
    """Height and width, where they are numbers of pixels; some tools leave them out, or write 0."""
    sides = [(root.findtext(f"size/{side}") or "").strip() for side in ("height", "width")]
    height, width = map(whole, sides)
    if not height or not width or not 0 < min(height, width) <= max(height, width) < MOST_PIXELS:
        return None
    return height, width


def _number(one: ElementTree.Element, path: str, what: str) -> float:
    text = _text(one, path, what)
    value = decimal((text or "").strip())
    if value is None or not abs(value) < MOST_PIXELS:
        raise ConfigError(f"{what}: {path} is {shown(text)}, not a number of pixels")
    return value

"""`python -m sbn.augment sheet "randaugment(3, 4)|flip" --out=sheet.png`: what training sees, as a contact sheet.

One block a pipeline, one row an image: the image itself, then its draws. The k-th draw is that of epoch k of the first
stage of a run with this seed. Fillers are shown in the data set's mean colour, which is what a network sees there.
"""

import dataclasses
import io
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sbn.augment.encoded_crops import split_crop
from sbn.augment.pipeline import Op, format, parse
from sbn.config import tree
from sbn.config.environment import check_memory
from sbn.config.errors import ConfigError
from sbn.data import encoded_sheet, pixels, sources
from sbn.data.encoded import Encoded
from sbn.data.eval_view import DEFAULTS
from sbn.runs.atomic import write_output

if TYPE_CHECKING:
    from PIL.Image import Image

_GAP = 2  # pixels between images, before enlarging
_TITLE = 16  # height of a block's title, in pixels
_LEAST_SIDE = 96  # smaller images are enlarged to about this
# Of classes, in turn; the first ones are told apart from most pictures
_COLOURS = ((255, 0, 0), (0, 114, 178), (230, 159, 0), (0, 158, 115), (204, 121, 167), (86, 180, 233), (0, 0, 0))
_VIEW = "resize(128)|centre_crop(128)"  # of images that differ in size


@dataclasses.dataclass(frozen=True)
class Pictures:
    """Images to show, and the colour of fillers.

    Attributes:
        images: (M, H, W, 3) uint8.
        mean: (3,) of the data set, in [0, 1].
        boxes: (M, B, 4) float32 to draw around what is in the images, (y0, x0, y1, x1) in pixels; or None.
        labels: (M, B) the class of what is in each box.
        classes: their names.
        encoded: the same images where they differ in size, and have not been brought to one; or None.
    """

    images: np.ndarray
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    boxes: np.ndarray | None = None
    labels: np.ndarray | None = None
    classes: tuple[str, ...] = ()
    encoded: Encoded | None = None

    def __len__(self) -> int:
        return len(self.images)


def show_colours(words: np.ndarray, mean: Sequence[float]) -> np.ndarray:
    """Returns packed pixels (..., H, W) int32 as (..., H, W, 3) uint8, fillers in the mean colour (in [0, 1])."""
    colours, marks = pixels.unpack(words)
    filler = np.round(255 * np.asarray(mean)).astype(np.uint8)
    return np.where(marks[..., None] > 0, colours, filler)


def draw(source: Pictures, ops: tuple[Op, ...], *, draws: int, seed: int, view: int = 0) -> np.ndarray:
    """Returns every image of the source with its draws.

    Args:
        source: M images of (H, W), and the mean colour.
        ops: the pipeline.
        draws: draws an image.
        seed: the experiment's seed.
        view: the number of the stream of draws (a run's first view has 0).

    Returns:
        (M, 1 + draws, H', W', 3) uint8; the first is the original. Where the pipeline makes smaller images, these
        stand in the upper left corner on white, and likewise the original where it makes larger ones.

    Raises:
        ValueError: an op does not fit the images.
    """
    from sbn.data.host.on_cpu import make_apply

    if source.encoded is not None and begins_with_crop(ops):
        return _draw_encoded(source.encoded, source, ops, draws=draws, seed=seed, view=view)
    check_memory(len(source) * (1 + draws) * 3 * source.images[0].size, what=f"{draws} draws of {len(source)} images")
    words = pixels.pack(source.images)
    apply = make_apply(ops, image_size=source.images.shape[1:3])
    ids = np.arange(len(source), dtype=np.int32)
    shown = [source.images if source.boxes is None else outlined(source.images, source.boxes, source.labels)]
    for epoch in range(draws):
        address = {"seed": seed, "stage": 0, "epoch": epoch, "ids": ids, "view": view}
        if source.boxes is None:
            shown.append(show_colours(apply(words, **address), source.mean))
        else:
            drawn, boxes = apply(words, **address, boxes=source.boxes)
            shown.append(outlined(show_colours(drawn, source.mean), boxes, source.labels))
    height, width = (max(images.shape[axis] for images in shown) for axis in (1, 2))
    return np.stack([_padded(images, height, width) for images in shown], axis=1)


def begins_with_crop(ops: tuple[Op, ...]) -> bool:
    """Returns whether a pipeline brings images that differ in size to one, as training on them asks for."""
    try:
        split_crop(ops)
    except ValueError:
        return False
    return True


def _draw_encoded(
    examples: Encoded, source: Pictures, ops: tuple[Op, ...], *, draws: int, seed: int, view: int
) -> np.ndarray:
    boxes = None if source.boxes is None else examples.beside.boxes()
    drawn = encoded_sheet.draw(examples, ops, draws=draws, seed=seed, view=view, boxes=boxes)
    made = []
    for i, row in enumerate(drawn):
        shown = [show_colours(words[None], source.mean) for words, _ in row]
        if boxes is not None:
            labels = None if source.labels is None else source.labels[i : i + 1]
            found = [own for _, own in row if own is not None]
            shown = [outlined(image, own[None], labels) for image, own in zip(shown, found, strict=True)]
        made.append(shown)
    height, width = (max(image.shape[axis] for row in made for image in row) for axis in (1, 2))
    return np.stack([np.concatenate([_padded(image, height, width) for image in row]) for row in made])


def outlined(images: np.ndarray, boxes: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
    """Returns images with lines just inside boxes, in the colour of their class; boxes without an area have none.

    Args:
        images: (M, H, W, 3) uint8.
        boxes: (M, B, 4).
        labels: (M, B) numbers of classes; None: all are of the first.
    """
    shown = images.copy()
    labels = np.zeros(boxes.shape[:2], int) if labels is None else labels
    for image, own, classes in zip(shown, boxes, labels, strict=True):
        there = (own[:, 2:] > own[:, :2]).all(1)
        for (top, left, bottom, right), label in zip(np.rint(own[there]).astype(int), classes[there], strict=True):
            box = image[top : max(bottom, top + 1), left : max(right, left + 1)]
            for line in (box[:1], box[-1:], box[:, :1], box[:, -1:]):
                line[...] = _COLOURS[label % len(_COLOURS)]
    return shown


def _padded(images: np.ndarray, height: int, width: int) -> np.ndarray:
    after = ((0, 0), (0, height - images.shape[1]), (0, width - images.shape[2]), (0, 0))
    return np.pad(images, after, constant_values=255)


def lay_out(images: np.ndarray) -> np.ndarray:
    """Returns (rows, columns, H, W, 3) uint8 as one picture, enlarged by a whole factor, originals set apart."""
    _, columns, height, width, _ = images.shape
    spaced = np.pad(images, ((0, 0), (0, 0), (0, _GAP), (0, _GAP), (0, 0)), constant_values=255)
    picture = np.concatenate([np.concatenate(list(row), axis=1) for row in spaced], axis=0)
    if columns > 1:
        picture = np.insert(picture, [width] * (2 * _GAP), 255, axis=1)
    zoom = max(1, round(_LEAST_SIDE / max(height, width)))
    return picture.repeat(zoom, axis=0).repeat(zoom, axis=1)


def write(blocks: dict[str, np.ndarray], path: os.PathLike[str] | str, *, classes: Sequence[str] = ()) -> None:
    """Writes a PNG of titled pictures, {title: (h, w, 3) uint8}, one below the other, and the classes' colours."""
    from PIL import Image, ImageDraw

    width = max(block.shape[1] for block in blocks.values())
    height = sum(block.shape[0] + _TITLE for block in blocks.values()) + _TITLE * bool(classes)
    sheet = Image.new("RGB", (width, height), "white")
    pen, top = ImageDraw.Draw(sheet), 0
    for title, block in blocks.items():
        pen.text((2, top + 2), title, fill="black")
        sheet.paste(Image.fromarray(block), (0, top + _TITLE))
        top += _TITLE + block.shape[0]
    left = 2
    for number, name in enumerate(classes):
        pen.text((left, top + 2), name, fill=_COLOURS[number % len(_COLOURS)])
        left += int(pen.textlength(name)) + 8
    write_png(sheet, path)


def write_png(picture: "Image", path: os.PathLike[str] | str) -> None:
    """Writes a picture as a PNG, whole or not at all.

    Args:
        picture: the picture.
        path: of the file, whatever its ending.

    Raises:
        OSError: if it can't be written.
    """
    content = io.BytesIO()
    picture.save(content, "PNG")
    write_output(path, content.getvalue())


def first_images(
    name: str, *, data_dir: str | None, count: int, boxes: bool = False, split: str | None = None
) -> Pictures:
    """Returns the first `count` training images of a data set, by name; `data_dir` is TFDS's, None for its default.

    Images that have sizes of their own are shown as evaluation sees them, where a pipeline does not bring them to one.
    `boxes`: with the boxes of the data set. `split`: of the data set; None: its split 'train'.

    Raises:
        ConfigError: unknown or missing data set, or one without boxes where they are wanted.
    """
    wanted = {"data.name": name, "data.dir": data_dir, "data.train_examples": count}
    wanted |= {"data.train_split": split} if split else {}
    data = tree.to_config(tree.changed(tree.defaults(), wanted)).data
    examples = sources.load_images(data, "train", view=DEFAULTS.get(name, _VIEW))
    encoded = examples if isinstance(examples, Encoded) else None
    pictures = Pictures(np.asarray(examples.images), sources.channels(data, examples).mean, encoded=encoded)
    if not boxes:
        return pictures
    names = [feature for feature, known in examples.features.items() if known.kind == "boxes"]
    if not names:
        raise ConfigError(f"--boxes: the data set {name!r} has no boxes")
    loaded, known = examples.load(np.arange(len(examples))), examples.features.get("box_label")
    pictures = dataclasses.replace(pictures, boxes=loaded[names[0]])
    return (
        pictures if known is None else dataclasses.replace(pictures, labels=loaded["box_label"], classes=known.classes)
    )


def make(pipelines: Sequence[str], source: Pictures, path: os.PathLike[str] | str, *, draws: int, seed: int) -> None:
    """Writes a sheet of one block a pipeline string.

    Raises:
        ValueError: a pipeline can't be read, or does not fit the images.
    """
    blocks = {
        f"{number}: {format(ops)}": lay_out(draw(source, ops, draws=draws, seed=seed))
        for number, ops in enumerate(map(parse, pipelines), start=1)
    }
    write(blocks, path, classes=source.classes)

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
from sbn.data.targets import Targets
from sbn.figures.class_colours import class_colours, tinted
from sbn.runs.atomic import write_output

if TYPE_CHECKING:
    from PIL.Image import Image

_GAP = 2  # pixels between images, before enlarging
_TITLE = 16  # height of a block's title, in pixels
_MARGIN = 8  # around all blocks, in pixels
_CHIP = 9  # side of a square of colour before a name
_LEAST_SIDE = 96  # smaller images are enlarged to about this
_RED = (255, 0, 0)
_VIEW = "resize(128)|centre_crop(128)"  # of images that differ in size


@dataclasses.dataclass(frozen=True)
class Pictures:
    """Images to show, and the colour of fillers.

    Attributes:
        images: (M, H, W, 3) uint8.
        mean: (3,) of the data set, in [0, 1].
        boxes: (M, B, 4) float32 to draw around what is in the images, (y0, x0, y1, x1) in pixels; or None.
        masks: (M, H, W) uint8, the classes of pixels to draw over the images, 255 for none; or None.
        classes: how many classes masks have.
        labels: (M, B) the class of what is in each box, whose colours boxes then have; or None: they are red.
        names: of the classes of boxes or masks.
        encoded: the same images where they differ in size, and have not been brought to one; or None.
    """

    images: np.ndarray
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    boxes: np.ndarray | None = None
    masks: np.ndarray | None = None
    classes: int = 0
    labels: np.ndarray | None = None
    names: tuple[str, ...] = ()
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
    words = pixels.pack(source.images, None if source.masks is None else pixels.marks(source.masks))
    apply = make_apply(ops, image_size=source.images.shape[1:3])
    ids = np.arange(len(source), dtype=np.int32)
    shown = [_shown(words, source.boxes, source)]
    for epoch in range(draws):
        address = {"seed": seed, "stage": 0, "epoch": epoch, "ids": ids, "view": view}
        if source.boxes is None:
            shown.append(_shown(apply(words, **address), None, source))
        else:
            drawn, boxes = apply(words, **address, boxes=source.boxes)
            shown.append(_shown(drawn, boxes, source))
    height, width = (max(images.shape[axis] for images in shown) for axis in (1, 2))
    return np.stack([_padded(images, height, width) for images in shown], axis=1)


def _shown(words: np.ndarray, boxes: np.ndarray | None, source: Pictures) -> np.ndarray:
    """Packed images as colours, with the classes of their pixels over them and boxes around what is in them."""
    images = show_colours(words, source.mean)
    if source.masks is not None:
        marks = pixels.unpack(words)[1]
        images = tinted(images, np.where((marks > 0) & (marks < 255), marks - 1, 255).astype(np.uint8), source.classes)
    return images if boxes is None else outlined(images, boxes, source.labels)


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
    mask = None if source.masks is None else next(iter(examples.beside.masks))
    drawn = encoded_sheet.draw(examples, ops, draws=draws, seed=seed, view=view, targets=Targets((), boxes, mask))
    made = []
    for i, row in enumerate(drawn):
        one = source if source.labels is None else dataclasses.replace(source, labels=source.labels[i : i + 1])
        made.append([_shown(words[None], None if own is None else own[None], one) for words, own in row])
    height, width = (max(image.shape[axis] for row in made for image in row) for axis in (1, 2))
    return np.stack([np.concatenate([_padded(image, height, width) for image in row]) for row in made])


def outlined(images: np.ndarray, boxes: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
    """Returns images with lines just inside boxes, in the colour of their class; boxes without an area have none.

    Args:
        images: (M, H, W, 3) uint8.
        boxes: (M, B, 4).
        labels: (M, B) numbers of classes; None: lines are red.
    """
    shown, labels = images.copy(), np.full(boxes.shape[:2], -1) if labels is None else labels
    colours = [*class_colours(int(labels.max(initial=0)) + 1), _RED]
    for image, own, classes in zip(shown, boxes, labels, strict=True):
        there = (own[:, 2:] > own[:, :2]).all(1)
        for (top, left, bottom, right), label in zip(np.rint(own[there]).astype(int), classes[there], strict=True):
            box = image[top : max(bottom, top + 1), left : max(right, left + 1)]
            for line in (box[:1], box[-1:], box[:, :1], box[:, -1:]):
                line[...] = colours[label]
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


def write(blocks: dict[str, np.ndarray], path: os.PathLike[str] | str, *, names: Sequence[str] = ()) -> None:
    """Writes a PNG of titled pictures, {title: (h, w, 3) uint8}, one below the other, then names and their colours."""
    from PIL import Image, ImageDraw

    measure = ImageDraw.Draw(Image.new("L", (1, 1))).textlength
    width = max(max(block.shape[1], int(measure(title)) + 1) for title, block in blocks.items())
    places = _legend([int(measure(name)) for name in names], width)
    lines = 1 + places[-1][0] if places else 0
    height = sum(block.shape[0] + _TITLE for block in blocks.values()) + _TITLE * lines
    sheet = Image.new("RGB", (width + 2 * _MARGIN, height + 2 * _MARGIN), "white")
    pen, top = ImageDraw.Draw(sheet), _MARGIN
    for title, block in blocks.items():
        pen.text((_MARGIN, top), title, fill="black")
        sheet.paste(Image.fromarray(block), (_MARGIN, top + _TITLE))
        top += _TITLE + block.shape[0]
    for name, colour, (line, left) in zip(names, class_colours(len(names)).tolist(), places, strict=True):
        own, left = top + line * _TITLE, left + _MARGIN
        pen.rectangle((left, own + 3, left + _CHIP - 1, own + 2 + _CHIP), fill=tuple(colour))
        pen.text((left + _CHIP + 3, own + 2), name, fill="black")  # a pale colour can't be read on white
    write_png(sheet, path)


def _legend(lengths: Sequence[int], width: int) -> list[tuple[int, int]]:
    """Places of names of these lengths in pixels, with a chip before each: (line, left), in lines of a width."""
    places, line, left = [], 0, 2
    for length in lengths:
        if left > 2 and left + _CHIP + 3 + length > width:
            line, left = line + 1, 2
        places.append((line, left))
        left += _CHIP + 3 + length + 8
    return places


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
    name: str,
    *,
    data_dir: str | None,
    count: int,
    boxes: bool = False,
    masks: bool = False,
    split: str | None = None,
) -> Pictures:
    """Returns the first `count` training images of a data set, by name; `data_dir` is TFDS's, None for its default.

    Images that have sizes of their own are shown as evaluation sees them, where a pipeline does not bring them to one.
    `boxes`, `masks`: with those of the data set. `split`: of the data set; None: its split 'train'.

    Raises:
        ConfigError: unknown or missing data set, or one without boxes or masks where they are wanted.
    """
    wanted = {"data.name": name, "data.dir": data_dir, "data.train_examples": count}
    wanted |= {"data.train_split": split} if split else {}
    data = tree.to_config(tree.changed(tree.defaults(), wanted)).data
    examples = sources.load_images(data, "train", view=DEFAULTS.get(name, _VIEW))
    encoded = examples if isinstance(examples, Encoded) else None
    pictures = Pictures(np.asarray(examples.images), sources.channels(data, examples).mean, encoded=encoded)
    for kind, asked in (("boxes", boxes), ("mask", masks)):
        if not asked:
            continue
        found = next((feature for feature, known in examples.features.items() if known.kind == kind), None)
        if found is None:
            flag = {"boxes": "--boxes", "mask": "--masks"}[kind]
            raise ConfigError(f"{flag}: the data set {name!r} has no {flag.removeprefix('--')}")
        loaded = examples.load(np.arange(len(examples)))[found]
        if kind == "boxes":
            pictures = dataclasses.replace(pictures, boxes=loaded)
            if (known := examples.features.get("box_label")) is not None:
                labels = examples.load(np.arange(len(examples)))["box_label"]
                pictures = dataclasses.replace(pictures, labels=labels, names=known.classes)
        else:
            names = examples.features[found].classes
            pictures = dataclasses.replace(pictures, masks=loaded, classes=len(names), names=pictures.names or names)
    return pictures


def make(pipelines: Sequence[str], source: Pictures, path: os.PathLike[str] | str, *, draws: int, seed: int) -> None:
    """Writes a sheet of one block a pipeline string.

    Raises:
        ValueError: a pipeline can't be read, or does not fit the images.
    """
    blocks = {
        f"{number}: {format(ops)}   left: the images; right: {draws} random draws of each": lay_out(
            draw(source, ops, draws=draws, seed=seed)
        )
        for number, ops in enumerate(map(parse, pipelines), start=1)
    }
    write(blocks, path, names=source.names)

"""`python -m sbn.data.sheet 'randaugment(3, 4)|crop(4)|flip' --out=sheet.png`: what training sees, as a contact sheet.

One block a pipeline, one row an image: the image itself, then its draws. The k-th draw is that of epoch k of the first
stage of a run with this seed. Fillers are shown in the data set's mean colour, which is what a network sees there.
"""

import argparse
import pathlib
import sys
from collections.abc import Sequence

import numpy as np

from sbn.augment.pipeline import Op, format, parse
from sbn.config import tree
from sbn.data import pixels, sources
from sbn.data.sources import Source

_GAP = 2  # pixels between images, before enlarging
_TITLE = 16  # height of a block's title, in pixels
_LEAST_SIDE = 96  # smaller images are enlarged to about this


def show_colours(words: np.ndarray, mean: Sequence[float]) -> np.ndarray:
    """Returns packed pixels (..., H, W) int32 as (..., H, W, 3) uint8, fillers in the mean colour (in [0, 1])."""
    rgbx = np.ascontiguousarray(words).view(np.uint8).reshape(*words.shape, 4)
    filler = np.round(255 * np.asarray(mean)).astype(np.uint8)
    return np.where(rgbx[..., 3:] > 0, rgbx[..., :3], filler)


def draw(source: Source, ops: tuple[Op, ...], *, draws: int, seed: int, view: int = 0) -> np.ndarray:
    """Returns every image of the source with its draws.

    Args:
        source: M images of (H, W).
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
    import tensorflow as tf

    from sbn.augment.host.apply import make_apply

    tf.config.set_visible_devices([], "GPU")
    words = tf.constant(pixels.pack(source.images))
    apply = make_apply(ops, image_size=source.images.shape[1:3])
    ids = np.arange(len(source), dtype=np.int32)
    shown = [source.images]
    for epoch in range(draws):
        drawn = apply(words, seed=seed, stage=0, epoch=epoch, ids=ids, view=view).numpy()
        shown.append(show_colours(drawn, source.mean))
    height, width = (max(images.shape[axis] for images in shown) for axis in (1, 2))
    return np.stack([_padded(images, height, width) for images in shown], axis=1)


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


def write(blocks: dict[str, np.ndarray], path: pathlib.Path) -> None:
    """Writes a PNG of titled pictures, {title: (h, w, 3) uint8}, one below the other."""
    from PIL import Image, ImageDraw

    width = max(block.shape[1] for block in blocks.values())
    height = sum(block.shape[0] + _TITLE for block in blocks.values())
    sheet = Image.new("RGB", (width, height), "white")
    pen, top = ImageDraw.Draw(sheet), 0
    for title, block in blocks.items():
        pen.text((2, top + 2), title, fill="black")
        sheet.paste(Image.fromarray(block), (0, top + _TITLE))
        top += _TITLE + block.shape[0]
    sheet.save(path)


def main(words: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code: 0, or 2 for a pipeline or a data set that can't be had."""
    parser = argparse.ArgumentParser(prog="python -m sbn.data.sheet", description="A contact sheet of augmentations.")
    parser.add_argument("pipelines", nargs="+", metavar="PIPELINE", help="for example 'crop(4)|flip|cutout(16)'")
    parser.add_argument("--data", default="shapes", help="name of the data set (default: shapes, which needs no files)")
    parser.add_argument("--data_dir", default=None, help="TFDS data_dir (default: TFDS_DATA_DIR)")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("sheet.png"), help="the PNG to write")
    parser.add_argument("--images", type=int, default=8, help="rows of a block")
    parser.add_argument("--draws", type=int, default=6, help="draws an image")
    parser.add_argument("--seed", type=int, default=0, help="seed of the draws")
    flags = parser.parse_args(words)
    try:
        if flags.images < 1 or flags.draws < 0:
            raise ValueError(f"--images is {flags.images} and --draws {flags.draws}; at least 1 and 0")
        pipelines = [parse(text) for text in flags.pipelines]
        wanted = {"data.name": flags.data, "data.dir": flags.data_dir, "data.train_examples": flags.images}
        source = sources.load(tree.to_config(tree.changed(tree.defaults(), wanted)).data, "train")
        blocks = {
            f"{number}: {format(ops)}": lay_out(draw(source, ops, draws=flags.draws, seed=flags.seed))
            for number, ops in enumerate(pipelines, start=1)
        }
        write(blocks, flags.out)
    except (ValueError, OSError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    print(f"{flags.out}: {len(blocks)} x {len(source)} images, each with {flags.draws} draws")
    return 0


if __name__ == "__main__":
    sys.exit(main())

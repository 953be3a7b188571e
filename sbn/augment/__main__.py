"""`python -m sbn.augment show|sheet|figure1`: what a pipeline string means, as a table and as pictures."""

import argparse
from collections.abc import Sequence

from sbn.augment.pipeline import parse
from sbn.augment.show import table
from sbn.config import arguments
from sbn.config.errors import ConfigError
from sbn.runs import commands


@commands.command("python -m sbn.augment")
def main(words: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Raises:
        ConfigError: for a pipeline or a data set that can't be had.
    """
    parser = arguments.Parser(
        prog="python -m sbn.augment",
        description="Explains and draws augmentation pipelines.",
        examples=(
            "show 'randaugment(3, 4)|crop(4)|flip|cutout(16)'",
            "sheet 'randaugment(3, 4)|crop(4)|flip' 'augmix()' --data=shapes --out=sheet.png",
            "figure1 --data=cifar10 --out=figure1.png",
        ),
    )
    commands = parser.add_subparsers(dest="command", required=True)
    show = commands.add_parser(
        "show",
        help="print every op with its probability, argument and sign",
        description="Prints every op of a pipeline with its probability, argument and sign.",
    )
    show.add_argument("pipeline", help="for example 'randaugment(3, 4)|crop(4)|flip|cutout(16)'")
    sheet = commands.add_parser(
        "sheet",
        help="draw images beside their augmentations, one block per pipeline",
        description="Draws images beside their augmentations, one block per pipeline.",
    )
    sheet.add_argument("pipelines", nargs="+", metavar="PIPELINE", help="for example 'crop(4)|flip|cutout(16)'")
    sheet.add_argument("--draws", type=arguments.whole, default=6, help="augmented versions per image")
    sheet.add_argument("--split", help="split of the data set, such as 'trainval' (default: train)")
    sheet.add_argument(
        "--boxes", action="store_true", help="also draw the boxes of the data set, transformed with the images"
    )
    sheet.add_argument("--masks", action="store_true", help="also draw the label images, transformed with the images")
    _add_picture(sheet, images=8, out="sheet.png")
    figure = commands.add_parser(
        "figure1",
        help="draw weak and strong augmentations side by side",
        description="Draws images under weak and strong augmentations side by side, as Figure 1 of Split BatchNorms.",
    )
    _add_picture(figure, images=6, out="figure1.png")
    flags = parser.parse_args(words)
    if flags.command != "show":
        arguments.check_output(flags.out)
    try:
        {"show": _show, "sheet": _sheet, "figure1": _figure1}[flags.command](flags)
    except ConfigError:
        raise
    except ValueError as error:  # what ops say of pipelines
        raise ConfigError(str(error)) from error
    return 0


def _add_picture(parser: argparse.ArgumentParser, *, images: int, out: str) -> None:
    parser.add_argument("--data", default="shapes", help="name of the data set (default: shapes, which needs no files)")
    parser.add_argument("--data_dir", default=None, help="TFDS data_dir (default: TFDS_DATA_DIR)")
    parser.add_argument("--out", type=arguments.path, default=out, help=f"PNG file to write (default: {out})")
    parser.add_argument(
        "--images", type=arguments.whole, default=images, help=f"number of images, one row each (default: {images})"
    )
    parser.add_argument("--seed", type=arguments.seed, default=0, help="seed of the random draws")


def _show(flags: argparse.Namespace) -> None:
    print(table(flags.pipeline))


def _sheet(flags: argparse.Namespace) -> None:
    from sbn.data import sheet  # pictures are of data, which nothing else here knows

    for name, value, least in (("images", flags.images, 1), ("draws", flags.draws, 0)):
        if value < least:
            raise ConfigError(f"--{name}={value} is too small: the least is {least}")
    for text in flags.pipelines:
        parse(text)  # before data are loaded
    source = sheet.first_images(
        flags.data,
        data_dir=flags.data_dir,
        count=flags.images,
        boxes=flags.boxes,
        masks=flags.masks,
        split=flags.split,
    )
    sheet.make(flags.pipelines, source, flags.out, draws=flags.draws, seed=flags.seed)
    print(f"{flags.out}: {len(flags.pipelines)} x {flags.images} images, each with {flags.draws} draws")


def _figure1(flags: argparse.Namespace) -> None:
    from sbn.data import figure1, sheet

    if flags.images < 2:
        raise ConfigError(f"--images is {flags.images}; at least 2, for every image is mixed with the next")
    source = sheet.first_images(flags.data, data_dir=flags.data_dir, count=flags.images)
    sheet.write_png(figure1.draw(source, seed=flags.seed), flags.out)
    print(f"{flags.out}: {flags.images} images under {len(figure1.COLUMNS)} augmentations")


if __name__ == "__main__":
    commands.start(main)

"""`python -m sbn.data.corruptions`: lists the corruption types, makes corrupted test sets, shows them.

    python -m sbn.data.corruptions
    python -m sbn.data.corruptions --data=cifar10 --kinds=benchmark,extra --frost=FOLDER --out=DIR
    python -m sbn.data.corruptions --data=cifar10 --kinds=noise,fog --image=3 --sheet=corruptions.png

What is made lies in DIR afterwards for `eval.corruptions.dir`; called again, it goes on where it was stopped.
"""

import time
from collections.abc import Sequence

import numpy as np

from sbn.config import arguments, tree
from sbn.config.errors import ConfigError
from sbn.data import sheet, sources
from sbn.data.corruptions import kinds, sets
from sbn.runs import commands


def listed() -> str:
    """Returns a line a type: group, name, and the parameters of its severities for CIFAR and for ImageNet."""
    lines = []
    for group, members in kinds.GROUPS.items():
        for kind in members:
            tables = (kinds.CIFAR[kind], kinds.IMAGENET[kind])
            shown = ["  ".join(",".join(f"{part:g}" for part in values) for values in table) for table in tables]
            lines.append(f"{group:8}{kind:18}  CIFAR     {shown[0]}\n{'':26}  ImageNet  {shown[1]}")
    return "\n".join(lines)


def make(corrupted: sets.CorruptedSet) -> None:
    """Generates every type and severity that is missing; prints progress, rate and time left."""
    wanted = [(kind, severity) for kind in corrupted.kinds for severity in corrupted.severities]
    total, start = len(wanted), time.monotonic()
    for done, (kind, severity) in enumerate(wanted, start=1):
        began = time.monotonic()
        images = corrupted.images(kind, severity)
        now = time.monotonic()
        rate, left = len(images) / max(now - began, 1e-9), (now - start) * (total - done) / done
        print(f"{done:3}/{total}  {kind}_{severity}: {rate:.0f} images/s, about {left:.0f} s left", flush=True)


def draw(corrupted: sets.CorruptedSet, clean: np.ndarray, *, image: int) -> dict[str, np.ndarray]:
    """Returns titled rows of one image, (H, W, 3) uint8 as it is and in all severities of a type."""
    blocks = {}
    for kind in corrupted.kinds:
        shown = [corrupted.images(kind, severity)[image : image + 1] for severity in corrupted.severities]
        blocks[kind] = sheet.lay_out(np.stack([clean[image : image + 1], *shown], axis=1))
    return blocks


@commands.command("python -m sbn.data.corruptions")
def main(words: Sequence[str] | None = None) -> int:
    """Runs the command line; `sbn.runs.commands` prints its errors."""
    parser = arguments.Parser(
        "python -m sbn.data.corruptions",
        description="Lists, generates and draws corrupted test sets.",
        examples=(
            "",
            "--data=cifar10 --frost=procedural --out=corrupted",
            "--data=shapes --kinds=noise --sheet=noise.png",
        ),
    )
    parser.add_argument("--data", default="cifar10", help="name of the data set (default: cifar10; shapes is built in)")
    parser.add_argument("--data_dir", metavar="DIR", help="TFDS data_dir (default: TFDS_DATA_DIR)")
    parser.add_argument(
        "--kinds", default="", help="corruption types or groups, comma-separated (default: the benchmark's 15)"
    )
    parser.add_argument(
        "--frost", metavar="FOLDER", help="folder with photographs of frost, or 'procedural' for synthetic frost"
    )
    parser.add_argument("--seed", type=arguments.seed, default=0, help="seed of the draws")
    parser.add_argument(
        "--examples", type=arguments.whole, help="number of images per type and severity (default: all)"
    )
    parser.add_argument(
        "--out", type=arguments.path, metavar="DIR", help="generate the corrupted images into this folder"
    )
    parser.add_argument(
        "--sheet", type=arguments.path, metavar="FILE", help="draw one image of each type and severity, as a PNG"
    )
    parser.add_argument("--image", type=arguments.whole, default=0, help="index of the test image that the sheet shows")
    flags = parser.parse_args(words)
    if flags.out is None and flags.sheet is None:
        print(listed())
        return 0
    if flags.out is not None:
        arguments.check_folder(flags.out)
    if flags.sheet is not None:
        arguments.check_output(flags.sheet, flag="--sheet")
    wanted = {"data.name": flags.data, "data.dir": flags.data_dir}
    clean = sources.load_images(tree.to_config(tree.changed(tree.defaults(), wanted)).data, "test")
    corrupted = sets.load(
        clean,
        data=flags.data,
        dir=flags.out,
        kinds=[kind for kind in flags.kinds.split(",") if kind],
        frost=flags.frost,
        seed=flags.seed,
        examples=flags.examples,
    )
    print(corrupted.about)
    if flags.out is not None:
        make(corrupted)
    if flags.sheet is not None:
        if not 0 <= flags.image < len(corrupted.labels):
            raise ConfigError(f"--image={flags.image}: there are {len(corrupted.labels)} images, from 0 on")
        sheet.write(draw(corrupted, np.asarray(clean.images[:]), image=flags.image), flags.sheet)
        print(flags.sheet)
    return 0


if __name__ == "__main__":
    commands.start(main)

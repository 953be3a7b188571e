"""`python -m sbn.data.prepare cifar10 [DIR] [--out=cifar10.npz]`: an archive for `--config.data.archive`.

Reads what TFDS has prepared, of any data set with images of one size and a label, or Tiny-ImageNet's published folder
or zip, itself without TensorFlow, and writes one file that any machine with NumPy can train from.
"""

import logging
import os
from collections.abc import Sequence

from sbn.config import arguments
from sbn.data import archive, prepared, tfrecords, tiny_imagenet
from sbn.runs import commands


def prepare(name: str, *, out: str, data_dir: str) -> dict[str, int]:
    """Writes the archive of a data set and returns its number of examples by split.

    Raises:
        ConfigError: if the prepared data set is not there, or not whole.
    """
    if name == "tiny_imagenet":
        found = {split: tiny_imagenet.read(data_dir, split) for split in tiny_imagenet.SPLITS}
        splits = {split: (examples.images, examples.labels) for split, examples in found.items()}
        class_names = list(found["train"].features["label"].classes)
    else:
        path = prepared.directory(name, data_dir, built_in=("tiny_imagenet",))
        splits = {split: tfrecords.read(path, split) for split in tfrecords.splits(path)}
        class_names = tfrecords.class_names(path)
    archive.write(out, name=name, class_names=class_names, splits=splits)
    return {split: len(labels) for split, (_, labels) in splits.items()}


@commands.command("python -m sbn.data.prepare")
def main(words: Sequence[str] | None = None) -> int:
    """Runs the command line; what can't be read or written is told by `sbn.runs.commands`."""
    parser = arguments.Parser("python -m sbn.data.prepare", description="Makes an archive of a data set.")
    parser.add_argument("name", help="tiny_imagenet, or what TFDS calls it")
    parser.add_argument("path", nargs="?", help="TFDS data_dir, or tiny-imagenet-200 or its zip; as --data_dir")
    parser.add_argument(
        "--out", type=arguments.path, metavar="FILE", help="the archive to write; default NAME.npz, here"
    )
    parser.add_argument(
        "--data_dir", metavar="DIR", help="TFDS data_dir; default TFDS_DATA_DIR or ~/tensorflow_datasets"
    )
    flags = parser.parse_args(words)
    logging.basicConfig(level=logging.INFO, format="%(message)s")  # progress, to stderr
    out = flags.out or f"{flags.name.replace('/', '_').replace(':', '_')}.npz"
    data_dir = flags.path or flags.data_dir or os.environ.get("TFDS_DATA_DIR") or prepared.DEFAULT_DIR
    arguments.check_output(out)
    counts = prepare(flags.name, out=out, data_dir=data_dir)
    print(f"{out}: {', '.join(f'{count} of {split}' for split, count in counts.items())}")
    return 0


if __name__ == "__main__":
    commands.start(main)

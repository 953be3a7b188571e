"""`python -m sbn.data.prepare cifar10 [DIR] [--out=cifar10.npz]`: an archive for `--config.data.archive`.

Reads what TFDS has prepared, or Tiny-ImageNet's published folder or zip, itself without TensorFlow, and writes one file
that any machine with NumPy can train from.
"""

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from sbn.config import arguments
from sbn.config.errors import ConfigError
from sbn.data import archive, tfrecords, tiny_imagenet

SPLITS = {"cifar10": ("train", "test"), "cifar100": ("train", "test"), "tiny_imagenet": tiny_imagenet.SPLITS}


def prepare(name: str, *, out: str, data_dir: str) -> dict[str, int]:
    """Writes the archive of a data set and returns its number of examples by split.

    Raises:
        ConfigError: if the prepared data set is not there, or not whole.
    """
    splits: dict[str, archive.Examples] = {}
    class_names: list[str] = []
    for split in SPLITS[name]:
        if name == "tiny_imagenet":
            images, labels, class_names = tiny_imagenet.read(data_dir, split)
            splits[split] = images, labels
            continue
        directory = tfrecords.folder(name, data_dir)
        if directory is None:
            raise ConfigError(
                f"no prepared {name!r} in {data_dir}: run `tfds build {name} --data_dir={data_dir}` first"
            )
        splits[split], class_names = tfrecords.read(directory, split), tfrecords.class_names(directory)
    archive.write(out, name=name, class_names=class_names, splits=splits)
    return {split: len(labels) for split, (_, labels) in splits.items()}


def main(words: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code: 0, or 2 where there is nothing to read."""
    parser = argparse.ArgumentParser("python -m sbn.data.prepare", description="Makes an archive of a data set.")
    parser.add_argument("name", choices=SPLITS)
    parser.add_argument("path", nargs="?", help="TFDS data_dir, or tiny-imagenet-200 or its zip; as --data_dir")
    parser.add_argument(
        "--out", type=arguments.path, metavar="FILE", help="the archive to write; default NAME.npz, here"
    )
    parser.add_argument(
        "--data_dir", metavar="DIR", help="TFDS data_dir; default TFDS_DATA_DIR or ~/tensorflow_datasets"
    )
    flags = parser.parse_args(words)
    logging.basicConfig(level=logging.INFO, format="%(message)s")  # progress, to stderr
    out = flags.out or f"{flags.name}.npz"
    data_dir = flags.path or flags.data_dir or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"
    try:
        counts = prepare(flags.name, out=out, data_dir=data_dir)
    except ConfigError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    print(f"{out}: {', '.join(f'{count} of {split}' for split, count in counts.items())}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

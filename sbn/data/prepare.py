"""`python -m sbn.data.prepare cifar10 --out=cifar10.npz [--data_dir=DIR]`: an archive for `--config.data.archive`.

Reads what TFDS has prepared, itself without TensorFlow, and writes one file that any machine with NumPy can train from.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from sbn.config.errors import ConfigError
from sbn.data import archive, tfrecords

NAMES = ("cifar10", "cifar100")
SPLITS = ("train", "test")


def prepare(name: str, *, out: str, data_dir: str) -> dict[str, int]:
    """Writes the archive of a data set and returns its number of examples by split.

    Raises:
        ConfigError: if the prepared data set is not there, or not whole.
    """
    directory = tfrecords.folder(name, data_dir)
    splits = {split: tfrecords.read(directory, split) for split in SPLITS}
    archive.write(out, name=name, class_names=tfrecords.class_names(directory), splits=splits)
    return {split: len(labels) for split, (_, labels) in splits.items()}


def main(words: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code: 0, or 2 where there is nothing to read."""
    parser = argparse.ArgumentParser("python -m sbn.data.prepare", description="Makes an archive of a data set.")
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--out", required=True, metavar="FILE", help="the archive to write, .npz")
    parser.add_argument(
        "--data_dir", metavar="DIR", help="TFDS data_dir; default TFDS_DATA_DIR or ~/tensorflow_datasets"
    )
    flags = parser.parse_args(words)
    data_dir = flags.data_dir or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"
    try:
        counts = prepare(flags.name, out=flags.out, data_dir=data_dir)
    except ConfigError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    print(f"{flags.out}: {', '.join(f'{count} of {split}' for split, count in counts.items())}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

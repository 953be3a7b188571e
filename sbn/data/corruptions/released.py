"""Where the benchmark's own files lie, and in which of their forms."""

import os
import pathlib
from collections.abc import Sequence
from typing import NamedTuple

from sbn.config.errors import ConfigError
from sbn.data.corruptions import arrays, folders, records
from sbn.data.corruptions.images import Released


class _Benchmark(NamedTuple):
    """A data set's corrupted version: what the release and TFDS call it, and how to get it."""

    name: str
    records: str | None
    how: str


_PAPER = "of Hendrycks and Dietterich (2019)"
BENCHMARKS = {
    "cifar10": _Benchmark(
        "CIFAR-10-C",
        "cifar10_corrupted",
        f"unpack CIFAR-10-C.tar {_PAPER} there, or run `tfds build cifar10_corrupted/TYPE_SEVERITY`",
    ),
    "cifar100": _Benchmark("CIFAR-100-C", None, f"unpack CIFAR-100-C.tar {_PAPER} there"),
    "imagenet2012": _Benchmark(
        "ImageNet-C",
        "imagenet2012_corrupted",
        f"unpack noise.tar, blur.tar, weather.tar and digital.tar of ImageNet-C {_PAPER} there",
    ),
}


def find(data: str, directory: str | None, kinds: Sequence[str], *, classes: int) -> Released:
    """Returns the released version of a data set.

    Args:
        data: name of the data set.
        directory: the folder of the files, one that holds it under its own name, or a TFDS data_dir; None: where TFDS
            keeps its data sets.
        kinds: the types that are needed, all five severities of each.
        classes: number of classes of the data set.

    Raises:
        ConfigError: if there is no released version, or it is not there, or not whole.
    """
    if data not in BENCHMARKS:
        known = ", ".join(BENCHMARKS)
        raise ConfigError(f"no corrupted version of {data!r} was released, only of {known}: generate one")
    name, tfds_name, how = BENCHMARKS[data]
    root = pathlib.Path(directory or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets").expanduser()
    for folder in (root, root / name):
        if (folder / arrays.LABELS).is_file():
            return arrays.find(folder, kinds, name=name)
        if folders.present(folder):
            return folders.find(folder, kinds, name=name, classes=classes)
    if tfds_name and (root / tfds_name).is_dir():
        return records.find(root, kinds, name=tfds_name)
    looked = ", ".join(part for part in (arrays.LABELS, name, tfds_name) if part)
    raise ConfigError(f"no {name} in {root} (looked for {looked}): {how}")

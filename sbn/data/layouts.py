"""Where to find ImageNet-like data sets: prepared by TFDS, in a folder as published, or in a zip."""

import dataclasses
import os
from typing import Literal, NamedTuple

from etils import epath

from sbn.config.errors import ConfigError
from sbn.data import tfrecords

Kind = Literal["records", "folder", "zip"]


@dataclasses.dataclass(frozen=True)
class Layout:
    """What is looked for in a data_dir.

    Attributes:
        records: what TFDS calls it, 'NAME' or 'NAME/CONFIG'.
        folders: where the published folder may lie in it; '' is the data_dir itself.
        marker: what such a folder holds.
        zips: the published archive.
        how: how to get it.
    """

    records: str
    folders: tuple[str, ...]
    marker: str
    zips: tuple[str, ...]
    how: str


_IMAGENET = (
    "get {tars} from image-net.org (an account is needed) and run `tfds build {name}`, or unpack them to "
    "train/WNID/*.JPEG and val/WNID/*.JPEG"
)
LAYOUTS = {
    "tiny_imagenet": Layout(
        "tiny_imagenet",
        ("", "tiny-imagenet-200"),
        "wnids.txt",
        ("tiny-imagenet-200.zip",),
        "fetch http://cs231n.stanford.edu/tiny-imagenet-200.zip and point data.dir at it, unpacked or not",
    ),
    "imagenet2012": Layout(
        "imagenet2012",
        ("", "imagenet2012", "imagenet"),
        "train",
        (),
        _IMAGENET.format(tars="ILSVRC2012_img_train.tar and _val.tar", name="imagenet2012"),
    ),
    "imagenette": Layout(
        "imagenette/160px-v2",
        ("", "imagenette2-160"),
        "train",
        (),
        "run `tfds build imagenette/160px-v2`, or unpack imagenette2-160.tgz (github.com/fastai/imagenette)",
    ),
}


class Place(NamedTuple):
    """Where a data set lies, and how it is laid out there."""

    kind: Kind
    path: epath.Path


def find(name: str, data_dir: str | None) -> Place:
    """Returns where a data set of `LAYOUTS` lies.

    Args:
        name: of the data set.
        data_dir: a folder, here or in the cloud (gs://), or a zip; None: TFDS_DATA_DIR, or TFDS's own default.

    Raises:
        ConfigError: one line, with what was looked for and where, and how to get it.
    """
    layout, shown = LAYOUTS[name], data_dir or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"
    root = epath.Path(shown).expanduser()
    if layout.zips and root.suffix == ".zip" and root.exists():
        return Place("zip", root)
    records = tfrecords.folder(layout.records, shown)
    if records is not None:
        return Place("records", records)
    for folder in layout.folders:
        if (root / folder / layout.marker).exists():
            return Place("folder", root / folder)
    for archive in layout.zips:
        if (root / archive).exists():
            return Place("zip", root / archive)
    tried = [f"{layout.records}/VERSION/dataset_info.json", *(os.path.join(f, layout.marker) for f in layout.folders)]
    raise ConfigError(
        f"no {name!r} in {shown}: looked for {', '.join([*tried, *layout.zips])} there; {layout.how}. "
        "data.dir (or TFDS_DATA_DIR) says where it is; the data set 'shapes' needs no files"
    )

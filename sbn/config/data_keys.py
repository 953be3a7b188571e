"""The keys of data: which data set, which parts of it, where it lies, and which of these can stand together."""

import copy
import re

from ml_collections import ConfigDict

from sbn.config.environment import check_memory
from sbn.config.errors import ConfigError
from sbn.config.imported import is_import_path
from sbn.config.key import Key

DATA_KEYS = (
    Key(
        "data.name",
        "str",
        "cifar10",
        "Data set: shapes (built in), reverse and copy (strings to translate, built in), tiny_imagenet, imagenette or any TFDS name ('svhn_cropped', 'food101:2.0.0'), 'folder:PATH' (a subfolder of images per class), 'voc:PATH' and 'coco:PATH' (objects in images), 'camvid:PATH', 'cityscapes:PATH', 'gta5:PATH' and 'masks:PATH' (label images), PATH.npz, package.module:function. A view may have data of its own: views.NAME.data.KEY. docs/own_data.md.",
    ),
    Key(
        "data.dir",
        "str",
        None,
        "TFDS data_dir, gs:// too; also the published folder of an ImageNet, or tiny-imagenet-200.zip; None: TFDS_DATA_DIR, or TFDS's own default.",
        optional=True,
    ),
    Key(
        "data.archive",
        "str",
        None,
        "Archive to read instead, which needs no TensorFlow (`python -m sbn.data.prepare`); None: the data_dir.",
        optional=True,
    ),
    Key(
        "data.path",
        "str",
        "host",
        "Where views are made: by tf.data on the host, or in the step from a data set in device memory (same batches, no TensorFlow).",
        choices=("host", "device"),
    ),
    Key(
        "data.args.*",
        "literal",
        None,
        "What a data set of your own, package.module:function, reads from its config data.",
    ),
    Key("data.image_feature", "str", "image", "The feature of a TFDS data set that holds the image."),
    Key("data.label_feature", "str", "label", "The feature of a TFDS data set that holds the label, or a label image."),
    Key(
        "data.mask_classes",
        "names",
        (),
        "Where data.label_feature of a TFDS data set is a label image: the names of its numbers from 0 on, '-' for one without a class; (): those that are known, as of cityscapes/semantic_segmentation.",
    ),
    Key(
        "data.boxes_feature",
        "str",
        None,
        "The feature of a TFDS data set that holds boxes, as in 'objects/bbox'; None: its boxes where it has no data.label_feature, else none.",
        optional=True,
    ),
    Key(
        "data.box_label_feature",
        "str",
        None,
        "The feature that holds the classes of these boxes; None: the one called label beside them, as in 'objects/label'.",
        optional=True,
    ),
    Key(
        "data.boxes_count_from",
        "int",
        None,
        "The number of the first pixel in these boxes: 0, or 1 where they also mean the last pixel, as PASCAL VOC's do; None: 1 for voc and bccd, else 0.",
        optional=True,
        low=0,
        high=1,
    ),
    Key(
        "data.train_split", "str", "train", "Split to train on, in TFDS's words: 'train[:45000]', 'train[:90%]+extra'."
    ),
    Key(
        "data.test_split",
        "str",
        "test",
        "Split to evaluate on, e.g. 'train[45000:]'; the ImageNets have 'validation'.",
    ),
    Key(
        "data.test_share",
        "float",
        0.2,
        "Share of the images of folder:PATH or masks:PATH that is the test split, where the folder has no splits; chosen by the names of the files.",
        low=0,
    ),
    Key(
        "data.mean",
        "floats",
        None,
        "Mean of the red, green and blue of training images, in [0, 1], for normalisation; None: the papers', or measured on the training split.",
        optional=True,
        low=0,
    ),
    Key(
        "data.std",
        "floats",
        None,
        "Their standard deviation; None: the papers', or measured on the training split.",
        optional=True,
        low=0,
    ),
    Key(
        "data.train_examples",
        "int",
        None,
        "Train on the first so many examples; None: all (shapes, strings: 10,000).",
        optional=True,
        low=1,
    ),
    Key(
        "data.test_examples",
        "int",
        None,
        "Evaluate on the first so many examples; None: all (shapes: 2,000, strings: 1,000).",
        optional=True,
        low=1,
    ),
    Key(
        "data.image_size",
        "int",
        None,
        "Side in pixels of rendered images (shapes only); None: 32.",
        optional=True,
        low=8,
    ),
    Key("data.style", "str", "plain", "Rendering style (shapes only).", choices=("plain", "sketch", "clear")),
)

# What is one for all views: where views are made, and what their input is normalised with
_FOR_ALL_VIEWS = ("data.path", "data.mean", "data.std")
OF_VIEWS = tuple(key.name for key in DATA_KEYS if key.name not in _FOR_ALL_VIEWS)


def of_view(config: ConfigDict, view: str) -> ConfigDict:
    """Returns the data keys that a view draws its examples by: its own, `views.NAME.data.KEY`, in the place of the run's.

    Where it has a data set of another name, keys that it does not give have their defaults, but for `data.dir`.
    """
    own, made = config.views[view].get("data", {}), copy.deepcopy(config.data)
    with made.unlocked():
        if own.get("name", made.name) != made.name:
            for key in DATA_KEYS:
                if key.name in OF_VIEWS and key.name not in ("data.dir", "data.args.*"):
                    made[key.name.removeprefix("data.")] = key.default
            made.args = ConfigDict()
        made.update(own)
    return made


STRINGS = ("reverse", "copy")
# Folders in a layout that `data.name = 'LAYOUT:PATH'` reads; all but 'folder' have splits of any names
FOLDERS = ("folder", "voc", "coco", "camvid", "cityscapes", "gta5", "masks")
_ENCODED = ("imagenet2012", "imagenette")
_VERSION = r"\d+\.\d+\.\d+"
_TFDS = re.compile(rf"[A-Za-z]\w*(/[\w.+-]+)?(:{_VERSION})?")


def check_data(data: ConfigDict) -> None:
    """Raises a `ConfigError` where data keys can't stand together, before any data are looked for."""
    name = data.name
    kind = _data_kind(name)
    if kind is None:
        raise ConfigError(
            f"data.name = {name!r} is no data set: write 'shapes', a name of TFDS ('svhn_cropped', 'food101:2.0.0'), "
            "folder:PATH, PATH.npz, package.module:function, or a folder in one of the layouts voc:PATH, coco:PATH, "
            "camvid:PATH, cityscapes:PATH, gta5:PATH and masks:PATH"
        )
    if name in _ENCODED:
        if data.archive is not None:
            raise ConfigError(f"data.archive = {data.archive!r} means nothing for {name!r}: its images stay files")
        if data.path == "device":
            raise ConfigError(f"data.path = 'device' holds a whole data set; {name!r} is too large: it needs 'host'")
    if data.archive is not None and data.dir is not None:
        raise ConfigError(f"data.archive = {data.archive!r} and data.dir = {data.dir!r}: give one of them")
    for key, (default, kinds, why) in _READERS.items():
        if kind not in kinds and data[key] != default:
            raise ConfigError(
                f"data.{key} = {data[key]!r} means nothing for data.name = {name!r}: {why}; leave it at {default!r}"
            )
    if data.args and kind != "imported":
        raise ConfigError(
            f"data.args.{next(iter(data.args))} means nothing for data.name = {name!r}: only data sets of your own, "
            "package.module:function, read data.args"
        )
    if kind == "shapes":
        images, side = (data.train_examples or 10_000) + (data.test_examples or 2_000), data.image_size or 32
        what = f"{images} images of {side} x {side} pixels (data.train_examples, data.test_examples, data.image_size)"
        check_memory(images * side**2 * 4, what=what)  # packed, as batches take them
    if not 0 < data.test_share < 1:
        raise ConfigError(f"data.test_share = {data.test_share:g} must lie between 0 and 1")
    for key in ("mean", "std"):
        values = data[key]
        if values is not None and (len(values) != 3 or max(values) > 1 or (key == "std" and min(values) == 0)):
            raise ConfigError(f"data.{key} = {values} must be three numbers in [0, 1], of red, green and blue")


def folder_of(name: str) -> tuple[str, str] | None:
    """Returns (layout, path) of 'LAYOUT:PATH'; None of other names, as of TFDS's 'voc' and 'cityscapes:1.0.0'."""
    layout, colon, path = name.partition(":")
    return (layout, path) if colon and layout in FOLDERS and not re.fullmatch(_VERSION, path) else None


def _data_kind(name: str) -> str | None:
    """What kind of data set a name stands for; None for none."""
    if name == "shapes":
        return "shapes"
    if name in STRINGS:
        return "strings"
    if (folder := folder_of(name)) is not None:
        return folder[0] if folder[1] else None
    if name.endswith(".npz"):
        return "archive"
    if is_import_path(name):
        return "imported"
    return "tfds" if _TFDS.fullmatch(name) else None


# Which kinds of data sets read a key whose value is another than its default
_READERS = {
    "dir": (None, ("tfds",), "only TFDS's data sets and the ImageNets lie in a data_dir"),
    "archive": (None, ("tfds",), "only those data sets have an archive, which others have no need of"),
    "image_feature": ("image", ("tfds",), "only TFDS's data sets have named features"),
    "label_feature": ("label", ("tfds",), "only TFDS's data sets have named features"),
    "mask_classes": ((), ("tfds",), "it says itself which classes there are"),
    "boxes_feature": (None, ("tfds",), "only TFDS's data sets have named features"),
    "box_label_feature": (None, ("tfds",), "only TFDS's data sets have named features"),
    "boxes_count_from": (None, ("tfds",), "other data sets say it by their format"),
    "train_split": ("train", ("tfds", "archive", "imported", *FOLDERS), "it is rendered, as many as asked for"),
    "test_split": ("test", ("tfds", "archive", "imported", *FOLDERS), "it is rendered, as many as asked for"),
    "test_share": (0.2, ("folder", "masks"), "only folders without splits of their own are split so"),
    "image_size": (None, ("shapes", "imported"), "its images are not rendered"),
    "style": ("plain", ("shapes",), "its images are not rendered"),
}

"""Config keys of data: which data set, which splits, where its files are, and which combinations are valid."""

import copy
import re

from ml_collections import ConfigDict

from sbn.config.environment import check_memory
from sbn.config.errors import ConfigError
from sbn.config.imported import is_import_path
from sbn.config.key import Key

TEST_SHARE = 0.2

DATA_KEYS = (
    Key(
        "data.name",
        "str",
        "cifar10",
        "Data set to use. Built in: shapes (images), reverse and copy (strings to translate). By name: tiny_imagenet, imagenette, or any TFDS data set ('svhn_cropped', 'food101:2.0.0'). From files: 'folder:PATH' (a subfolder of images per class), 'voc:PATH' and 'coco:PATH' (boxes), 'camvid:PATH', 'cityscapes:PATH', 'gta5:PATH' and 'masks:PATH' (label images), PATH.npz. From code: package.module:function. A view can have its own data: views.NAME.data.KEY. See docs/own_data.md.",
    ),
    Key(
        "data.dir",
        "str",
        None,
        "TFDS data_dir (gs:// works), or the original download of ImageNet or imagenette, or tiny-imagenet-200.zip, or where the folders of folder:PATH and the like lie. None: TFDS_DATA_DIR, or TFDS's default.",
        optional=True,
    ),
    Key(
        "data.archive",
        "str",
        None,
        "Read the data set from this archive, made by `sbn prepare`; no TensorFlow needed. None: read data.dir.",
        optional=True,
    ),
    Key(
        "data.path",
        "str",
        "host",
        "Where views are augmented. host: by tf.data on the CPU. device: inside the training step, with the data set in device memory; the same batches, without TensorFlow.",
        choices=("host", "device"),
    ),
    Key(
        "data.args.*",
        "literal",
        None,
        "An argument for a data set of your own (package.module:function), which receives it in its config.",
    ),
    Key("data.image_feature", "str", "image", "Name of the TFDS feature that holds the image."),
    Key("data.label_feature", "str", "label", "Name of the TFDS feature that holds the label or the label image."),
    Key(
        "data.mask_classes",
        "names",
        (),
        "Class names of the label image in data.label_feature (TFDS only), listed from pixel value 0; '-' marks a value without a class. (): the known classes, for example those of cityscapes/semantic_segmentation.",
    ),
    Key(
        "data.boxes_feature",
        "str",
        None,
        "Name of the TFDS feature that holds the boxes, such as 'objects/bbox'. None: the data set's only boxes if it has no data.label_feature, otherwise no boxes.",
        optional=True,
    ),
    Key(
        "data.box_label_feature",
        "str",
        None,
        "Name of the TFDS feature that holds the class of each box. None: the feature 'label' next to the boxes, such as 'objects/label'.",
        optional=True,
    ),
    Key(
        "data.boxes_count_from",
        "int",
        None,
        "Index of the first pixel in box coordinates: 0, or 1 if boxes also include their last pixel, as in PASCAL VOC. None: 1 for voc and bccd, otherwise 0.",
        optional=True,
        low=0,
        high=1,
    ),
    Key(
        "data.train_split",
        "str",
        "train",
        "Training split, in TFDS notation, such as 'train[:45000]' or 'train[:90%]+extra'.",
    ),
    Key(
        "data.test_split",
        "str",
        "test",
        "Evaluation split, such as 'train[45000:]'. ImageNet data sets call it 'validation'.",
    ),
    Key(
        "data.test_share",
        "float",
        TEST_SHARE,
        "Fraction of the images of folder:PATH or masks:PATH to hold out for testing, if the folder has no splits. The file names decide which.",
        low=0,
    ),
    Key(
        "data.mean",
        "floats",
        None,
        "Mean of the red, green and blue channels, in [0, 1], for input normalisation. None: the papers' values, or measured on the training split.",
        optional=True,
        low=0,
    ),
    Key(
        "data.std",
        "floats",
        None,
        "Standard deviation of the red, green and blue channels, in [0, 1]. None: the papers' values, or measured on the training split.",
        optional=True,
        low=0,
    ),
    Key(
        "data.train_examples",
        "int",
        None,
        "Train only on the first this many examples. None: all (shapes, reverse and copy: 10,000).",
        optional=True,
        low=1,
    ),
    Key(
        "data.test_examples",
        "int",
        None,
        "Evaluate only on the first this many examples. None: all (shapes: 2,000, reverse and copy: 1,000).",
        optional=True,
        low=1,
    ),
    Key(
        "data.image_size",
        "int",
        None,
        "Side of the rendered images in pixels (shapes only). None: 32.",
        optional=True,
        low=8,
    ),
    Key(
        "data.style",
        "str",
        "plain",
        "Drawing style of the rendered images (shapes only).",
        choices=("plain", "sketch", "clear"),
    ),
)

# Keys that all views share: where views are made, and how their input is normalised
_FOR_ALL_VIEWS = ("data.path", "data.mean", "data.std")
OF_VIEWS = tuple(key.name for key in DATA_KEYS if key.name not in _FOR_ALL_VIEWS)


def of_view(config: ConfigDict, view: str) -> ConfigDict:
    """Returns the data keys of a view: those of the run, overridden by its own, `views.NAME.data.KEY`.

    If the view has another data set, keys that it does not set take their defaults, except `data.dir`.
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
    """Raises a `ConfigError` for an invalid combination of data keys, before any data are read."""
    name = data.name
    kind = _data_kind(name)
    if kind is None:
        raise ConfigError(
            f"data.name = {name!r} is not a data set: write 'shapes', a name of TFDS ('svhn_cropped', 'food101:2.0.0'), "
            "folder:PATH, PATH.npz, package.module:function, or a folder in one of the layouts voc:PATH, coco:PATH, "
            "camvid:PATH, cityscapes:PATH, gta5:PATH and masks:PATH"
        )
    if name in _ENCODED:
        if data.archive is not None:
            raise ConfigError(
                f"data.archive = {data.archive!r} has no effect with {name!r}: its images are read from their files"
            )
        if data.path == "device":
            raise ConfigError(f"data.path = 'device' holds a whole data set; {name!r} is too large: it needs 'host'")
    if data.archive is not None and data.dir is not None:
        raise ConfigError(f"data.archive = {data.archive!r} and data.dir = {data.dir!r}: give one of them")
    for key, (default, kinds, why) in _READERS.items():
        if kind not in kinds and data[key] != default:
            raise ConfigError(
                f"data.{key} = {data[key]!r} has no effect with data.name = {name!r}: {why}; set it to {default!r}"
            )
    if data.args and kind != "imported":
        raise ConfigError(
            f"data.args.{next(iter(data.args))} has no effect with data.name = {name!r}: only data sets of your own, "
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
    """The kind of data set that a name means; None if it means none."""
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


# Key -> its default, the kinds of data sets that read it, and why the others don't
_READERS = {
    "dir": (None, ("tfds", *FOLDERS), "it is not read from a folder of data"),
    "archive": (None, ("tfds",), "only TFDS's data sets are read from archives"),
    "image_feature": ("image", ("tfds",), "only TFDS's data sets have named features"),
    "label_feature": ("label", ("tfds",), "only TFDS's data sets have named features"),
    "mask_classes": ((), ("tfds",), "it defines its own classes"),
    "boxes_feature": (None, ("tfds",), "only TFDS's data sets have named features"),
    "box_label_feature": (None, ("tfds",), "only TFDS's data sets have named features"),
    "boxes_count_from": (None, ("tfds",), "the format of other data sets fixes it"),
    "train_split": (
        "train",
        ("tfds", "archive", "imported", *FOLDERS),
        "its images are rendered, and data.train_examples says how many",
    ),
    "test_split": (
        "test",
        ("tfds", "archive", "imported", *FOLDERS),
        "its images are rendered, and data.test_examples says how many",
    ),
    "test_share": (TEST_SHARE, ("folder", "masks"), "only folders without splits are split by this share"),
    "image_size": (None, ("shapes", "imported"), "only data sets that sbn renders have this key"),
    "style": ("plain", ("shapes",), "only data sets that sbn renders have this key"),
}

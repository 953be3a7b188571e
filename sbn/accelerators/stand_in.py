"""A data set of the right shape that holds nothing: all that compiling a training step needs to know of one."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from ml_collections import ConfigDict

from sbn.data import cityscapes, eval_view, sources
from sbn.data import splits as parts
from sbn.data.encoded import Beside, Encoded
from sbn.data.examples import Examples, Feature, InMemory, in_memory
from sbn.data.index import Index
from sbn.data.label_images import LabelImages
from sbn.data.sentences import Sentences, make_sentences
from sbn.data.tokens import Ragged
from sbn.data.vocabulary import PIECES, Vocabulary


class _Known(NamedTuple):
    """A data set that need not be on this machine.

    Attributes:
        lengths: examples of the splits.
        size: (height, width) of the images as evaluation sees them.
        classes: how many.
        boxes: places for objects in an image; 0: there are none.
        masks: names of the classes of pixels, where an image has such and no label.
    """

    lengths: Mapping[str, int]
    size: tuple[int, int]
    classes: int
    boxes: int = 0
    masks: tuple[str, ...] = ()


_STREETS = cityscapes.CLASSES.names
_CIFAR = {"train": 50_000, "test": 10_000}
_KNOWN = {
    "cifar10": _Known(_CIFAR, (32, 32), 10),
    "cifar100": _Known(_CIFAR, (32, 32), 100),
    "tiny_imagenet": _Known({"train": 100_000, "validation": 10_000}, (64, 64), 200),
    "imagenet2012": _Known({"train": 1_281_167, "validation": 50_000}, (224, 224), 1000),
    "imagenette": _Known({"train": 9_469, "validation": 3_925}, (160, 160), 10),
    # nearly all images are of 500 pixels in width or height; up to 42 objects in one
    "voc/2007": _Known({"train": 2_501, "validation": 2_510, "test": 4_952}, (375, 500), 20, boxes=42),
    # as the rows of a paper name their folders
    "cityscapes:cityscapes": _Known({"train": 2_975, "val": 500, "test": 1_525}, (1024, 2048), 19, masks=_STREETS),
    "gta5:gta5": _Known({"train": 12_403, "val": 6_382, "test": 6_181}, (1052, 1914), 19, masks=_STREETS),
}


class _Pairs(NamedTuple):
    """A data set of sentences and their translations.

    Attributes:
        lengths: pairs of the splits.
        pieces: of the vocabulary that the rows of papers have.
        tokens: of a side, on average.
        longest: tokens of a side that is trained on.
    """

    lengths: Mapping[str, int]
    pieces: int
    tokens: int
    longest: int


_WMT = {"pieces": 32_768, "tokens": 30, "longest": 250}
_SENTENCES = {
    "wmt14_translate/de-en": _Pairs({"train": 4_508_785, "validation": 3_000, "test": 3_003}, **_WMT),
    "wmt16_translate/de-en": _Pairs({"train": 4_548_885, "validation": 2_169, "test": 2_999}, **_WMT),
    "wmt_t2t_translate/de-en": _Pairs({"train": 4_592_289, "validation": 3_000, "test": 3_003}, **_WMT),
    "multi30k": _Pairs({"train": 29_000, "val": 1_014, "test_2016_flickr": 1_000}, 4_000, 17, 50),
}


def load(data: ConfigDict, split: str, *, view: str | None = None) -> Examples:
    """Returns a split of the size of the data set's; of a known one nothing is read.

    Args:
        data: the config's data keys, or those of a view.
        split: 'train' or 'test'.
        view: the pipeline that images are evaluated through.

    Raises:
        ConfigError: if another one can't be loaded, or has fewer examples than asked for.
    """
    known: _Known | _Pairs | None = _KNOWN.get(data.name) or _SENTENCES.get(data.name)
    if known is None:
        return sources.load(data, split, view=view)
    found = parts.ids(data[f"{split}_split"], known.lengths, key=f"data.{split}_split", of=data.name)
    count = sum(part.stop - part.start for _, part in found)
    limit = data.train_examples if split == "train" else data.test_examples
    count = min(count, limit or count)
    if isinstance(known, _Pairs):
        return _sentences(count, known)
    make = _in_files if known.boxes or known.masks else _empty
    return make(count, known, name=data.name, view=view)


def _sentences(count: int, known: _Pairs) -> Sentences:
    """Pairs of about the lengths of real ones, the longest and ends included, all of one word."""
    lengths = np.random.default_rng(0).gamma(2.5, known.tokens / 2.5, count)
    lengths = np.clip(np.round(lengths), 2, known.longest).astype(np.int64)
    lengths[:1] = known.longest
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    flat = np.broadcast_to(np.uint16(len(PIECES)), int(offsets[-1]))  # one word's memory
    pieces = (*PIECES, *(f"word{number}" for number in range(len(PIECES), known.pieces)))
    side = Ragged(flat, offsets)
    return make_sentences(side, side, Vocabulary(pieces))


def _empty(count: int, known: _Known, *, name: str, view: str | None) -> InMemory:
    image, label = np.zeros((1, *known.size, 3), np.uint8), np.zeros(1, np.int32)
    one = in_memory({"image": image, "label": label}, name=name, classes=known.classes)
    # One example's memory, however many there are
    arrays = {key: np.broadcast_to(array, (count, *array.shape[1:])) for key, array in one.arrays.items()}
    return InMemory(arrays, one.features)


def _in_files(count: int, known: _Known, *, name: str, view: str | None) -> Encoded:
    """Images with boxes or masks that would lie in files, which are not there."""
    one, whole = np.ones(count, np.int64), np.zeros(count, np.int32)
    sizes = np.broadcast_to(np.asarray(known.size, np.int32), (count, 2))
    index = Index("", np.asarray([b"none"]), whole, one, one, whole, sizes, one > 0, one, class_names=())
    beside = _boxes(count, known, name=name) if known.boxes else _masks(index, known)
    return Encoded(index, eval_view.parse(view, name=name), name=name, beside=beside)


def _boxes(count: int, known: _Known, *, name: str) -> Beside:
    places = (count, known.boxes)
    arrays = {"boxes": np.zeros((*places, 4), np.float32), "box_label": np.zeros(places, np.int32)}
    arrays["boxes"][:, 0] = 0, 0, *known.size  # a set without objects is refused
    arrays["box_difficult"] = np.zeros(places, np.uint8)
    made = in_memory(arrays, name=name, classes=known.classes)
    return Beside(made.arrays, made.features)


def _masks(index: Index, known: _Known) -> Beside:
    features = {"mask": Feature("mask", (None, None), known.masks)}
    return Beside({}, features, {"mask": LabelImages(index, classes=known.classes)})

"""The parts of splits that a config names (`data.train_split`, `data.test_split`), in whatever form splits are read."""

from collections.abc import Callable
from typing import TypeVar

from ml_collections import ConfigDict

from sbn.config.errors import ConfigError
from sbn.data import index, splits
from sbn.data.examples import InMemory
from sbn.data.index import Index
from sbn.data.prepared_boxes import Annotated
from sbn.data.prepared_masks import Masked

_Whole = TypeVar("_Whole", InMemory, Index, Annotated, Masked)


def wanted(data: ConfigDict, split: str) -> str:
    """Returns the words for the 'train' or 'test' split."""
    return str(data.train_split if split == "train" else data.test_split)


def named(data: ConfigDict, split: str, read: Callable[[str], _Whole]) -> list[tuple[_Whole, slice]]:
    """Returns the whole splits that `data` names, each with the part of it that is meant.

    Args:
        data: the config's data keys.
        split: 'train' or 'test'.
        read: reads a whole one.

    Raises:
        ConfigError: if there is no such split, or part.
    """
    key, text = f"data.{split}_split", wanted(data, split)
    try:
        whole = {name: read(name) for name in splits.names(text, key=key)}
    except ConfigError as error:
        told = str(error)
        raise ConfigError(f"{key} = {text!r}: {told}" if told.startswith("unknown split") else told) from None
    lengths = {name: len(found) for name, found in whole.items()}
    return [(whole[name], where) for name, where in splits.ids(text, lengths, key=key, of=data.name)]


def in_memory(data: ConfigDict, split: str, read: Callable[[str], InMemory]) -> InMemory:
    """Returns these parts, one after the other; see `named`."""
    parts = named(data, split, read)
    first, _ = parts[0]
    arrays = {name: splits.joined([whole.arrays[name][where] for whole, where in parts]) for name in first.arrays}
    return InMemory(arrays, first.features)


def encoded(data: ConfigDict, split: str, read: Callable[[str], Index]) -> Index:
    """Returns these parts, one after the other, of images that stay encoded; see `named`."""
    return index.joined([whole.take(where) for whole, where in named(data, split, read)])

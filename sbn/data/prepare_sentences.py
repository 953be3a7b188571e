"""Pairs of sentences to an archive: `sbn prepare` with `--languages` or `--pairs`.

A vocabulary of both languages is learned from the split 'train'. Of that split alone, pairs that are too long or too
uneven are left out, and counted; every other pair is there to be scored.
"""

import dataclasses
import logging
import math
import re
from collections.abc import Mapping, Sequence

import numpy as np
from etils import epath

from sbn.config.errors import ConfigError
from sbn.data import prepared, sentences, text, tfrecords, vocabulary
from sbn.data.text import TextPairs
from sbn.data.tokens import Ragged

log = logging.getLogger(__name__)

TRAIN = "train"
_LAYOUT = "data/task1/raw"  # where Multi30k's repository has its files


@dataclasses.dataclass(frozen=True)
class Settings:
    """How pairs become tokens.

    Attributes:
        languages: of the source and of the target.
        size: pieces of the vocabulary.
        kind: of the SentencePiece model.
        longest: pieces of a side of a training pair; None: any.
        ratio: how many times longer than the other a side of a training pair may be; None: any.
    """

    languages: tuple[str, str]
    size: int = 32_768
    kind: str = "bpe"
    longest: float | None = 250
    ratio: float | None = None


def find(name: str, place: str, languages: Sequence[str]) -> dict[str, TextPairs]:
    """Returns the splits of a folder of files SPLIT.LANGUAGE, or else of the data set of this name that TFDS prepared.

    Args:
        name: of the data set.
        place: the folder, or TFDS's data_dir.
        languages: of both sides.

    Raises:
        ConfigError: if it is not there, or can't be read.
    """
    folder = epath.Path(place).expanduser()
    for own in (folder / _LAYOUT, folder):
        if own.is_dir() and any(own.glob(f"*.{languages[0]}*")):
            return text.read_folder(own, languages)
    try:
        directory = prepared.directory(name, place)
    except ConfigError as error:
        if not folder.is_dir():
            raise
        raise ConfigError(f"{folder} holds no files like train.{languages[0]}, plain or .gz, and: {error}") from None
    return {
        split: text.read_prepared(directory, split, languages, skip_empty=split == TRAIN)
        for split in tfrecords.splits(directory)
    }


def languages_in(place: str) -> list[str]:
    """Returns the languages that a folder has training sentences in, by the endings of its files train.LANGUAGE."""
    folder = epath.Path(place).expanduser()
    folder = folder / _LAYOUT if (folder / _LAYOUT).is_dir() else folder
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    found = {named[1] for name in names if (named := re.fullmatch(rf"{TRAIN}\.([a-z]{{2,3}})(\.gz)?", name))}
    return sorted(found) if len(found) > 1 else []


def of_files(named: Sequence[str]) -> dict[str, TextPairs]:
    """Returns the splits that '--pairs=SPLIT=SOURCE,TARGET' name.

    Raises:
        ConfigError: if one is not written so, or can't be read.
    """
    found = {}
    for words in named:
        split, _, files = words.partition("=")
        source, _, target = files.partition(",")
        if not (split and source and target) or split in found:
            raise ConfigError(f"--pairs={words}: write SPLIT=SOURCE,TARGET, each split once, as in train=a.en,a.de")
        if not re.fullmatch(r"[\w.-]+", split):
            raise ConfigError(
                f"--pairs={words}: {split!r} is not a valid name of a split: use letters, digits, '_', '.' and '-'"
            )
        if source == target:
            raise ConfigError(f"--pairs={words}: one file can't be both sides")
        found[split] = text.read_pair(epath.Path(source).expanduser(), epath.Path(target).expanduser())
    return found


def write(out: str, *, name: str, splits: Mapping[str, TextPairs], settings: Settings) -> dict[str, int]:
    """Learns the vocabulary, writes the archive, and returns its number of pairs by split.

    Args:
        out: path of the archive.
        name: of the data set.
        splits: with one called 'train'.
        settings: how pairs become tokens.

    Raises:
        ConfigError: if there is no split 'train', nothing of it is left, or SentencePiece is not installed.
    """
    if TRAIN not in splits:
        raise ConfigError(f"the vocabulary is learned from the split 'train', and there are {', '.join(splits)}")
    learned = vocabulary.train([*splits[TRAIN].source, *splits[TRAIN].target], size=settings.size, kind=settings.kind)
    texts, tokens = dict(splits), dict[str, tuple[Ragged, Ragged]]()
    for split, pairs in splits.items():
        source, target = learned.encode(pairs.source), learned.encode(pairs.target)
        if split == TRAIN:
            lengths = list(zip((source.lengths - 1).tolist(), (target.lengths - 1).tolist(), strict=True))
            left = text.kept(lengths, longest=settings.longest, ratio=settings.ratio)
            if not left.numbers:
                raise ConfigError(f"{name}: no pair of the split 'train' is short and even enough to be kept")
            if left.too_long or left.uneven:
                longest, ratio = (f"{limit or math.inf:g}" for limit in (settings.longest, settings.ratio))
                log.info(
                    "%s: of %d pairs to train on, %d are left out with a side of more than %s pieces, and %d with one "
                    "more than %s times the other",
                    *(name, len(lengths), left.too_long, longest, left.uneven, ratio),
                )
                texts[split] = TextPairs(*([side[i] for i in left.numbers] for side in pairs))
                source, target = (_some(side, left.numbers) for side in (source, target))
        tokens[split] = source, target
    _count_known(texts, name)
    sentences.write(out, name=name, languages=settings.languages, vocabulary=learned, splits=texts, tokens=tokens)
    return {split: len(pairs.source) for split, pairs in texts.items()}


def _count_known(texts: Mapping[str, TextPairs], name: str) -> None:
    """Says how many pairs of every other split are trained on: a score of these says little."""
    for split, pairs in texts.items():
        known = {*zip(*pairs, strict=True)}.intersection(zip(*texts[TRAIN], strict=True))
        count = sum(pair in known for pair in zip(*pairs, strict=True))
        if count and split != TRAIN:
            log.info("%s: %d of the %d pairs of %r are in 'train' as well", name, count, len(pairs.source), split)


def _some(tokens: Ragged, numbers: Sequence[int]) -> Ragged:
    rows = [tokens.flat[tokens.offsets[i] : tokens.offsets[i + 1]] for i in numbers]
    return Ragged(np.concatenate(rows), np.cumsum([0, *map(len, rows)]))

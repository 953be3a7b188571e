"""Pairs of sentences: read from two files of lines, a folder of such files, or a data set that TFDS prepared.

Lines end at '\\n' alone: `str.splitlines` also ends them at U+2028 and U+0085, which occur within sentences. Texts are
brought to Unicode's NFC, and spaces at the ends of a line are dropped, as is a byte order mark at the start of a file.
"""

import codecs
import gzip
import logging
import re
import unicodedata
import zlib
from collections.abc import Sequence
from typing import NamedTuple

from etils import epath

from sbn.config.errors import ConfigError
from sbn.data import tfrecords
from sbn.runs.content import is_file

log = logging.getLogger(__name__)


class TextPairs(NamedTuple):
    """Sentences and their translations, equally many."""

    source: list[str]
    target: list[str]


class Kept(NamedTuple):
    """Pairs that are kept, and why others are not.

    Attributes:
        numbers: of the pairs that are kept, in order.
        too_long: how many have a side of more tokens than allowed.
        uneven: how many, of the rest, have sides that differ too much in length.
    """

    numbers: list[int]
    too_long: int
    uneven: int


def normalised(text: str) -> str:
    """Returns a sentence in Unicode's NFC, without spaces at its ends."""
    return unicodedata.normalize("NFC", text).strip()


def read_lines(path: epath.Path) -> list[str]:
    """Returns the sentences of a file, plain or gzipped (.gz), one on each line.

    Raises:
        ConfigError: one line with the file, if it holds no line, and the line where one is empty or is no UTF-8.
    """
    if path.exists() and not is_file(path):  # a pipe would be waited for
        raise ConfigError(f"{path} can't be read: it is not a file")
    try:
        content = path.read_bytes()
        if path.name.endswith(".gz"):
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise ConfigError(f"{path} can't be read: {error}") from None
    lines = content.removeprefix(codecs.BOM_UTF8).split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    if not lines:
        raise ConfigError(f"{path} is empty: it holds no sentences")
    found = []
    for number, line in enumerate(lines, start=1):
        try:
            found.append(normalised(line.decode()))
        except UnicodeDecodeError:
            raise ConfigError(f"{path}, line {number} is not UTF-8 text") from None
        if not found[-1]:
            raise ConfigError(f"{path}, line {number} is empty: a pair needs both sentences")
    return found


def read_pair(source: epath.Path, target: epath.Path) -> TextPairs:
    """Returns the pairs of two files.

    Raises:
        ConfigError: as `read_lines`, and if one has more lines.
    """
    pairs = TextPairs(read_lines(source), read_lines(target))
    shorter, longer = sorted(zip(pairs, (source, target), strict=True), key=lambda side: len(side[0]))
    if len(shorter[0]) != len(longer[0]):
        raise ConfigError(
            f"{longer[1]}, line {len(shorter[0]) + 1} has no translation: {shorter[1]} ends after {len(shorter[0])} "
            f"lines, and this file after {len(longer[0])}"
        )
    return pairs


def read_folder(folder: epath.Path, languages: Sequence[str]) -> dict[str, TextPairs]:
    """Returns the splits of a folder of files SPLIT.LANGUAGE or SPLIT.LANGUAGE.gz, as Multi30k and WMT have them.

    Args:
        folder: that holds them; what is no such file is left alone.
        languages: of the source and of the target, as in ('en', 'de').

    Raises:
        ConfigError: as `read_pair`, and if a split lacks one of the languages, or there is none.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder} is not a folder")
    named = re.compile(rf"([\w.-]+)\.({'|'.join(map(re.escape, languages))})(\.gz)?")
    files: dict[str, dict[str, epath.Path]] = {}
    for path in sorted(folder.iterdir()):
        if match := named.fullmatch(path.name):
            own = files.setdefault(match[1], {})
            if match[2] in own:
                raise ConfigError(f"{folder} holds both {own[match[2]].name} and {path.name}: leave one of them")
            own[match[2]] = path
    if not files:
        wanted = " and ".join(f"train.{language}" for language in languages)
        raise ConfigError(f"{folder} holds no files of sentences, such as {wanted}, plain or .gz")
    for split, own in files.items():
        for language in languages:
            if language not in own:
                there = next(iter(own.values())).name
                raise ConfigError(f"{folder} has {there}, and no {split}.{language} or {split}.{language}.gz")
    return {split: read_pair(own[languages[0]], own[languages[1]]) for split, own in files.items()}


def read_prepared(
    directory: epath.Path, split: str, languages: Sequence[str], *, skip_empty: bool = False
) -> TextPairs:
    """Returns a split of a data set that TFDS prepared, whose features are called as the languages.

    Args:
        directory: that TFDS wrote.
        split: its name.
        languages: of the source and of the target.
        skip_empty: leave out, and count, pairs with an empty side, which nobody can take out of such files by hand.

    Raises:
        ConfigError: if files are missing or damaged, or an example has no such texts, or an empty one.
    """
    sides: tuple[list[str], list[str]] = ([], [])
    skipped = 0
    for path, count in tfrecords.shards(directory, split).items():
        found = 0
        for start, record in tfrecords.records(path):
            where = f"the record at byte {start} of {path}"
            pair = [_text_of(record, language, where=where) for language in languages]
            if all(pair):
                for own, text in zip(sides, pair, strict=True):
                    own.append(text)
            elif skip_empty:
                skipped += 1
            else:
                raise ConfigError(
                    f"{where} has an empty text {languages[pair.index('')]!r}: a pair needs both sentences"
                )
            found += 1
        if found != count:
            raise ConfigError(f"{path} holds {found} of its {count} examples")
    if skipped:
        log.info("%s: %d pairs of %r are left out, as a side is empty", directory, skipped, split)
    return TextPairs(*sides)


def _text_of(record: bytes, language: str, *, where: str) -> str:
    try:
        features = tfrecords.parse_example(record)
        values = features.get(language, [])
        text = values[0].decode() if len(values) == 1 else None
    except (ValueError, IndexError, KeyError, TypeError, AttributeError):
        raise ConfigError(f"{where} is damaged: it is not an example with texts") from None
    if text is None:
        raise ConfigError(f"{where} has no text {language!r}; it has {', '.join(features) or 'nothing'}")
    return normalised(text.replace("\n", " "))  # texts are kept as lines


def kept(lengths: Sequence[tuple[int, int]], *, longest: float | None, ratio: float | None) -> Kept:
    """Returns which pairs are short and even enough to train on.

    Args:
        lengths: tokens of both sides of every pair, the end of the sentence not counted.
        longest: allowed tokens of a side; None: any.
        ratio: how many times longer than the other one a side may be; None: any.
    """
    numbers, too_long, uneven = [], 0, 0
    for number, (source, target) in enumerate(lengths):
        if longest is not None and max(source, target) > longest:
            too_long += 1
        elif ratio is not None and max(source, target) > ratio * min(source, target):
            uneven += 1
        else:
            numbers.append(number)
    return Kept(numbers, too_long, uneven)

"""Sentences and their translations as examples, and the archive that holds them: tokens, pieces, and texts to score.

The archive is an .npz that NumPy reads alone. Format 1 has `format`, `kind` ('translation'), `name`, `languages`,
`pieces`, `model` (SentencePiece's, as bytes), and for every split and side ('source', 'target') SPLIT_SIDE, all tokens
one after the other, SPLIT_SIDE_offsets, and of splits small enough to be scored SPLIT_SIDE_text, UTF-8 lines.
"""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sbn.config.environment import expanded
from sbn.config.errors import ConfigError
from sbn.data import splits
from sbn.data.examples import Feature, InMemory
from sbn.data.text import TextPairs
from sbn.data.tokens import Ragged
from sbn.data.vocabulary import END, PIECES, Vocabulary, check_model, fingerprint
from sbn.runs.arrays import array
from sbn.runs.atomic import replacing

FORMAT = 1
KIND = "translation"
SIDES = ("source", "target")
_ALWAYS = PIECES[:2]  # what fills up and what ends
_NOTHING = Vocabulary(())
MOST_TEXTS = 20_000  # pairs of a split whose texts are kept


@dataclasses.dataclass(frozen=True)
class Sentences(InMemory):
    """M sentences, each with its translation; features 'source' and 'target', tokens with an end.

    Attributes:
        vocabulary: of both sides.
        texts: (M,) of both sides as they were written; {} where they were not kept.
    """

    vocabulary: Vocabulary = _NOTHING
    texts: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)

    def first(self, count: int | None) -> "Sentences":
        """Returns the first `count` pairs; None for all."""
        return self.part(slice(count))

    def part(self, where: slice) -> "Sentences":
        """Returns some of the pairs."""
        arrays = {side: tokens[where] for side, tokens in self.arrays.items()}
        return dataclasses.replace(self, arrays=arrays, texts={side: own[where] for side, own in self.texts.items()})

    def texts_fingerprint(self) -> str:
        """Returns a hash of the pieces and of the texts, which tokens alone do not tell."""
        return fingerprint(self.vocabulary.pieces, *(self.texts.get(side, ()) for side in SIDES))

    def text(self, side: str, number: int) -> str:
        """Returns a sentence as it was written, or as its pieces write it where texts were not kept."""
        if side in self.texts:
            return self.texts[side][number]
        return self.vocabulary.text(self.arrays[side][np.array([number])][0])


def make_sentences(
    source: Ragged, target: Ragged, vocabulary: Vocabulary, texts: Mapping[str, Sequence[str]] = {}
) -> Sentences:
    """Returns pairs as examples."""
    feature = Feature("tokens", (None,), vocabulary.pieces)
    kept = {side: tuple(own) for side, own in texts.items()}
    return Sentences({"source": source, "target": target}, {side: feature for side in SIDES}, vocabulary, kept)


def joined(parts: Sequence[Sentences]) -> Sentences:
    """Returns the pairs of several parts, one after the other."""
    if len(parts) == 1:
        return parts[0]
    arrays = {}
    for side in SIDES:
        own = [part.arrays[side] for part in parts]
        lengths = np.concatenate([tokens.lengths for tokens in own])
        arrays[side] = Ragged(np.concatenate([tokens.flat for tokens in own]), np.cumsum([0, *lengths]))
    whole = all(part.texts for part in parts)
    texts = {side: sum((part.texts[side] for part in parts), ()) for side in SIDES} if whole else {}
    return dataclasses.replace(parts[0], arrays=arrays, texts=texts)


def write(
    path: os.PathLike[str] | str,
    *,
    name: str,
    languages: Sequence[str],
    vocabulary: Vocabulary,
    splits: Mapping[str, TextPairs],
    tokens: Mapping[str, tuple[Ragged, Ragged]],
) -> None:
    """Writes an archive; a reader, or a kill, finds the old file or the new one.

    Args:
        path: of the file.
        name: of the data set.
        languages: of both sides.
        vocabulary: that cut the texts.
        splits: the texts by split.
        tokens: of both sides, by split.
    """
    arrays: dict[str, Any] = {
        "format": np.array(FORMAT),
        "kind": np.array(KIND),
        "name": np.array(name),
        "languages": np.array(languages),
        "pieces": np.array(vocabulary.pieces),
        "model": np.frombuffer(vocabulary.model, np.uint8),
    }
    for split, pairs in splits.items():
        for side, own, texts in zip(SIDES, tokens[split], pairs, strict=True):
            arrays |= {f"{split}_{side}": own.flat, f"{split}_{side}_offsets": own.offsets.astype(np.int64)}
            if len(texts) <= MOST_TEXTS:
                arrays[f"{split}_{side}_text"] = np.frombuffer("\n".join(texts).encode(), np.uint8)
    with replacing(expanded(path)) as file:
        np.savez_compressed(file, **arrays)


def is_archive(file: "np.lib.npyio.NpzFile") -> bool:
    """Whether an .npz holds sentences."""
    return "pieces" in file and "languages" in file


def read(file: "np.lib.npyio.NpzFile", split: str, *, name: str | None, key: str, shown: str) -> Sentences:
    """Returns a split of an archive, which may be cut: 'train[:1000]', 'val+test'.

    Args:
        file: the archive, open.
        split: in TFDS's words.
        name: of the data set that it should hold; None: any.
        key: the config key that names the split, for messages.
        shown: the key and the path of the archive, for messages.

    Raises:
        ConfigError: if it has another format or data set, no such split, or does not fit together.
    """
    if (found := int(array(file, "format"))) != FORMAT:
        raise ConfigError(f"{shown} has format {found}; this version reads format {FORMAT}")
    if name is not None and str(array(file, "name")) != name:
        raise ConfigError(f"{shown} holds {str(array(file, 'name'))!r}, not data.name = {name!r}")
    pieces = tuple(map(str, _typed(file, "pieces", "U")))
    if pieces[: len(_ALWAYS)] != _ALWAYS:
        raise ConfigError(f"{shown}: the first pieces are {pieces[: len(_ALWAYS)]}, not {_ALWAYS}")
    vocabulary = Vocabulary(pieces, _typed(file, "model", "u").tobytes())
    check_model(vocabulary)
    end = "_source_offsets"
    lengths = {each.removesuffix(end): max(0, len(array(file, each)) - 1) for each in file if each.endswith(end)}
    parts = []
    for base, where in splits.ids(split, lengths, key=key, of=shown):
        tokens, texts = {}, {}
        for side in SIDES:
            own = Ragged(array(file, f"{base}_{side}"), array(file, f"{base}_{side}_offsets"))
            _check(own, len(pieces), what=f"{shown}: {base}_{side}")
            tokens[side] = own
            if f"{base}_{side}_text" in file:
                texts[side] = _typed(file, f"{base}_{side}_text", "u").tobytes().decode().split("\n")
        if len(texts) == 1:
            raise ConfigError(f"{shown} has texts of {base}_{min(texts)}, but none of the other language")
        counts = {*map(len, tokens.values()), *map(len, texts.values())}
        if len(counts) > 1:
            raise ConfigError(f"{shown} differs in length: {base} has {' and '.join(map(str, sorted(counts)))} pairs")
        parts.append(make_sentences(tokens["source"], tokens["target"], vocabulary, texts).part(where))
    return joined(parts)


def _typed(file: "np.lib.npyio.NpzFile", name: str, kinds: str) -> np.ndarray:
    """An array of one axis, of some of NumPy's kinds."""
    found = array(file, name)
    if found.ndim != 1 or found.dtype.kind not in kinds or (name == "model" and found.dtype.itemsize > 1):
        raise ValueError(f"{name} is {found.dtype} {found.shape}")
    return found


def _check(tokens: Ragged, pieces: int, *, what: str) -> None:
    offsets = tokens.offsets
    if not all(np.issubdtype(part.dtype, np.integer) for part in (tokens.flat, offsets)):
        raise ConfigError(f"{what}: tokens and offsets are whole numbers, not {tokens.flat.dtype} and {offsets.dtype}")
    if (
        offsets.ndim != 1
        or not len(offsets)
        or offsets[0] != 0
        or (np.diff(offsets) < 1).any()
        or offsets[-1] != len(tokens.flat)
    ):
        raise ConfigError(f"{what}: the offsets do not cut the tokens into sentences")
    if len(tokens.flat) and not 0 < int(tokens.flat.min()) <= int(tokens.flat.max()) < pieces:
        raise ConfigError(f"{what}: tokens go from {tokens.flat.min()} to {tokens.flat.max()}, of {pieces} pieces")
    ends = np.flatnonzero(tokens.flat == END)
    if not np.array_equal(ends, offsets[1:] - 1):
        raise ConfigError(
            f"{what}: not every sentence ends with the piece {END}, {PIECES[END]!r}, or it has that piece elsewhere too"
        )

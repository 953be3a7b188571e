"""The pieces that sentences are cut into: a vocabulary, its SentencePiece model, and text back from numbers.

Number 0 fills up shorter sentences, 1 ends a sentence (and begins what a decoder has seen), 2 is what has no piece.
SentencePiece itself (the extra 'translation') is imported to train a model and to cut text, never to train a network.
"""

import dataclasses
import hashlib
import importlib.util
import io
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from sbn.config.errors import ConfigError
from sbn.data.tokens import Ragged
from sbn.runs.content import first_line

FILLING, END, UNKNOWN = 0, 1, 2
PIECES = ("<pad>", "</s>", "<unk>")
SPACE = "\u2581"  # how SentencePiece writes a space in a piece
KINDS = ("bpe", "unigram")
_COVERAGE = 0.99999  # of the characters of a text with so many different ones that the rarest get no piece
_MOST_LETTERS = 0.1  # share of the vocabulary that single characters may take before that
_MOST_SENTENCES = 4_000_000  # that a model is trained on, drawn at random
# How SentencePiece says that a vocabulary is too small for all characters, or too large for the texts
_LIMITS = re.compile(r"required_chars\. \d+ vs (?P<least>\d+)|set it to a value <= (?P<most>\d+)")


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """Pieces by number.

    Attributes:
        pieces: all of them; the first two are `PIECES`' (the third too, where text was cut by a model).
        model: the serialised SentencePiece model; b'' of data that are no text.
    """

    pieces: tuple[str, ...]
    model: bytes = b""

    def __len__(self) -> int:
        return len(self.pieces)

    def fingerprint(self) -> str:
        """Returns a hash of the pieces."""
        return fingerprint(self.pieces)

    def text(self, numbers: Iterable[int]) -> str:
        """Returns the text of a sentence up to its end; what fills it up has none.

        Args:
            numbers: of its pieces, such as a row of decoded tokens.
        """
        parts = []
        for number in numbers:
            if number == END:
                break
            if number != FILLING:
                parts.append(" \u2047 " if number == UNKNOWN and self.model else self.pieces[number])
        return "".join(parts).replace(SPACE, " ").strip()

    def encode(self, texts: Sequence[str]) -> Ragged:
        """Returns the numbers of the pieces of sentences, each with its end.

        Raises:
            ConfigError: if SentencePiece is not installed.
        """
        processor = sentencepiece().SentencePieceProcessor(model_proto=self.model)
        rows = processor.encode(list(texts), add_eos=True)
        offsets = np.cumsum([0, *map(len, rows)])
        dtype = np.uint16 if len(self) <= 2**16 else np.int32
        return Ragged(np.fromiter((piece for row in rows for piece in row), dtype, int(offsets[-1])), offsets)


def fingerprint(*lists: Iterable[str]) -> str:
    """Returns a hash of lists of pieces or texts."""
    digest = hashlib.sha256()
    for words in lists:
        digest.update("\n".join(words).encode() + b"\0")
    return digest.hexdigest()[:16]


def train(texts: Sequence[str], *, size: int, kind: str = "bpe") -> Vocabulary:
    """Returns a vocabulary learned from sentences of both languages.

    Args:
        texts: the sentences.
        size: number of pieces, the three special ones among them.
        kind: of SentencePiece's models, `KINDS`.

    Raises:
        ConfigError: if SentencePiece is not installed, or can't make so many pieces of these texts.
    """
    library, written = sentencepiece(), io.BytesIO()
    letters = len(set().union(*texts))
    try:
        library.SentencePieceTrainer.train(
            sentence_iterator=iter(texts),
            model_writer=written,
            vocab_size=size,
            model_type=kind,
            character_coverage=1.0 if letters <= _MOST_LETTERS * size else _COVERAGE,
            normalization_rule_name="identity",  # NFC is what the reader makes
            input_sentence_size=_MOST_SENTENCES,
            shuffle_input_sentence=True,
            pad_id=FILLING,
            eos_id=END,
            unk_id=UNKNOWN,
            bos_id=-1,
            minloglevel=2,
        )
    except (RuntimeError, ValueError) as error:
        words = " ".join(str(error).split()).rpartition("] ")[2]
        if limits := _LIMITS.search(words):
            bound = f"at least {limits['least']}" if limits["least"] else f"at most {limits['most']}"
            raise ConfigError(f"--vocabulary={size}: SentencePiece can make {bound} pieces of these texts") from None
        raise ConfigError(f"--vocabulary={size}: SentencePiece can't make it: {words}") from None
    return from_model(written.getvalue())


def from_model(model: bytes) -> Vocabulary:
    """Returns the vocabulary of a serialised SentencePiece model."""
    processor = sentencepiece().SentencePieceProcessor(model_proto=model)
    return Vocabulary(tuple(processor.id_to_piece(number) for number in range(len(processor))), model)


def check_model(vocabulary: Vocabulary) -> None:
    """Refuses pieces that are not those of their model, by which other texts are cut; unseen without SentencePiece.

    Raises:
        ValueError: one line.
    """
    if not vocabulary.model or importlib.util.find_spec("sentencepiece") is None:
        return
    try:
        known = from_model(vocabulary.model).pieces
    except RuntimeError as error:
        raise ValueError(f"model can't be read: {first_line(error)}") from None
    if known != vocabulary.pieces:
        at = next(
            (i for i, (own, other) in enumerate(zip(vocabulary.pieces, known, strict=False)) if own != other), None
        )
        raise ValueError(f"the pieces are not those of the model{'' if at is None else f', from number {at} on'}")


def sentencepiece() -> Any:
    """Returns the module.

    Raises:
        ConfigError: if it is not installed.
    """
    if importlib.util.find_spec("sentencepiece") is None:
        raise ConfigError("cutting text into pieces needs SentencePiece: pip install 'sbn[translation]'")
    import sentencepiece

    return sentencepiece

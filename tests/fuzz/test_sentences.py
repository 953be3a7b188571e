"""Damaged sentences: files of lines, plain and gzipped, and their archive. What is taken is what the files say."""

import gzip
import pathlib
import unicodedata
from typing import Any

import numpy as np
import pytest
from etils import epath
from hypothesis import strategies as st

from sbn.config.errors import ConfigError
from sbn.data import archive, sentences, text, vocabulary
from sbn.data.sentences import Sentences
from sbn.data.text import TextPairs
from sbn.runs.commands import describe
from tests.fuzz.cases import LENGTHS, tried
from tests.fuzz.damage import REPLACED, other_bytes, replace

ENGLISH = ["a dog runs", "two dogs", "a cafe\u0301", "one\u2028line"]
GERMAN = ["ein Hund läuft", "zwei Hunde", "ein Café", "eine Zeile"]
_LINES = (
    b"",
    b"\n",
    b"\r\n",
    b" \n",
    b"\xef\xbb\xbf",
    b"\xff\n",
    "\u00a0\u2029\n".encode(),
    b"a\x00\x1b[2J\n",
    b"\xed\xa0\x80",
)


@st.composite
def other_lines(draw: Any, content: bytes) -> bytes:
    """Draws lines like those of `content`, in another order, or others between them."""
    lines = content.splitlines(keepends=True)
    return b"".join(draw(st.lists(st.one_of(st.sampled_from(lines), st.sampled_from(_LINES)), max_size=6)))


@st.composite
def damages(draw: Any, contents: dict[str, bytes]) -> tuple[str, bytes | str]:
    """Draws a file, by its name, and what is to stand in its place."""
    name = draw(st.sampled_from(sorted(contents)))
    plain = gzip.decompress(contents[name]) if name.endswith(".gz") else contents[name]
    lines = other_lines(plain).map(gzip.compress if name.endswith(".gz") else bytes)
    return name, draw(st.one_of(other_bytes(contents[name]), lines, st.sampled_from(REPLACED)))


def said(error: Exception) -> None:
    """Asserts that an error is one line about the input."""
    line, code = describe(error)
    if line is None or code != 2 or "\n" in line:
        raise error


def wanted(content: bytes) -> list[str]:
    """The sentences of a plain file that is taken, by other means than the reader's."""
    whole = content.decode("utf-8-sig")
    return [unicodedata.normalize("NFC", line).strip() for line in (whole.removesuffix("\n")).split("\n")]


@LENGTHS
def test_damaged_files_of_sentences_are_told_or_read_line_by_line(length, here):
    contents = {"train.de": "\n".join(GERMAN).encode()}
    contents["train.en.gz"] = gzip.compress("".join(f"{line}\n" for line in ENGLISH).encode())
    for name, content in contents.items():
        (here / name).write_bytes(content)

    @tried(length, short=60, long=2000, damage=damages(contents))
    def _(damage):
        name, content = damage
        replace(here / name, content)
        try:
            found = text.read_folder(epath.Path(here), ("en", "de"))["train"]
        except (ConfigError, OSError) as error:
            said(error)
            return
        finally:
            replace(here / name, contents[name])
        assert isinstance(content, bytes)
        if name.endswith(".gz"):
            content = gzip.decompress(content)
        own, other = (found.target, found.source) if name == "train.de" else (found.source, found.target)
        assert own == wanted(content)
        assert all(own)
        assert len(own) == len(other)


def write(path: pathlib.Path) -> None:
    """Writes an archive of two splits, with pieces that SentencePiece learned."""
    pytest.importorskip("sentencepiece", reason="SentencePiece is not installed")
    pairs = {"train": TextPairs(ENGLISH[:2] * 9, GERMAN[:2] * 9), "test": TextPairs(ENGLISH[:2], GERMAN[:2])}
    learned = vocabulary.train([*ENGLISH[:2], *GERMAN[:2]], size=30)
    cut = {split: (learned.encode(own.source), learned.encode(own.target)) for split, own in pairs.items()}
    sentences.write(path, name="own", languages=("en", "de"), vocabulary=learned, splits=pairs, tokens=cut)


@pytest.mark.filterwarnings("error")
@LENGTHS
def test_a_damaged_archive_of_sentences_is_told_or_has_the_same(length, here):
    path = here / "own.npz"
    write(path)
    content = path.read_bytes()

    def read() -> list[Sentences]:
        return [archive.read(str(path), split, name="own") for split in ("train[1:]+test", "test")]  # type: ignore[misc]

    sound = read()
    assert [len(part) for part in sound] == [19, 2]

    @tried(length, short=60, long=2000, damage=st.one_of(other_bytes(content), st.sampled_from(REPLACED)))
    def _(damage):
        replace(path, damage)
        try:
            found = read()
        except (ConfigError, OSError) as error:
            said(error)
            return
        finally:
            replace(path, content)
        assert [part.fingerprint() for part in found] == [part.fingerprint() for part in sound]


@LENGTHS
def test_an_archive_with_another_array_is_told_or_fits_together(length, here):
    path = here / "own.npz"
    write(path)
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    odd = st.sampled_from([
        np.zeros(()), np.zeros(0), np.zeros((2, 2), int), np.arange(-3, 3), np.arange(5) * 2**40, np.array(["a"] * 9),
        np.array([True] * 4), np.array([np.nan]), np.full(30, 255, np.uint8), np.array("train"), np.array([b"a"]),
    ])  # fmt: skip

    @tried(length, short=60, long=2000, name=st.sampled_from(sorted(arrays)), other=odd)
    def _(name, other):
        np.savez(path, **{**arrays, name: other})
        try:
            found = archive.read(str(path), "train", name="own")
        except ConfigError as error:
            said(error)
            return
        pieces = len(found.vocabulary)
        for side in ("source", "target"):
            tokens = found.arrays[side][np.arange(len(found))]
            assert (tokens.max(initial=0), tokens.min(initial=0)) < (pieces, 0) or tokens.max(initial=0) < pieces
            assert (found.arrays[side].flat > 0).all()
            assert len(found.texts[side]) == len(found)

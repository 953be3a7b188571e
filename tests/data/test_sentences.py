"""What prepared sentences become: an archive that NumPy alone reads, pieces that make the text again, strings."""

import sys

import numpy as np
import pytest

from sbn.config.errors import ConfigError
from sbn.data import archive, prepare, strings, vocabulary
from sbn.data.text import read_folder
from sbn.data.vocabulary import END

ENGLISH = ["a dog runs", "two dogs run to a house", "the house is red", "a red dog", "the dog is in the house"] * 8
GERMAN = [
    "ein Hund läuft",
    "zwei Hunde laufen zum Haus",
    "das Haus ist rot",
    "ein roter Hund",
    "der Hund ist im Haus",
] * 8


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """An archive made by the command, of a split to train on and one to test on, the last with other words."""
    folder = tmp_path_factory.mktemp("pairs")
    for name, lines in (("train.en", ENGLISH), ("train.de", GERMAN), ("val.en", ["a cat"]), ("val.de", ["eine Katze"])):
        (folder / name).write_text("\n".join(lines) + "\n")
    out = folder / "pairs.npz"
    (folder / "odd").mkdir()
    (folder / "odd/s.txt").write_text("dog\n")
    (folder / "odd/t.txt").write_text("Hund\n")
    two_files = f"--pairs=odd={folder}/odd/s.txt,{folder}/odd/t.txt"
    assert prepare.main(["pairs", str(folder), f"--out={out}", "--languages=en,de", "--vocabulary=60", two_files]) == 0
    return str(out)


def test_every_split_comes_back_as_it_was_written(path):
    train = archive.read(path, "train", name="pairs")
    assert [train.vocabulary.text(row) for row in train.arrays["target"][np.arange(5)]] == GERMAN[:5]
    assert train.text("source", 1) == ENGLISH[1]
    assert (train.arrays["source"][np.arange(40)] == END).sum(axis=1).tolist() == [1] * 40
    assert train.features["source"].classes[:2] == ("<pad>", "</s>")
    assert len(train.features["source"].classes) == 60
    assert archive.read(path, "odd").texts == {"source": ("dog",), "target": ("Hund",)}


def test_parts_of_splits_are_those_examples(path):
    both = archive.read(path, "train[38:]+val", name="pairs")
    assert both.texts["source"] == (*ENGLISH[38:], "a cat")
    whole = archive.read(path, "train", name="pairs")
    np.testing.assert_array_equal(both.arrays["source"][np.array([1])], whole.arrays["source"][np.array([39])])
    assert both.first(2).texts["target"] == tuple(GERMAN[38:])
    assert len(both.first(2)) == 2


def test_reading_needs_no_sentencepiece_and_cutting_text_names_the_extra(path, monkeypatch):
    own = archive.read(path, "val", name="pairs")
    monkeypatch.setattr(vocabulary.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "sentencepiece", None)
    assert archive.read(path, "val", name="pairs").fingerprint() == own.fingerprint()
    with pytest.raises(ConfigError, match=r"pip install 'sbn\[translation\]'"):
        own.vocabulary.encode(["a dog"])


def test_a_text_is_cut_into_the_same_pieces_later(path):
    train = archive.read(path, "train", name="pairs")
    again = train.vocabulary.encode(ENGLISH[:5])
    assert again.flat.dtype == np.uint16
    np.testing.assert_array_equal(again[np.arange(5)], train.arrays["source"][np.arange(5)])
    assert train.vocabulary.text([*again[np.array([0])][0], 5, 6]) == ENGLISH[0]  # nothing after the end
    assert "\u2047" in train.vocabulary.text(train.vocabulary.encode(["@"])[np.array([0])][0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": np.array(2)}, "has format 2; this version reads format 1"),
        ({"name": np.array("others")}, "holds 'others', not data.name = 'pairs'"),
        ({"train_source": np.array([99], np.uint16), "train_source_offsets": np.array([0, 1])}, "of 60 pieces"),
        ({"train_source_offsets": np.array([0, 5, 3])}, "do not cut the tokens into sentences"),
        ({"train_source": np.array([1], np.uint16), "train_source_offsets": np.array([0, 1])}, "differs in length"),
        ({"train_source_offsets": np.zeros(())}, "not an archive, or it is damaged"),
        ({"train_source_offsets": np.zeros(0, int)}, "do not cut the tokens into sentences"),
        ({"odd_source": np.array([7.5, 1.0])}, "whole numbers, not float64"),
        ({"odd_source": np.array([True, True])}, "whole numbers, not bool"),
        ({"odd_source": np.array([7, 8], np.uint16)}, "not every sentence ends with the piece 1, '</s>'"),
        ({"odd_source": np.array([1, 1], np.uint16)}, "not every sentence ends with the piece 1, '</s>'"),
        ({"pieces": np.array(["</s>", "<pad>", *"abcdefgh"])}, "the first pieces are ('</s>', '<pad>'), not ('<pad>'"),
        ({"odd_target_text": None}, "has texts of odd_source, but none of the other language"),
        ({"pieces": np.arange(60)}, "pieces is int64 (60,)"),
        ({"model": np.zeros(4, np.int32)}, "model is int32 (4,)"),
        ({"train_source_text": np.array(["a", "b"])}, "train_source_text is <U1 (2,)"),
    ],
)
def test_an_archive_that_does_not_fit_together_is_refused(path, tmp_path, change, message):
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    if "odd_source" in change:
        change = {**change, "odd_source_offsets": np.array([0, 2])}
    np.savez(tmp_path / "bad.npz", **{name: array for name, array in (arrays | change).items() if array is not None})
    with pytest.raises(ConfigError) as caught:
        archive.read(str(tmp_path / "bad.npz"), "train+odd", name="pairs")
    assert message in str(caught.value)


def test_other_pieces_or_texts_are_other_data(path, tmp_path):
    """So a run neither goes on, is evaluated, nor is exported with another vocabulary of the same size."""
    own = archive.read(path, "train", name="pairs")
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    pieces, text = (arrays[name].copy() for name in ("pieces", "train_target_text"))
    pieces[[10, 11]] = pieces[[11, 10]]
    text[0] = ord("E")
    np.savez(tmp_path / "other.npz", **arrays | {"pieces": pieces})
    with pytest.raises(ConfigError, match=r"the pieces are not those of the model, from number 10 on"):
        archive.read(str(tmp_path / "other.npz"), "train", name="pairs")
    for change in ({"pieces": pieces, "model": np.zeros(0, np.uint8)}, {"train_target_text": text}):
        np.savez(tmp_path / "other.npz", **arrays | change)
        other = archive.read(str(tmp_path / "other.npz"), "train", name="pairs")
        assert other.texts_fingerprint() != own.texts_fingerprint(), list(change)


def test_a_split_that_is_not_there_is_named_with_those_that_are(path):
    with pytest.raises(ConfigError, match=r"unknown split .*'test'.*train"):
        archive.read(path, "test", name="pairs")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--languages=en",), "name two languages, the source first"),
        (("--languages=*,de",), "name two languages, the source first"),
        (("--languages=fr,it",), "holds no files like train.fr, plain or .gz, and: unknown data set"),
        (("--pairs=train=a,a",), "one file can't be both sides"),
        (("--languages=en,de", "--vocabulary=9000"), "--vocabulary=9000: SentencePiece can make at most "),
        (("--languages=en,de", "--vocabulary=8"), "--vocabulary=8: SentencePiece can make at least "),
        (("--vocabulary=many",), "'many' is not a number of pieces: give 8 to 1048576"),
        (("--ratio=nan",), "'nan' is not a number of 0 or more"),
        (("--pairs=train",), "write SPLIT=SOURCE,TARGET"),
        (("--pairs=tr ain=a,a",), "'tr ain' is not a valid name of a split"),
        (("--pairs=test=a,b",), "can't be read"),
        ((), "--vocabulary is for sentences: give --languages=SOURCE,TARGET, too, or --pairs"),
        (("--vocabulary=32768",), "holds sentences (de, en): give their languages, the source's first"),
        (("--languages=en,de", "--longest=1"), "no pair of the split 'train' is short and even enough"),
    ],
)
def test_what_can_not_be_prepared_is_told_in_one_line(path, tmp_path, capsys, words, message):
    folder = path.rpartition("/")[0]
    small = [] if any("--vocabulary" in word for word in words) else ["--vocabulary=60"]
    with pytest.raises(SystemExit):
        prepare.main(["pairs", folder, f"--out={tmp_path}/x.npz", *small, *words])
    said = capsys.readouterr().err.strip()
    assert message in said
    assert len(said.splitlines()) == 1
    assert not (tmp_path / "x.npz").exists()


def test_long_training_pairs_are_left_out_and_counted_and_others_stay(path, tmp_path, caplog):
    folder, out = path.rpartition("/")[0], f"{tmp_path}/short.npz"
    with caplog.at_level("INFO"):
        prepare.main(["pairs", folder, f"--out={out}", "--languages=en,de", "--vocabulary=60", "--longest=7"])
    kept = archive.read(out, "train", name="pairs")
    longest = max(kept.arrays[side].lengths.max() for side in ("source", "target"))
    assert longest <= 8
    assert f"of 40 pairs to train on, {40 - len(kept)} are left out with a side of more than 7 pieces" in caplog.text
    assert set(kept.texts["source"]) < set(ENGLISH)


def test_test_pairs_that_are_trained_on_are_counted(tmp_path, caplog):
    """With --pairs alone --languages only names the two sides."""
    for name, lines in (("a.en", ENGLISH), ("a.de", GERMAN), ("b.en", ["a cat", *ENGLISH[:2], ENGLISH[0]])):
        (tmp_path / name).write_text("\n".join(lines) + "\n")
    (tmp_path / "b.de").write_text("\n".join(["eine Katze", GERMAN[0], GERMAN[2], GERMAN[0]]))
    pairs = [
        f"--pairs={split}={tmp_path}/{file}.en,{tmp_path}/{file}.de" for split, file in (("train", "a"), ("b", "b"))
    ]
    with caplog.at_level("INFO"):
        prepare.main(["mine", *pairs, "--languages=en,de", "--vocabulary=60", f"--out={tmp_path}/mine.npz"])
    assert "mine: 2 of the 4 pairs of 'b' are in 'train' as well" in caplog.text
    with np.load(tmp_path / "mine.npz") as file:
        assert file["languages"].tolist() == ["en", "de"]


def test_multi30k_comes_back_letter_by_letter(tasks_dir):
    pairs = read_folder(tasks_dir / "translation/multi30k/data/task1/raw", ("en", "de"))["val"]
    learned = vocabulary.train([*pairs.source, *pairs.target], size=1200)
    tokens = learned.encode(pairs.target)
    cuts = zip(tokens.offsets[:-1], tokens.offsets[1:], strict=True)
    again = [learned.text(tokens.flat[start:stop]) for start, stop in cuts]
    assert again == list(map(_single_spaces, pairs.target))


def _single_spaces(line):
    """Where two spaces follow each other, pieces have one."""
    return " ".join(filter(None, line.split(" ")))


@pytest.mark.parametrize("name", strings.NAMES)
def test_strings_are_a_function_of_their_number(name):
    few, more = strings.examples(name, 5, split="train"), strings.examples(name, 300, split="train")
    assert few.fingerprint() == more.first(5).fingerprint()
    source, target = (more.arrays[side][np.arange(300)] for side in ("source", "target"))
    lengths = (source > 1).sum(axis=1)
    assert (lengths.min(), lengths.max()) == (4, 20)
    assert (source.max(), len(more.vocabulary)) == (31, 32)
    for own, other, length in zip(source, target, lengths, strict=True):
        expected = own[:length][::-1] if name == "reverse" else own[:length]
        np.testing.assert_array_equal(other[: length + 1], [*expected, END])
    assert more.fingerprint() != strings.examples(name, 300, split="test").fingerprint()

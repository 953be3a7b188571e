"""Pairs of sentences are read line by line as their files have them, and what is wrong names the file and the line."""

import gzip
import os
import unicodedata

import pytest
from etils import epath

from sbn.config import tree
from sbn.config.errors import ConfigError
from sbn.data import prepare, sources, text
from tests.faults.records import write_texts

ENGLISH = ["A dog runs.", "Two  men\u2028talk.", "Cafe\u0301 open.", "One\u0085more\rhere."]
GERMAN = ["Ein Hund läuft.", " Zwei Männer reden.\u00a0", "Cafe\u0301 auf.", "Noch eins."]


def folder(path, **splits):
    """A folder of SPLIT.en and SPLIT.de, English gzipped."""
    path.mkdir(exist_ok=True)
    for split, (english, german) in splits.items():
        (path / f"{split}.en.gz").write_bytes(gzip.compress("".join(f"{line}\n" for line in english).encode()))
        (path / f"{split}.de").write_bytes("\n".join(german).encode())  # the last line has no end
    return epath.Path(path)


def test_lines_end_at_newlines_alone_and_are_nfc_without_outer_spaces(tmp_path):
    found = text.read_folder(folder(tmp_path / "pairs", train=(ENGLISH, GERMAN)), ("en", "de"))["train"]
    assert found.source == ["A dog runs.", "Two  men\u2028talk.", "Café open.", "One\u0085more\rhere."]
    assert found.target == ["Ein Hund läuft.", "Zwei Männer reden.", "Café auf.", "Noch eins."]
    assert all(unicodedata.is_normalized("NFC", line) for side in found for line in side)


def test_a_mark_of_utf8_is_no_part_of_the_first_sentence_and_a_pipe_is_not_waited_for(tmp_path):
    (tmp_path / "en").write_bytes(b"\xef\xbb\xbfA dog.\r\nTwo.\r\n")
    assert text.read_lines(epath.Path(tmp_path / "en")) == ["A dog.", "Two."]
    os.mkfifo(tmp_path / "de")
    with pytest.raises(ConfigError, match="de can't be read: it is not a file"):
        text.read_lines(epath.Path(tmp_path / "de"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda english, german: german.clear(), "train.de is empty: it holds no sentences"),
        (lambda english, german: german.pop(), "train.en.gz, line 4 has no translation"),
        (lambda english, german: english.pop(), "train.de, line 4 has no translation"),
        (lambda english, german: german.__setitem__(1, " \u00a0"), "train.de, line 2 is empty"),
        (lambda english, german: english.__setitem__(2, ""), "train.en.gz, line 3 is empty"),
    ],
)
def test_lines_without_a_partner_are_refused_by_file_and_line(tmp_path, change, message):
    english, german = list(ENGLISH), list(GERMAN)
    change(english, german)
    own = folder(tmp_path / "pairs", train=(english, german))
    with pytest.raises(ConfigError) as caught:
        text.read_folder(own, ("en", "de"))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_not_whole_is_refused(tmp_path):
    own = folder(tmp_path / "pairs", train=(ENGLISH, GERMAN))
    (own / "val.de").write_text("Hallo\n")
    with pytest.raises(ConfigError, match=r"has val\.de, and no val\.en or val\.en\.gz"):
        text.read_folder(own, ("en", "de"))
    (own / "val.en").write_bytes(b"\xff\n")
    with pytest.raises(ConfigError, match=r"val\.en, line 1 is not UTF-8"):
        text.read_folder(own, ("en", "de"))
    (own / "val.en.gz").write_bytes(b"no gzip")
    with pytest.raises(ConfigError, match=r"holds both val\.en and val\.en\.gz"):
        text.read_folder(own, ("en", "de"))
    (own / "val.en").unlink()
    with pytest.raises(ConfigError, match=r"val\.en\.gz can't be read"):
        text.read_folder(own, ("en", "de"))
    with pytest.raises(ConfigError, match="holds no files of sentences"):
        text.read_folder(own, ("fr", "it"))


def test_pairs_that_are_too_long_or_uneven_are_counted():
    found = text.kept([(3, 3), (9, 3), (2, 3), (2, 4), (1, 2)], longest=8, ratio=1.5)
    assert found == text.Kept([0, 2], too_long=1, uneven=2)
    assert text.kept([(90, 1)], longest=None, ratio=None).numbers == [0]


WORDS = [
    {"en": "a dog and a cat", "de": "ein Hund und eine Katze"},
    {"en": "the cat sees the dog", "de": "die Katze sieht den Hund "},
] * 20


def test_what_tfds_prepared_is_trained_on_and_another_set_tested_on(tmp_path, caplog):
    write_texts(tmp_path, "wmt16_translate/de-en", {"train": [*WORDS, {"en": " ", "de": "leer"}], "test": WORDS[:3]})
    write_texts(tmp_path, "wmt14_translate/de-en", {"train": WORDS[:1], "test": WORDS[1:3]})
    out = tmp_path / "wmt.npz"
    words = ["wmt16_translate/de-en", str(tmp_path), f"--out={out}", "--languages=en,de", "--vocabulary=40"]
    with caplog.at_level("INFO"):
        assert prepare.main([*words, "--tested_on=wmt14_translate/de-en"]) == 0
    assert "1 pairs of 'train' are left out, as a side is empty" in caplog.text
    named = {"data.name": "wmt16_translate/de-en", "data.archive": str(out)}
    data = tree.to_config(tree.changed(tree.defaults(), named)).data
    train, test = sources.load(data, "train"), sources.load(data, "test")
    assert (len(train), len(test)) == (40, 2)
    assert test.texts["target"] == ("die Katze sieht den Hund", "ein Hund und eine Katze")


def test_a_line_break_within_a_text_of_tfds_is_a_space(tmp_path):
    """Archives keep texts as lines."""
    write_texts(tmp_path, "pairs/de-en", {"train": [{"en": "a\ndog\n", "de": "ein Hund"}]})
    found = text.read_prepared(epath.Path(tmp_path / "pairs/de-en/1.0.0"), "train", ("en", "de"))
    assert found == text.TextPairs(["a dog"], ["ein Hund"])


def test_a_damaged_or_foreign_example_is_refused(tmp_path):
    write_texts(tmp_path, "pairs/de-en", {"train": [{"en": "a", "de": " "}]})
    directory = epath.Path(tmp_path / "pairs/de-en/1.0.0")
    with pytest.raises(ConfigError, match="has an empty text 'de'"):
        text.read_prepared(directory, "train", ("en", "de"))
    with pytest.raises(ConfigError, match="has no text 'fr'; it has en, de"):
        text.read_prepared(directory, "train", ("en", "fr"))


def test_multi30k_is_read_whole_and_its_known_defects_are_mended(tasks_dir):
    own = epath.Path(tasks_dir / "translation/multi30k/data/task1/raw")
    found = text.read_folder(own, ("en", "de"))
    counts = {split: len(pairs.source) for split, pairs in found.items()}
    assert counts["train"] == 29_000
    assert counts["test_2018_flickr"] == 1_071
    assert all(line == line.strip() for pairs in found.values() for side in pairs for line in side)

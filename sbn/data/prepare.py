"""`sbn prepare cifar10 [DIR] [--out=cifar10.npz]`: an archive for `--config.data.archive`.

Reads what TFDS has prepared, of any data set with images of one size and a label, or Tiny-ImageNet's published folder
or zip, itself without TensorFlow, and writes one file that any machine with NumPy can train from.

With `--languages=en,de`, sentences and their translations: a folder of files SPLIT.en and SPLIT.de, or what TFDS
prepared; `--pairs=train=a.en,a.de` names two files (docs/translation.md).
"""

import argparse
import functools
import logging
import os
import re
from collections.abc import Sequence

from etils import epath

from sbn.config import arguments
from sbn.config.errors import ConfigError
from sbn.config.numerals import decimal, whole
from sbn.data import archive, prepare_sentences, prepared, tfrecords, tiny_imagenet, vocabulary
from sbn.data.prepare_sentences import Settings
from sbn.runs import commands
from sbn.runs.content import is_file


def prepare(name: str, *, out: str, data_dir: str) -> dict[str, int]:
    """Writes the archive of a data set and returns its number of examples by split.

    Raises:
        ConfigError: if the prepared data set is not there, or not whole.
    """
    if name == "shapes":
        raise ConfigError("'shapes' needs no archive: its images are rendered; data.name = 'shapes' is enough")
    if name == "tiny_imagenet":
        found = {split: tiny_imagenet.read(data_dir, split) for split in tiny_imagenet.SPLITS}
        splits = {split: (examples.images, examples.labels) for split, examples in found.items()}
        class_names = list(found["train"].features["label"].classes)
    else:
        path = prepared.directory(name, data_dir, built_in=("tiny_imagenet",))
        splits = {split: tfrecords.read(path, split) for split in tfrecords.splits(path)}
        class_names = tfrecords.class_names(path)
    archive.write(out, name=name, class_names=class_names, splits=splits)
    return {split: len(labels) for split, (_, labels) in splits.items()}


def _prepare_sentences(flags: argparse.Namespace, *, out: str, data_dir: str) -> dict[str, int]:
    languages = tuple((flags.languages or "source,target").split(","))
    named = all(re.fullmatch(r"[\w.-]+", language) for language in languages)
    if len(languages) != 2 or languages[0] == languages[1] or not named:
        raise ConfigError(f"--languages={flags.languages}: name two languages, the source first, as in en,de")
    pairs = prepare_sentences.of_files(flags.pairs)
    if flags.languages and (flags.path or flags.data_dir or not flags.pairs):  # else they name what --pairs gives
        pairs = {**prepare_sentences.find(flags.name, data_dir, languages), **pairs}
    if flags.tested_on:
        others = prepare_sentences.find(flags.tested_on, data_dir, languages)
        pairs |= {split: own for split, own in others.items() if split != prepare_sentences.TRAIN}
    settings = Settings(languages, flags.vocabulary, flags.model, flags.longest or None, flags.ratio or None)
    return prepare_sentences.write(out, name=flags.name, splits=pairs, settings=settings)


@commands.command("python -m sbn.data.prepare")
def main(words: Sequence[str] | None = None) -> int:
    """Runs the command line; `sbn.runs.commands` prints its errors."""
    parser = arguments.Parser(
        "python -m sbn.data.prepare",
        description="Writes a data set into one archive, which is read without TensorFlow.",
        examples=(
            "cifar10 --out=cifar10.npz",
            "tiny_imagenet tiny-imagenet-200.zip --out=tiny_imagenet.npz",
            "multi30k FOLDER --languages=en,de --vocabulary=4000 --out=multi30k.npz",
        ),
    )
    parser.add_argument("name", help="tiny_imagenet, or the name of a TFDS data set")
    parser.add_argument(
        "path", nargs="?", help="the same as --data_dir; for tiny_imagenet: the folder tiny-imagenet-200 or its zip"
    )
    parser.add_argument(
        "--out", type=arguments.path, metavar="FILE", help="archive to write (default: NAME.npz in the current folder)"
    )
    parser.add_argument(
        "--data_dir", metavar="DIR", help="TFDS data_dir (default: TFDS_DATA_DIR or ~/tensorflow_datasets)"
    )
    text = parser.add_argument_group("sentences and their translations")
    text.add_argument(
        "--languages",
        metavar="EN,DE",
        help="source and target language: endings of the files SPLIT.EN and SPLIT.DE, or TFDS features",
    )
    text.add_argument(
        "--pairs",
        action="append",
        default=[],
        metavar="SPLIT=SOURCE,TARGET",
        help="the two files of a split, plain or .gz; repeatable",
    )
    text.add_argument(
        "--tested_on", metavar="NAME", help="TFDS data set to take all splits but the training split from"
    )
    text.add_argument(
        "--vocabulary", type=_pieces, default=32_768, metavar="N", help="vocabulary size, shared by both languages"
    )
    text.add_argument("--model", choices=vocabulary.KINDS, default="bpe", help="SentencePiece model type")
    text.add_argument(
        "--longest",
        type=_limit,
        default=250,
        metavar="N",
        help="drop training pairs with more pieces than this on a side; 0: keep all",
    )
    text.add_argument(
        "--ratio",
        type=_limit,
        default=0.0,
        metavar="R",
        help="drop training pairs whose lengths differ by more than this ratio (1.5 for WMT); 0: keep all",
    )
    flags = parser.parse_args(words)
    logging.basicConfig(level=logging.INFO, format="%(message)s")  # progress, to stderr
    out = flags.out or f"{flags.name.replace('/', '_').replace(':', '_')}.npz"
    data_dir = flags.path or flags.data_dir or os.environ.get("TFDS_DATA_DIR") or prepared.DEFAULT_DIR
    arguments.check_output(out)
    of_text = flags.languages or flags.pairs
    if not of_text:
        _check_no_sentences(flags, parser, data_dir)
    make = functools.partial(_prepare_sentences, flags) if of_text else functools.partial(prepare, flags.name)
    counts = make(out=out, data_dir=data_dir)
    print(f"{out}: {', '.join(f'{count} of {split}' for split, count in counts.items())}")
    return 0


def _check_no_sentences(flags: argparse.Namespace, parser: argparse.ArgumentParser, data_dir: str) -> None:
    """Names the option that is missing where what was asked for are sentences."""
    for name in ("tested_on", "vocabulary", "model", "longest", "ratio"):
        if getattr(flags, name) != parser.get_default(name):
            raise ConfigError(f"--{name} is for sentences: give --languages=SOURCE,TARGET, too, or --pairs")
    tells = flags.name == "tiny_imagenet"  # how to get what is not there
    if flags.path and not tells and not is_file(flags.path) and not epath.Path(flags.path).expanduser().is_dir():
        raise ConfigError(f"there is no file or folder {flags.path}")
    if found := prepare_sentences.languages_in(data_dir):
        raise ConfigError(
            f"{data_dir} holds sentences ({', '.join(found)}): give their languages, the source's first, as in "
            f"--languages={','.join(found[:2])}"
        )


def _pieces(text: str) -> int:
    pieces = whole(text)
    if pieces is None or not 8 <= pieces <= 2**20:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of pieces: give 8 to {2**20}")
    return pieces


def _limit(text: str) -> float:
    number = decimal(text)
    if number is None or number < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of 0 or more")
    return number


if __name__ == "__main__":
    commands.start(main)

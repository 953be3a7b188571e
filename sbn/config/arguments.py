"""The parser of every command line, and argument types that several commands share: paths, outputs, seeds."""

import argparse
import os
import pathlib
import re
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from sbn.config import beside, numerals
from sbn.config.environment import expanded
from sbn.config.errors import ConfigError, shown, unknown

_GIVEN = "_given"  # what a namespace holds of the flags that were there
_VALUE_OF_NONE = re.compile(r"argument (?P<flag>--\w+): ignored explicit argument .*")  # argparse's own words
_BUCKET = "gs"  # the one kind of bucket whose files are read and written


class _Once(argparse._StoreAction):
    """Keeps a value as its parent does, but refuses a second one, of which the first would be lost without a word."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: Any, values: Any, flag: str | None = None) -> None:
        given = vars(namespace).setdefault(_GIVEN, set())
        if flag is not None and self.dest in given:
            raise argparse.ArgumentError(self, "is given twice")
        given.add(self.dest)
        super().__call__(parser, namespace, values, flag)


class Parser(argparse.ArgumentParser):
    """A parser that reports a mistake in one line, as everything else does; --help prints the usage."""

    def __init__(
        self,
        prog: str | None = None,
        *,
        description: str = "",
        epilog: str = "",
        examples: Sequence[str] = (),
        **settings: Any,
    ) -> None:
        """Makes a parser whose help has `examples`: arguments of `prog`, each ready to paste."""
        if examples:
            shown_examples = "\n".join(f"  {prog} {words}".rstrip() for words in examples)
            epilog = f"examples:\n{shown_examples}\n\n{epilog}".rstrip()
        super().__init__(
            prog=beside.shown(prog) if prog else prog,
            description=beside.shown_text(description),
            epilog=beside.shown_text(epilog),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            **settings,
        )
        self.register("action", None, _Once)
        self.register("action", "store", _Once)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parses as its parent does, which takes '--flag=--' for a list without anything in it: refused here."""
        for word in sys.argv[1:] if args is None else args:
            if word.startswith("--") and word.endswith("=--"):
                self.error(f"{word}: '--' is not a value")
        known, others = super().parse_known_args(args, namespace)
        if hasattr(known, _GIVEN):
            delattr(known, _GIVEN)
        return known, others

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parses as its parent does; of an argument that it does not have it names the nearest that it has."""
        known = self.flags()
        for word in sys.argv[1:] if args is None else args:
            if word == "--":
                break
            flag = word.partition("=")[0]
            if flag.startswith("--") and not any(one.startswith(flag) for one in known):
                raise unknown("argument", flag, known)
        return super().parse_args(args, namespace)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Names the nearest choice, too, where its parent lists them."""
        if action.choices is not None and value not in action.choices:
            raise unknown(action.option_strings[0] if action.option_strings else action.dest, value, action.choices)

    def flags(self) -> set[str]:
        """Returns the arguments that begin with --, those of subcommands too."""
        found: set[str] = set()
        for action in self._actions:
            found |= {flag for flag in action.option_strings if flag.startswith("--")}
            if isinstance(action, argparse._SubParsersAction):
                found |= {flag for parser in action.choices.values() for flag in parser.flags()}
        return found

    def error(self, message: str) -> NoReturn:
        """Raises the complaint.

        Raises:
            ConfigError: always.
        """
        if valued := _VALUE_OF_NONE.fullmatch(message):
            raise ConfigError(f"{valued['flag']} takes no value: write {valued['flag']} alone")
        raise ConfigError(f"{message} (--help lists the arguments)")


def add_root(parser: argparse.ArgumentParser) -> None:
    """Adds `--root` (or `--runs`), the folder below which a report looks for runs."""
    parser.add_argument(
        "--root", "--runs", type=path, default="runs", help="folder with the runs, at any depth (default: runs)"
    )


def path(text: str) -> str:
    """Returns a path as it was given; an empty one, which would mean the current folder, is refused."""
    if not text.strip():
        raise argparse.ArgumentTypeError("is empty: name a file or folder ('.' is the current one)")
    try:
        check_place(text)
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def check_place(text: str, *, key: str = "") -> None:
    """Refuses addresses of what is neither a disk nor a bucket that can be read: 's3://...', 'http://...'.

    Args:
        text: a path.
        key: the config key that names it.

    Raises:
        ConfigError: for such an address.
    """
    if not text.strip():
        raise ConfigError(f"{key} = {text!r} is empty: name a file or folder ('.' is the current one)")
    scheme, address, inside = text.partition("://")
    named = f"{key} = {shown(text)}" if key else shown(text)
    if address and scheme != _BUCKET:
        raise ConfigError(f"{named} can't be used: give a path on a disk, or one that begins with {_BUCKET}://")
    if address and not inside.strip("/"):
        raise ConfigError(f"{named} names no bucket: write {_BUCKET}://BUCKET/FOLDER")


def check_output(text: str, *, flag: str = "--out") -> None:
    """Refuses an output file that can't be written, before the work begins.

    Args:
        text: its path.
        flag: which names it.

    Raises:
        ConfigError: if it is a folder, or the folder that it would lie in is not there or can't be written to.
    """
    place = pathlib.Path(os.path.realpath(expanded(text)))
    if place.is_dir():
        raise ConfigError(f"{flag}={text} is a folder: name a file")
    if not place.exists() or place.is_file():  # pipes and devices are written in place
        _check_folder(place.parent, f"{flag}={text}")


def check_folder(text: str, *, flag: str = "--out") -> None:
    """Refuses a folder to write to, which need not exist yet, if it can't be made or written to.

    Args:
        text: its path; one in a bucket is not looked at.
        flag: which names it.

    Raises:
        ConfigError: if it is a file, or can't be written to.
    """
    if "://" in text:
        return
    place = pathlib.Path(os.path.realpath(text))
    while not place.exists() and place != place.parent:
        place = place.parent
    _check_folder(place, f"{flag}={text}")


def _check_folder(place: pathlib.Path, named: str) -> None:
    reason = None
    if not place.exists():
        reason = f"no folder {place}"
    elif not place.is_dir():
        reason = f"{place} is a file"
    elif not os.access(place, os.W_OK | os.X_OK):
        reason = f"{place} can't be written to"
    if reason:
        raise ConfigError(f"{named} can't be written: {reason}")


def seed(text: str) -> int:
    """Returns a seed: a whole number from 0 to 2**31 - 1."""
    found = numerals.whole(text)
    if found is None or not 0 <= found < 2**31:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a seed: give a whole number from 0 to {2**31 - 1}")
    return found


def whole(text: str) -> int:
    """Returns a whole number."""
    found = numerals.whole(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a whole number")
    return found

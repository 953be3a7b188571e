"""The parser of every command line, and the types of arguments that several programs have: a path, a seed."""

import argparse
import pathlib
from typing import NoReturn

from sbn.config.errors import ConfigError, shown


class Parser(argparse.ArgumentParser):
    """A parser whose complaint is one line, as those of everything else are: the usage is what --help is for."""

    def error(self, message: str) -> NoReturn:
        """Raises the complaint.

        Raises:
            ConfigError: always.
        """
        raise ConfigError(f"{message} (--help tells what there is)")


def path(text: str) -> str:
    """Returns a path as it was given; an empty one, which would mean the current folder, is refused."""
    if not text.strip():
        raise argparse.ArgumentTypeError("is empty: name a file or folder ('.' is the current one)")
    return text


def check_output(path: str) -> str:
    """Returns the path of a file to write, as it was given, if it can be one: told before hours are spent on it.

    Raises:
        ConfigError: if it is a folder, or its folder is not there.
    """
    place = pathlib.Path(path)
    try:
        if place.is_dir():
            raise ConfigError(f"{shown(path)} is a folder: name a file")
        if not place.parent.is_dir():
            raise ConfigError(f"{shown(path)} can't be written: there is no folder {shown(str(place.parent))}")
    except OSError as error:
        raise ConfigError(f"{shown(path)} can't be written: {error.strerror}") from None
    return path


def output(text: str) -> str:
    """Returns the path of a file to write; `check_output` as the type of an argument."""
    try:
        return check_output(path(text))
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def seed(text: str) -> int:
    """Returns a seed: a whole number from 0 to 2**31 - 1."""
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) < 2**31):
        raise argparse.ArgumentTypeError(f"{shown(text, most=40)} is no seed: a whole number from 0 to {2**31 - 1}")
    return int(text)

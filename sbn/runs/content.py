"""Reads files that may be damaged in any way: what comes back is whole, or one error names the file and the reason."""

import json
import os
import re
from typing import Any, Final, TypeAlias

from sbn.config.errors import ConfigError
from sbn.runs.seals import unsealed

Path: TypeAlias = Any  # pathlib.Path, on a disk, or etils.epath.Path, which may be in a bucket

_DEPTH: Final = 64  # levels of nesting; files of runs have fewer than ten
_WHOLE: Final = 2**63  # no count, step or seed of a run lies beyond
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")  # half of a character: nothing can print it


class Damaged(ConfigError):
    """A file that can't be read as what it is. The message is one line.

    Attributes:
        path: of the file.
        reason: what is wrong with it.
    """

    def __init__(self, path: object, reason: str) -> None:
        super().__init__(f"{path} is damaged ({reason})")
        self.path, self.reason = path, reason


def is_file(path: Path) -> bool:
    """Returns whether a path is of a file; of pipes `epath` says so, too, and whoever reads them waits for ever."""
    return bool(path.is_file()) if "://" in str(path) else os.path.isfile(path)


def read_bytes(path: Path) -> bytes | None:
    """Returns the content of a file; None if there is no such file.

    Raises:
        Damaged: if something is there that can't be read as a file, a folder for instance.
    """
    try:
        if not is_file(path):  # a folder, a pipe and a device would fail late, or never
            if path.exists() or os.path.islink(path):
                raise Damaged(path, "it is not a file")
            return None
        return path.read_bytes()
    except FileNotFoundError:  # gone since
        return None
    except (OSError, ValueError) as error:
        if isinstance(error, Damaged):
            raise
        raise Damaged(path, f"can't be read: {getattr(error, 'strerror', None) or first_line(error)}") from None


def read_text(path: Path) -> str | None:
    """Returns the text in a file; None where there is no file.

    The byte order mark with which some editors begin a file is none of it.

    Raises:
        Damaged: if it can't be read, or is not UTF-8.
    """
    content = read_bytes(path)
    try:
        return None if content is None else content.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise Damaged(path, f"not UTF-8 at byte {error.start}") from None


def read_json(path: Path) -> Any:
    """Returns the JSON value in a file; None where there is no file.

    An object that holds a checksum of its own (`sbn.runs.seals`), alone or in a list, comes without it.

    Raises:
        Damaged: if it can't be read, is not JSON in UTF-8, does not match its checksum, is nested deeper, or holds a
            number that is larger, than any file of a run.
    """
    content = read_bytes(path)
    if content is None:
        return None
    try:
        value = parse(content)
        if isinstance(value, list):
            return [unsealed(each) if isinstance(each, dict) else each for each in value]
        return unsealed(value) if isinstance(value, dict) else value
    except ValueError as error:
        raise Damaged(path, str(error)) from None


def parse(content: bytes) -> Any:
    """Returns the value of JSON.

    Raises:
        ValueError: one line, with what is wrong.
    """
    if not content.strip():
        raise ValueError("it is empty")
    try:
        value = json.loads(content.decode("utf-8"), object_pairs_hook=_once)
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 at byte {error.start}") from None
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"not JSON: {first_line(error)}") from None
    _check(value)
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; one that has a name twice says two things, of which JSON's readers take the last without a word."""
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} appears twice in an object")
    return made


def _check(value: Any) -> None:
    """Refuses what JSON allows and no file of a run has; without recursion, which depth could exhaust."""
    level = [value]
    for _ in range(_DEPTH):
        below: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                below += each.keys()
                below += each.values()
            elif isinstance(each, list):
                below += each
            elif isinstance(each, int) and not -_WHOLE <= each < _WHOLE:
                raise ValueError("a number beyond 64 bits")
            elif isinstance(each, str) and _SURROGATE.search(each):
                raise ValueError("half a character in a text")
        if not below:
            return
        level = below
    raise ValueError("nested too deeply")


def first_line(error: BaseException) -> str:
    """Returns the first line of an error's message, or its type if it has no message."""
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)

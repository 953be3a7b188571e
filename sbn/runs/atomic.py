"""Files that are there whole or not at all: written beside their place under a name nobody can guess, then renamed."""

import contextlib
import glob
import os
import pathlib
import secrets
import time
from collections.abc import Iterator
from typing import BinaryIO, Final

from sbn.runs.content import Path

_NAMED: Final = 80  # characters of a file's name that its draft has
_LEFT_OVER: Final = 3600.0  # seconds after which nobody is writing a draft any more


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Opens a draft of a file; when the block ends it takes the file's place, and lies on the disk.

    The draft is made exclusively, so that no link planted in its place is written through; a link in the place of the
    file itself is replaced, not followed. If the block fails, the file is as it was, and no draft is left.

    Args:
        path: of the file, on a disk.

    Raises:
        OSError: if it can't be written.
    """
    path = pathlib.Path(path)
    with naming(path):
        yield from _replacing(path)


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Has errors of the system say which file they are about: those of writing do not, and drafts have other names."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and (error.filename is None or str(error.filename).endswith(".draft")):
            error.filename, error.filename2 = str(path), None
        raise


def _replacing(path: pathlib.Path) -> Iterator[BinaryIO]:
    draft = path.with_name(f".{path.name[:_NAMED]}.{secrets.token_hex(8)}.draft")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(draft, flags, 0o666), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
    remove_drafts(path.parent, path.name)  # of an archive they may be gigabytes, where nobody sees them


def replace_bytes(path: Path, content: bytes) -> None:
    """Replaces the content of a file in one go.

    An object of a bucket (`gs://`) is written directly: it appears when it is whole, and needs no draft.

    Raises:
        OSError: if it can't be written.
    """
    if "://" in str(path):
        path.write_bytes(content)
        return
    with replacing(path) as file:
        file.write(content)


def replace_text(path: Path, text: str) -> None:
    """Replaces the content of a file in one go, in UTF-8."""
    replace_bytes(path, text.encode())


def write_output(path: str | os.PathLike[str], content: bytes) -> None:
    """Writes a file that somebody named on a command line: through links, and into pipes and devices as well.

    Raises:
        OSError: if it can't be written.
    """
    place = pathlib.Path(os.path.realpath(path))
    if place.exists() and not (place.is_file() or place.is_dir()):
        place.write_bytes(content)
    else:
        replace_bytes(place, content)


def sync_folder(folder: pathlib.Path) -> None:
    """Has the names in a folder outlast a power loss, where the system knows how."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows opens no folders
        return
    try:
        os.fsync(handle)
    except OSError:  # nor do all network disks do this
        pass
    finally:
        os.close(handle)


def remove_drafts(folder: Path, name: str = "") -> None:
    """Removes drafts that processes left which were killed, and those of older versions; of a bucket there are none.

    Args:
        folder: where they lie.
        name: of the file that they are drafts of; '' for those of all files.
    """
    if "://" in str(folder):
        return
    for draft in pathlib.Path(folder).glob(f".{glob.escape(name[:_NAMED])}*.draft"):
        with contextlib.suppress(OSError):
            if time.time() - draft.lstat().st_mtime > _LEFT_OVER:
                draft.unlink()

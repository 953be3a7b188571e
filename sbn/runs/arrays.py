"""Arrays in .npz files: what evaluators leave in artifacts/EVALUATOR/STEP.npz, and the pictures beside them."""

import contextlib
import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np

from sbn.runs import files
from sbn.runs.atomic import replace_bytes
from sbn.runs.content import Damaged, Path, first_line, parse, read_bytes


def pack(arrays: Mapping[str, np.ndarray], *, config: Mapping[str, Any] | None = None) -> bytes:
    """Returns the content of an .npz file, compressed.

    Args:
        arrays: by name.
        config: of the run that they are of, which becomes the archive's comment: no reader of arrays minds it.
    """
    packed = io.BytesIO()
    np.savez_compressed(packed, **dict(arrays))  # type: ignore[arg-type]
    said = b"" if config is None else json.dumps(config, default=str).encode()
    if 0 < len(said) <= zipfile.ZIP_MAX_COMMENT:
        with zipfile.ZipFile(packed, "a") as parts:
            parts.comment = said
    return packed.getvalue()


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes an .npz file whole.

    Raises:
        OSError: if it can't be written.
    """
    replace_bytes(path, pack(arrays))


def check_owner(path: Path, config: Mapping[str, Any]) -> None:
    """Refuses arrays that say they are of another run. Files of older versions, and damaged ones, say nothing.

    Raises:
        Damaged: if they do; it names the difference.
    """
    _check_owner(path, read_bytes(path) or b"", config)


def _check_owner(path: Path, content: bytes, config: Mapping[str, Any]) -> None:
    said = None
    with contextlib.suppress(Exception), zipfile.ZipFile(io.BytesIO(content)) as parts:
        said = parse(parts.comment) if parts.comment else None
    if other := files.other_run(config, said):
        raise Damaged(path, f"it is of another run: {other}")


def read_arrays(path: Path, *, config: Mapping[str, Any] | None = None) -> dict[str, np.ndarray] | None:
    """Returns the arrays of an .npz file by name; None where there is no file. Nothing in it is run.

    Args:
        path: of the file.
        config: of the run that they should be of; None: whose they are does not matter.

    Raises:
        Damaged: if it can't be read, or is of another run.
    """
    content = read_bytes(path)
    if content is None:
        return None
    if config is not None:
        _check_owner(path, content, config)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            if broken := parts.testzip():
                raise ValueError(f"{broken} does not match its checksum")
            for name in parts.namelist():
                _check_once(parts, name)
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            found = {name: stored[name] for name in stored.files}
        if others := [name for name, value in found.items() if not isinstance(value, np.ndarray)]:
            raise ValueError(f"{others[0]} is none")
        return found
    except Exception as error:  # zipfile, zlib and NumPy's headers have a dozen kinds between them
        raise Damaged(path, f"no arrays: {first_line(error)}") from None


def array(file: "np.lib.npyio.NpzFile", name: str) -> np.ndarray:
    """Returns an array of an .npz file, its checksum compared.

    NumPy compares it only where the array ends with its file in the zip: not where a damaged header makes it shorter.

    Raises:
        Exception: of many kinds, if it is damaged or holds objects.
    """
    assert file.zip is not None  # it is open
    _check_once(file.zip, f"{name}.npy")
    with file.zip.open(f"{name}.npy") as stored:
        found = np.lib.format.read_array(stored, allow_pickle=False)
        if stored.read(1):
            raise ValueError(f"{name} is shorter than its file")
        return found


def _check_once(parts: zipfile.ZipFile, name: str) -> None:
    """Refuses an array that appears twice, as when one is added to a file that has it: the last would count."""
    if parts.namelist().count(name) > 1:
        raise ValueError(f"{name.removesuffix('.npy')} appears twice")


def read_png(path: Path) -> bytes | None:
    """Returns a picture as it lies in its file; None where there is none.

    Raises:
        Damaged: if it can't be read, or is no PNG.
    """
    content = read_bytes(path)
    if content is not None and not content.startswith(b"\x89PNG\r\n\x1a\n"):
        raise Damaged(path, "no PNG")
    return content

"""The parts that a PNG consists of, without decoding it."""

import io
import zlib
from collections.abc import Iterator
from typing import BinaryIO

_PNG = b"\x89PNG\r\n\x1a\n"
_TEXTS = (b"eXIf", b"tEXt", b"zTXt", b"iTXt")  # parts of a PNG that Pillow reads EXIF from, XMP's too


def check_png(data: bytes) -> None:
    """Refuses a PNG in which a part does not agree with its checksum, which Pillow decodes to other pixels.

    Parts that say nothing of the pixels are passed over, as libpng does.

    Args:
        data: the bytes of any file; of others than PNGs nothing is known.

    Raises:
        OSError: one line.
    """
    if not data.startswith(_PNG):
        return
    view = memoryview(data)
    for start, kind, stop in _parts(io.BytesIO(data)):
        known = data[stop : stop + 4]
        critical = not kind[0] & 0x20
        if critical and len(known) == 4 and zlib.crc32(view[start + 4 : stop]) != int.from_bytes(known):
            raise OSError(f"the part at byte {start} does not agree with its checksum")


def speaks_after_its_pixels(file: BinaryIO) -> bool:
    """Returns whether a PNG has parts behind its pixels that may hold EXIF, for which Pillow would decode it.

    Args:
        file: of the PNG; it is read on from where it was.
    """
    here = file.tell()
    kinds = [kind for _, kind, _ in _parts(file)]
    file.seek(here)
    return b"IDAT" in kinds and any(kind in _TEXTS for kind in kinds[kinds.index(b"IDAT") :])


def _parts(file: BinaryIO) -> Iterator[tuple[int, bytes, int]]:
    """Yields where every part of a PNG starts, its kind, and where its checksum begins; what lies behind is no part."""
    start = len(_PNG)
    file.seek(start)
    while len(head := file.read(8)) == 8:
        stop = start + 8 + int.from_bytes(head[:4])
        yield start, head[4:], stop
        if head[4:] == b"IEND":
            return
        start = stop + 4
        file.seek(start)

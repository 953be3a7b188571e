"""Greys of every depth: read rightly, whichever end is black, or refused by the index as by whatever decodes them."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from sbn.config.errors import ConfigError
from sbn.data.decode import decode, look
from sbn.data.image_files import image_files

GREYS = np.array([[0, 50, 100, 150, 200, 255], [1, 2, 3, 127, 128, 254]], np.uint8)
UNSIGNED, SIGNED, FLOATING = 1, 2, 3
WHITE_IS_ZERO, BLACK_IS_ZERO = 0, 1


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def tiff(numbers, *, form=UNSIGNED, zero=BLACK_IS_ZERO, bits=None):
    """A TIFF of (H, W) numbers, as they lie in memory, by its specification."""
    numbers = np.asarray(numbers)
    pixels, (height, width) = numbers.tobytes(), GREYS.shape
    fields = {256: width, 257: height, 258: bits or 8 * numbers.itemsize, 259: 1, 262: zero, 273: 8, 277: 1}
    fields |= {278: height, 279: len(pixels), 339: form}
    table = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in fields.items() if value is not None)
    count = sum(value is not None for value in fields.values())
    return struct.pack("<2sHI", b"II", 42, 8 + len(pixels)) + pixels + struct.pack("<H", count) + table + bytes(4)


def pnm(kind, top, numbers):
    return b"%s %d %d %s\n" % (kind, *GREYS.shape[::-1], top) + numbers.tobytes()


DEEP = GREYS.astype(np.uint16) * 257
READ = {
    "8 bits": tiff(GREYS),
    "8 bits from white": tiff(255 - GREYS, zero=WHITE_IS_ZERO),
    "16 bits": tiff(DEEP),
    "16 bits, the lower 8 others": tiff(DEEP & 0xFF00 | 0x5A),
    "16 bits from white": tiff(65535 - DEEP, zero=WHITE_IS_ZERO),
    "16 bits from white, unsaid": tiff(65535 - DEEP, zero=None),
    "16 bits, PGM": pnm(b"P5", b"65535", DEEP.astype(">u2")),
    "16 bits scaled, PGM": pnm(b"P5", b"510", (GREYS.astype(np.uint16) * 2).astype(">u2")),
}
REFUSED = {
    "numbers of 12 bits": tiff(np.zeros((2, 9), np.uint8), bits=12),
    "numbers of 8 bits with a sign": tiff(GREYS.astype(np.int8), form=SIGNED),
    "numbers of 16 bits with a sign": tiff(GREYS.astype(np.int16) - 100, form=SIGNED),
    "numbers of 32 bits with a sign": tiff(GREYS.astype(np.int32), form=SIGNED),
    "numbers of 32 bits": tiff(GREYS.astype(np.uint32)),
    "floating-point numbers of 32 bits": tiff((GREYS / 255).astype(np.float32), form=FLOATING),
    "floating-point numbers": pnm(b"Pf", b"-1.0", (GREYS / 255).astype(np.float32)),
}


@pytest.mark.parametrize("kind", READ)
def test_greys_of_8_and_16_bits_are_what_they_mean(kind):
    assert look(io.BytesIO(READ[kind]))[:2] == GREYS.shape
    for upright in (False, True):
        np.testing.assert_array_equal(decode(READ[kind], upright=upright), np.dstack([GREYS] * 3))


@pytest.mark.parametrize("kind", REFUSED)
def test_what_has_a_sign_a_fraction_or_more_bits_is_refused_with_what_it_holds(kind, tmp_path):
    message = f"^it holds {kind}, and only colours of up to 8 and of 16 bits without a sign are read$"
    for read in (decode, lambda data: look(io.BytesIO(data))):
        with pytest.raises(OSError, match=message):
            read(REFUSED[kind])
    file = tmp_path / "a.tiff"
    file.write_bytes(REFUSED[kind])
    with pytest.raises(ConfigError, match=rf"mine: {file} can't be read: it holds {kind}, and only"):
        image_files([file], name="mine")


def test_fits_counts_with_a_sign():
    cards = ("SIMPLE  = T", "BITPIX  = 16", "NAXIS   = 2", "NAXIS1  = 6", "NAXIS2  = 2", "END")
    data = "".join(card.ljust(80) for card in cards).ljust(2880).encode() + GREYS.astype(">i2").tobytes()
    assert Image.open(io.BytesIO(data)).mode == "I;16"
    with pytest.raises(OSError, match="it holds numbers of 16 bits with a sign"):
        look(io.BytesIO(data))


def test_label_images_hold_numbers_of_any_depth(tmp_path):
    Image.fromarray(np.zeros((*GREYS.shape, 3), np.uint8)).save(tmp_path / "a.png")
    numbers = GREYS % 3
    for name, content in {
        "a": tiff(numbers.astype(np.int32), form=SIGNED),
        "b": tiff(numbers.astype(np.uint16)),
    }.items():
        (tmp_path / f"{name}.tiff").write_bytes(content)
        found = image_files([tmp_path / "a.png"], name="mine", masks=[tmp_path / f"{name}.tiff"], classes=list("xyz"))
        np.testing.assert_array_equal(found.beside.masks["mask"].labels(0), numbers)

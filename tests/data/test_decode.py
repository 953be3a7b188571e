"""A PNG in which any bit is turned is told, or has the pixels that it had; what is plain has TensorFlow's pixels."""

import io

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from sbn.data.decode import decode, look
from sbn.data.png import check_png

PIXELS = np.random.default_rng(0).integers(0, 3, (5, 6), np.uint8)
MODES = {
    "grey": Image.fromarray(PIXELS * 100),
    "colours": Image.fromarray(np.stack([PIXELS, PIXELS * 9, 255 - PIXELS], -1)),
    "a palette": Image.fromarray(PIXELS * 80).convert("P"),
    "16 bits": Image.fromarray(PIXELS.astype(np.uint16) * 20000),
}


def png(image, **options):
    out = io.BytesIO()
    image.save(out, "PNG", **options)
    return out.getvalue()


@pytest.mark.parametrize("mode", MODES)
def test_a_turned_bit_anywhere_is_told_or_changes_no_pixel(mode):
    data = png(MODES[mode])
    whole, told = decode(data), 0
    for bit in range(8 * len(data)):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        try:
            found = decode(bytes(changed))
        except OSError as error:
            told += "\n" not in str(error)
        else:
            np.testing.assert_array_equal(found, whole)
    assert told > 4 * len(data)


def test_a_remark_that_is_damaged_is_nothing_to_refuse_an_image_for():
    about = PngImagePlugin.PngInfo()
    about.add_text("Comment", "made by hand")
    data = png(MODES["colours"], pnginfo=about)
    assert b"by hand" in data
    check_png(data.replace(b"by hand", b"by hAnd"))


@pytest.mark.parametrize(
    "data", [b"", b"\x89PNG\r\n\x1a\n", b"\x89PNG\r\n\x1a\n\xff\xff\xff\xffIDAT", b"\xff\xd8\xff" * 9]
)
def test_what_is_no_png_or_ends_early_is_left_to_whoever_decodes_it(data):
    check_png(data)
    with pytest.raises(OSError, match=r"it is|[Tt]runcated|broken") as raised:
        decode(data)
    assert "\n" not in str(raised.value)


BEHIND = {
    "zeros": bytes(40),
    "text": b"appended to this file\n",
    "another PNG": png(MODES["grey"]),
    "a part that is damaged": b"\0\0\0\1IDATx\0\0\0\0",
    "EXIF and pixels": png(MODES["colours"], exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\3\0\0\0\1\0\6\0\0")[33:],
}


@pytest.mark.parametrize("behind", BEHIND)
def test_what_lies_behind_the_end_of_a_png_is_no_part_of_it(behind):
    tf = pytest.importorskip("tensorflow")
    whole = png(MODES["colours"])
    data = whole + BEHIND[behind]
    for upright in (False, True):
        assert look(io.BytesIO(data), upright=upright) == (5, 6, True, 1)
        np.testing.assert_array_equal(decode(data, upright=upright), np.asarray(MODES["colours"]))
    np.testing.assert_array_equal(tf.io.decode_png(data, channels=3), np.asarray(MODES["colours"]))
    broken = bytearray(data)
    broken[whole.index(b"IEND") + 5] ^= 1  # the checksum of the end itself
    with pytest.raises(OSError, match="does not agree with its checksum"):
        decode(bytes(broken))


def test_padding_behind_a_png_takes_no_time():
    class Counted(io.BytesIO):
        reads = 0

        def read(self, *count):
            self.reads += 1
            return super().read(*count)

    files = [Counted(png(MODES["colours"]) + bytes(padding)) for padding in (0, 10**6)]
    for file in files:
        look(file)
    assert files[0].reads == files[1].reads


def without(data, marker):
    """A JPEG without its segments of a kind."""
    start, kept = 2, data[:2]
    while data[start + 1] != 0xDA:
        stop = start + 2 + int.from_bytes(data[start + 2 : start + 4])
        kept += b"" if data[start + 1] == marker else data[start:stop]
        start = stop
    return kept + data[start:]


def jpeg(mode):
    out = io.BytesIO()
    colours = np.random.default_rng(1).integers(0, 256, (3, 4, 3), np.uint8)
    Image.fromarray(colours).resize((33, 25)).convert(mode).save(out, "JPEG", quality=95)
    return out.getvalue()


JPEGS = {
    "colours": (jpeg("RGB"), True),
    "grey": (jpeg("L"), True),
    "ink as Adobe has it": (jpeg("CMYK"), True),
    "ink without a word": (without(jpeg("CMYK"), 0xEE), False),
    "ink with half a word": (
        jpeg("CMYK").replace(b"\xff\xee\0\x0eAdobe\0d\0\0\0\0\0", b"\xff\xee\0\x09Adobe\0d"),
        False,
    ),
}


@pytest.mark.parametrize("kind", JPEGS)
def test_a_plain_jpeg_has_the_pixels_that_tensorflow_decodes(kind):
    tf = pytest.importorskip("tensorflow")
    data, plain = JPEGS[kind]
    theirs = tf.io.decode_jpeg(data, channels=3, dct_method="INTEGER_ACCURATE").numpy().astype(int)
    apart = np.abs(theirs - decode(data)).max()
    assert look(io.BytesIO(data)).plain == plain
    assert apart <= 2 if plain else apart > 100

"""A PNG in which any bit is turned is told, or has the pixels that it had."""

import io

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from sbn.data.decode import check_png, decode

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

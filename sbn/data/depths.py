"""How many bits the colours of an image file have, and whether zero is black: Pillow gives some as numbers alone."""

from PIL import Image
from PIL.TiffImagePlugin import BITSPERSAMPLE, PHOTOMETRIC_INTERPRETATION, SAMPLEFORMAT, TiffImageFile

_SIGNED, _FLOATING = 2, 3  # sample formats of a TIFF; 1 has no sign
_SCALED = ("PNG", "PPM")  # formats that hold no 32 bits: Pillow gives their 16 so


def check_depth(image: Image.Image) -> None:
    """Refuses an image whose black and white are not known: what has more than 16 bits, a sign or a fraction.

    Args:
        image: as Pillow opened it.

    Raises:
        OSError: one line, which says what the file holds.
    """
    held = _of_tiff(image) if isinstance(image, TiffImageFile) else _of_mode(image)
    if held is not None:
        raise OSError(f"it holds {held}, and only colours of up to 8 and of 16 bits without a sign are read")


def _of_tiff(image: TiffImageFile) -> str | None:
    bits, form = (image.tag_v2.get(tag, (1,))[0] for tag in (BITSPERSAMPLE, SAMPLEFORMAT))
    if form == _FLOATING:
        return f"floating-point numbers of {bits} bits"
    if form == _SIGNED:
        return f"numbers of {bits} bits with a sign"
    return f"numbers of {bits} bits" if bits > 8 and bits != 16 else None


def _of_mode(image: Image.Image) -> str | None:
    if image.mode == "F":
        return "floating-point numbers"
    if image.mode == "I" and image.format not in _SCALED:
        return "numbers of 32 bits"
    return "numbers of 16 bits with a sign" if image.mode == "I;16" and image.format == "FITS" else None


def zero_is_white(image: Image.Image) -> bool:
    """Returns whether an image is grey of 16 bits of which 0 is white: Pillow turns others around itself, these not."""
    tiff = isinstance(image, TiffImageFile) and image.mode.startswith("I;16")
    # without the tag 0 is white, as Pillow has it of 8 bits
    return tiff and image.tag_v2.get(PHOTOMETRIC_INTERPRETATION, 0) == 0

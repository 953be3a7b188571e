"""Encoded images to arrays, with Pillow."""

import concurrent.futures
import io
import os
import warnings
from collections.abc import Sequence
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from PIL import Image, ImageOps
from PIL.TiffImagePlugin import TiffImageFile

from sbn.config.errors import ConfigError
from sbn.data.depths import check_depth, zero_is_white
from sbn.data.png import check_png, speaks_after_its_pixels
from sbn.runs.progress import shown

# Pillow refuses images of 179 million pixels; of those with half as many, and of what is odd about EXIF, it would print
# lines among what commands say
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")

_ORIENTATION = 0x0112  # EXIF's tag: 1 is upright, 2 to 8 are turned or mirrored


class Look(NamedTuple):
    """What the header of an image file says: its size, whether TensorFlow reads it as Pillow does, its orientation.

    Attributes:
        height: in pixels.
        width: in pixels.
        plain: whether TensorFlow decodes it to the pixels that Pillow does.
        orientation: as EXIF numbers them: 1 upright, 2 to 8 turned or mirrored.
    """

    height: int
    width: int
    plain: bool
    orientation: int


def open_image(data: bytes, *, upright: bool = False) -> Image.Image:
    """Returns an image file of any colours, whatever its name says, as RGB.

    Grey becomes RGB, of 16 bits the upper 8 stay (as libpng and TensorFlow do it), transparency and colour profiles are
    left out. A TIFF is always turned as its EXIF orientation says: Pillow does it.

    Args:
        data: the bytes of a JPEG, PNG or another format that Pillow reads.
        upright: whether it is turned as its EXIF orientation says.

    Raises:
        OSError: if it is not an image, or it is damaged, or `check_depth` refuses it.
    """
    try:
        check_png(data)
        image = _opened(io.BytesIO(data))
        check_depth(image)
        from_white = zero_is_white(image)
        if upright:
            image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I"):
            upper = (np.asarray(image) >> 8).astype(np.uint8)
            image = Image.fromarray(~upper if from_white else upper)
        image.load()
        image.info.pop("transparency", None)
        return image.convert("RGB")
    except OSError:
        raise
    except Exception as error:  # Pillow has many words for a damaged file
        raise OSError(str(error) or type(error).__name__) from None


def look(file: BinaryIO, *, upright: bool = False, colours: bool = True) -> Look:
    """Returns what the header of an image file says.

    Args:
        file: open at its beginning.
        upright: whether it is to be turned as its EXIF orientation says.
        colours: whether `open_image` is to read it; a label image may hold numbers of any kind.

    Raises:
        OSError: if it is no image, or one that `open_image` refuses whatever its pixels.
    """
    try:
        with _opened(file) as image:
            if colours:
                check_depth(image)
            whole = upright or (image.format == "PNG" and speaks_after_its_pixels(file))
            orientation = _orientation(image, whole=whole, strict=upright)
            turned = upright
            if isinstance(image, TiffImageFile):  # Pillow turns it, and says so of its size where a tag of its own does
                turned = _ORIENTATION not in image.tag_v2
            sideways = turned and orientation >= 5
            height, width = (image.width, image.height) if sideways else (image.height, image.width)
            return Look(height, width, _is_plain(image) and not (upright and orientation != 1), orientation)
    except OSError:
        raise
    except Exception as error:
        raise OSError(str(error) or type(error).__name__) from None


def _orientation(image: Image.Image, *, whole: bool, strict: bool) -> int:
    """The EXIF orientation, 1 to 8; of a PNG that is not to be read as a `whole`, what stands before its pixels.

    A damaged one is an error where it is `strict`, and 1 elsewhere.
    """
    try:
        found = image.getexif() if whole else Image.Image.getexif(image)
        # numbers of any type, as Pillow takes them when it turns the image: 6.0 is 6
        return _ORIENTATIONS.get(found.get(_ORIENTATION, 1), 1)
    except Exception:  # damaged
        if strict:
            raise
        return 1


_ORIENTATIONS: dict[Any, int] = {number: number for number in range(1, 9)}

# What TensorFlow decodes to the same pixels; CMYK within rounding
_PLAIN = {("JPEG", "RGB"), ("JPEG", "L"), ("JPEG", "CMYK"), ("PNG", "RGB"), ("PNG", "L"), ("PNG", "RGBA")}


def _is_plain(image: Image.Image) -> bool:
    # 0 is full ink in Adobe's CMYK alone; Pillow takes all for such
    inverted = image.mode == "CMYK" and "adobe_transform" not in image.info
    return (image.format, image.mode) in _PLAIN and "transparency" not in image.info and not inverted


def _opened(file: BinaryIO) -> Image.Image:
    if not file.read(1):
        raise OSError("it is empty")
    file.seek(0)
    try:
        return Image.open(file)
    except Image.UnidentifiedImageError:
        raise OSError("it is not an image, or it is damaged") from None


def as_png(data: bytes, *, upright: bool = False) -> bytes:
    """Returns an image file as a PNG of the same pixels (as `open_image` has them), not compressed."""
    out = io.BytesIO()
    open_image(data, upright=upright).save(out, "PNG", compress_level=0)
    return out.getvalue()


def decode(data: bytes, *, upright: bool = False) -> np.ndarray:
    """Returns what `open_image` does as (H, W, 3) uint8."""
    return np.asarray(open_image(data, upright=upright))


def decode_all(images: Sequence[bytes], names: Sequence[str], *, upright: bool = False) -> np.ndarray:
    """Returns images of one size as (M, H, W, 3) uint8.

    Raises:
        ConfigError: if they differ in size, or one can't be read; it says which, by its name.
    """
    if not images:
        return np.zeros((0, 1, 1, 3), np.uint8)
    found: np.ndarray | None = None

    def read(number: int) -> np.ndarray:
        try:
            return decode(images[number], upright=upright)
        except OSError as error:
            raise ConfigError(f"{names[number]} can't be read: {error}") from None

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:  # Pillow decodes without Python's lock
        decoded = shown(pool.map(read, range(len(images))), "decoding images", total=len(images))
        for number, image in enumerate(decoded):
            if found is None:
                found = np.zeros((len(images), *image.shape), np.uint8)
            if image.shape != found.shape[1:]:
                raise ConfigError(f"{names[number]} is of {image.shape[:2]} pixels, {names[0]} of {found.shape[1:3]}")
            found[number] = image
    assert found is not None
    return found

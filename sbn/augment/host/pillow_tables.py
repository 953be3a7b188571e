"""A policy's entries on large images, one image at a time, by Pillow and NumPy: what `PolicyTables` makes, bit for bit.

TensorFlow's ops take several passes over int32 planes for what Pillow does in one over bytes. That pays where an image
is large beside the price of calling Pillow from Python, some 10 microseconds. Packed words are Pillow's own RGBX, so
images are neither converted nor copied on their way in, and marks ride along: geometry moves them, tables have a
fourth column. Pillow and NumPy release the interpreter's lock while they compute; tf.data calls from several threads.
"""

import functools
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image

from sbn.augment.host.arrays import below
from sbn.augment.host.large import empty_like
from sbn.augment.levels import LEVELS, argument
from sbn.augment.packing import MARK, fill_word
from sbn.augment.policies import OPAQUE, SIGNED
from sbn.augment.policy_draws import Entry, Tables
from sbn.augment.tone_tables import VALUES, tone_rows

# Of results of Pillow 13, which are those of `PolicyTables`
_KNOWN = 0xA4DAD925
_COLOURS = 0xFFFFFF
_BLOCK = 1 << 13  # pixels
_IDENTITY = VALUES.tolist()
_MATRICES: dict[str, Callable[[float], tuple[float, ...]]] = {
    "ShearX": lambda v: (1, v, 0, 0, 1, 0),
    "ShearY": lambda v: (1, 0, 0, v, 1, 0),
    "TranslateX": lambda v: (1, 0, v, 0, 1, 0),
    "TranslateY": lambda v: (1, 0, 0, 0, 1, v),
}
# Images (H, W) int32 in and out, and (is the sign negative, row and column of Cutout's centre)
_Place = tuple[int, int, int]
_Act = Callable[[np.ndarray, np.ndarray, _Place], None]


class PillowTables(Tables):
    """The entries of a policy for one image size, with Pillow's semantics; arguments as `PolicyTables` takes them."""

    def __init__(
        self, entries: Sequence[Entry], *, image_size: tuple[int, int], fill: int | str, semantics: str = "pillow"
    ) -> None:
        if semantics != "pillow":
            raise ValueError(f"semantics is {semantics!r}; Pillow has its own alone")
        self.image_size = image_size
        self.fill = fill_word(fill)
        self.opaque = isinstance(fill, str)
        self.acts = [self._act(entry) for entry in entries]

    def __call__(self, words: tf.Tensor, drawn: tf.Tensor, bits: tf.Tensor) -> tf.Tensor:
        """Applies one entry to each image: arguments and result as those of `PolicyTables`."""
        return self.layers(words, [(drawn, bits)])

    def layers(self, words: tf.Tensor, layers: Sequence[tuple[tf.Tensor, tf.Tensor]]) -> tf.Tensor:
        """Applies an entry of every layer to each image, in one call of Python."""
        drawn = tf.stack([drawn for drawn, _ in layers])
        places = tf.stack([self._places(bits) for _, bits in layers])
        return tf.ensure_shape(tf.numpy_function(self.run, [words, drawn, places], tf.int32), words.shape)

    def _places(self, bits: tf.Tensor) -> tf.Tensor:
        negative = below(bits[:, 0], 2)
        rows_columns = zip(tf.unstack(bits[:, 1:], axis=1), self.image_size, strict=False)
        centre = [below(draw, size) for draw, size in rows_columns] or [negative, negative]
        return tf.stack([negative, *centre], axis=1)

    def run(self, words: np.ndarray, drawn: np.ndarray, places: np.ndarray) -> np.ndarray:
        """The same in NumPy: words (N, P) int32, entries (layers, N), and `_Place` of each, (layers, N, 3)."""
        made = empty_like(words)
        images, results = (array.reshape(-1, *self.image_size) for array in (words, made))
        spare = np.empty((2, *self.image_size), np.int32)
        numbers, where = drawn.tolist(), places.tolist()
        last = len(numbers) - 1
        for i, (image, result) in enumerate(zip(images, results, strict=True)):
            now = image
            for layer, (number, place) in enumerate(zip(numbers, where, strict=True)):
                out = result if layer == last else spare[layer % 2]
                self.acts[number[i]](now, out, place[i])
                now = out
        return made

    def _act(self, entry: Entry) -> _Act:
        name, value = entry.name, entry.argument or 0
        if name == "Identity":
            return lambda image, out, place: np.copyto(out, image)
        if name == "Cutout":
            return functools.partial(self._cutout, int(value) // 2)
        if name in SIGNED:
            return functools.partial(self._move, name, value)
        if name in _BLENDED:
            return functools.partial(_BLENDED[name], np.float32(value))
        if name in ("Invert", "Posterize") and not self.opaque:
            dropped = 0 if name == "Invert" else (1 << (8 - int(value))) - 1
            return functools.partial(_masked, ~(dropped * 0x010101), _COLOURS if name == "Invert" else 0)
        marks = [255 if self.opaque and name in OPAQUE else 0, *_IDENTITY[1:]]
        if name in _OF_IMAGE:
            of_image, row = _OF_IMAGE[name], tone_rows([entry])[0]
            return lambda image, out, place: _look_up(of_image(_view(image), row) + marks, image, out)
        table = 3 * tone_rows([entry])[0, 255:].astype(int).tolist() + marks
        return lambda image, out, place: _look_up(table, image, out)

    def _cutout(self, half: int, image: np.ndarray, out: np.ndarray, place: _Place) -> None:
        _, row, column = place
        np.copyto(out, image)
        out[max(0, row - half) : row + half, max(0, column - half) : column + half] = self.fill

    def _move(self, name: str, value: float, image: np.ndarray, out: np.ndarray, place: _Place) -> None:
        signed = -value if place[0] else value
        colour = tuple(np.array(self.fill, "<i4").tobytes())
        read, nearest = _view(image), Image.Resampling.NEAREST
        if name == "Rotate":
            moved = read.rotate(signed, nearest, fillcolor=colour)
        else:
            matrix = _MATRICES[name](signed)
            moved = read.transform(read.size, Image.Transform.AFFINE, matrix, nearest, fillcolor=colour)
        _write(moved, out)


def _view(image: np.ndarray) -> Image.Image:
    """An image that reads, and in `_write` fills, the memory of (H, W) words."""
    return Image.frombuffer("RGBX", image.shape[::-1], image, "raw", "RGBX", 0, 1)


def _write(made: Image.Image, out: np.ndarray) -> None:
    # Pillow's own arrays of an image cost ten times as much: an encoder, in pieces
    _view(out).im.paste(made.im, (0, 0, *made.size))


def _masked(keep: int, invert: int, image: np.ndarray, out: np.ndarray, place: _Place) -> None:
    np.bitwise_and(image, np.int32(keep), out=out)
    out ^= np.int32(invert)


def _look_up(table: list[int], image: np.ndarray, out: np.ndarray) -> None:
    """Maps bytes by a table of 4 x 256; `Image.point` would round all of it first."""
    source = _view(image)
    _view(out).im.paste(source.im.point(table, None), (0, 0, *source.size))


def _counts(image: Image.Image) -> np.ndarray:
    """The histograms (3, 256) int64 of the colours."""
    return np.array(image.histogram()[:768]).reshape(3, 256)


def _equalized(image: Image.Image, row: np.ndarray) -> list[int]:
    """The table of `ImageOps.equalize`, 3 x 256, which that function does not give away."""
    del row
    counts = _counts(image)
    before = np.cumsum(counts, axis=1) - counts
    step = np.max(before * (counts > 0), axis=1, keepdims=True) // 255
    table = np.minimum((step // 2 + before) // np.maximum(step, 1), 255)
    return np.where(step > 0, table, VALUES).ravel().tolist()


def _autocontrasted(image: Image.Image, row: np.ndarray) -> list[int]:
    """The table of `ImageOps.autocontrast`, 3 x 256, in its float64 arithmetic."""
    del row
    occurs = _counts(image) > 0
    low, high = np.argmax(occurs, axis=1)[:, None], 255 - np.argmax(occurs[:, ::-1], axis=1)[:, None]
    scale = 255.0 / np.maximum(high - low, 1)
    table = np.clip(VALUES * scale + -low * scale, 0, 255).astype(int)
    return np.where(high > low, table, VALUES).ravel().tolist()


def _brightened(image: Image.Image, row: np.ndarray) -> list[int]:
    return 3 * np.clip(row[255:], 0, 255).astype(int).tolist()


def _contrasted(image: Image.Image, row: np.ndarray) -> list[int]:
    grey = image.convert("L")
    counts, area = np.array(grey.histogram()), grey.width * grey.height
    mean = int((2 * (counts * VALUES).sum() + area) // (2 * area))
    new = mean + row[255 - mean : 511 - mean]  # float32, as Pillow's blend
    return 3 * np.clip(new, 0, 255).astype(int).tolist()


def _blend(base: np.ndarray, factor: np.float32, image: np.ndarray, out: np.ndarray) -> None:
    """Pillow's `Image.blend` from `base` words, with a rounding after every step and none left to a compiler."""
    start, values = base.view(np.uint8), np.ascontiguousarray(image).view(np.uint8)
    mixed = np.subtract(values, start, dtype=np.float32)
    mixed *= factor
    mixed += start
    np.clip(mixed, 0, 255, out=mixed)
    np.copyto(out.view(np.uint8), mixed, casting="unsafe")


def _blocks(image: np.ndarray) -> Iterator[slice]:
    """Blocks of rows, so small that what is made of them stays in caches and takes no new pages."""
    height, width = image.shape
    rows = max(_BLOCK // width, 1)
    return (slice(start, min(start + rows, height)) for start in range(0, height, rows))


def _coloured(factor: np.float32, image: np.ndarray, out: np.ndarray, place: _Place) -> None:
    greys = np.asarray(_view(image).convert("L"))
    for block in _blocks(image):
        grey = greys[block].astype(np.int32)
        grey *= 0x010101
        grey |= image[block] & MARK
        _blend(grey, factor, image[block], out[block])


def _sharpened(factor: np.float32, image: np.ndarray, out: np.ndarray, place: _Place) -> None:
    height = len(image)
    for block in _blocks(image):
        smooth = image[block].copy()
        first, end = max(block.start, 1), min(block.stop, height - 1)  # rows off the border
        if first < end and image.shape[1] > 2:
            inner = smooth[first - block.start : end - block.start, 1:-1]
            inner[:] = _smooth(image[first - 1 : end + 1]) & _COLOURS | inner & MARK
        _blend(smooth, factor, image[block], out[block])


def _smooth(image: np.ndarray) -> np.ndarray:
    """`ImageFilter.SMOOTH`, [1 1 1; 1 5 1; 1 1 1] / 13, rounded: (H, W) words to the (H - 2, W - 2) off the border."""
    values = np.ascontiguousarray(image).view(np.uint8).astype(np.uint16)
    rows = values[:-2] + values[1:-1]
    rows += values[2:]
    total = rows[:, :-8] + rows[:, 4:-4]
    total += rows[:, 8:]
    total += 4 * values[1:-1, 4:-4]
    # floor(t / 13 + 1/2) = (2 t + 13) // 26
    total *= 2
    total += 13
    total //= 26
    return total.astype(np.uint8).view("<i4")


_OF_IMAGE: dict[str, Callable[[Image.Image, np.ndarray], list[int]]] = {
    "Equalize": _equalized,
    "AutoContrast": _autocontrasted,
    "Brightness": _brightened,
    "Contrast": _contrasted,
}
_BLENDED: dict[str, Any] = {"Color": _coloured, "Sharpness": _sharpened}


@functools.cache
def agrees() -> bool:
    """Returns whether the installed Pillow, on this machine, makes of a small image what it is known to make."""
    return checksum(PillowTables) == _KNOWN


def checksum(make: Callable[..., Any]) -> int:
    """Returns the CRC-32 of what every op makes of one image at three levels, by tables with the method `run`."""
    entries = [Entry(name, argument(name, level)) for name in LEVELS for level in (0, 3, 9)]
    height, width = 21, 26
    values = np.arange(height * width * 4, dtype=np.uint32)
    mixed = (values * np.uint32(2654435761) >> 24).astype(np.uint8) | (values >> 4).astype(np.uint8)
    words = np.tile(mixed.view("<i4"), (2 * len(entries), 1))
    places = np.array([[(negative, 5, 17) for _ in entries for negative in (0, 1)]], np.int32)
    tables = make(entries, image_size=(height, width), fill=77)
    return zlib.crc32(tables.run(words, np.repeat(np.arange(len(entries), dtype=np.int32), 2)[None], places).tobytes())

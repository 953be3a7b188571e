"""Constants of the tone ops, made in NumPy by Pillow's own arithmetic, so that no compiler can round them otherwise.

An op is a row of 511 float32 numbers T: a value v becomes base + T[v - base + 255]. An op on values alone has base 0
and its new values in T[255:]; the enhance ops fade to a base and have T[d + 255] = factor * d, the product of Pillow's
`Image.blend`. A step that looks products up has one float operation left, the sum, which there is one way to round.
"""

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from sbn.augment.policy_draws import Entry

VALUES = np.arange(256)
IDENTITY = np.concatenate([np.zeros(255), VALUES]).astype(np.float32)
ENHANCE = ("Color", "Contrast", "Brightness", "Sharpness")


def tone_rows(entries: Sequence[Entry]) -> np.ndarray:
    """Returns the rows T of ops at their arguments: (len(entries), 511) float32, identity for ops not on tones."""
    return np.stack([_row(entry.name, entry.argument or 0) for entry in entries])


def _row(name: str, value: float) -> np.ndarray:
    if name in ENHANCE:
        return np.float32(value) * np.arange(-255, 256, dtype=np.float32)
    row = IDENTITY.copy()
    if name == "Invert":
        row[255:] = 255 - VALUES
    elif name == "Posterize":
        row[255:] = VALUES & (255 << (8 - int(value)))
    elif name == "Solarize":
        row[255:] = np.where(value > VALUES, VALUES, 255 - VALUES)
    elif name == "SolarizeAdd":
        row[255:] = np.where(VALUES < 128, np.minimum(VALUES + int(value), 255), VALUES)
    return row


class ToneNumbers(NamedTuple):
    """What tone ops do to a value, as numbers for integer arithmetic: (N,) arrays each, in the order in which they act.

    Attributes:
        keep: int32, the bits of a value that Posterize leaves.
        invert: int32, those that Invert turns over.
        threshold: int32, from which on Solarize turns a value over; 256: never.
        addition: int32, what SolarizeAdd adds below 128.
        mantissa: uint32, of an enhance op's float32 factor: 24 bits.
        exponent: int32: the factor is mantissa * 2**(exponent - 23).
    """

    keep: Any
    invert: Any
    threshold: Any
    addition: Any
    mantissa: Any
    exponent: Any


def tone_numbers(entries: Sequence[Entry]) -> ToneNumbers:
    """Returns the numbers of ops at their arguments, (len(entries),) each; ops not on tones change nothing."""
    columns = [np.array(column) for column in zip(*map(_numbers, entries), strict=True)]
    return ToneNumbers(*(part.astype(kind) for part, kind in zip(columns, "iiiiIi", strict=True)))


def _numbers(entry: Entry) -> ToneNumbers:
    name, value = entry.name, entry.argument or 0
    bits = int(np.float32(value if name in ENHANCE else 0).view(np.uint32))
    if bits >> 31 or 0 < bits < 1 << 23:
        raise ValueError(f"{name} has factor {value}; it must be 0 or a normal float32 above")
    return ToneNumbers(
        keep=255 & 255 << (8 - int(value)) if name == "Posterize" else 255,
        invert=255 if name == "Invert" else 0,
        threshold=int(np.ceil(value)) if name == "Solarize" else 256,
        addition=int(value) if name == "SolarizeAdd" else 0,
        mantissa=bits & 0x7FFFFF | 1 << 23 if bits else 0,
        exponent=(bits >> 23) - 127 if bits else 0,
    )


@functools.cache
def autocontrast_slips(dtype: str) -> np.ndarray:
    """Where autocontrast in floating point, truncated, falls one below floor(255 * (v - low) / (high - low)).

    That happens only where the quotient is whole: in Pillow's float64 at 12,094 of the (low, high, v), too many to list
    and too few to store a whole table of results a pair.

    Args:
        dtype: 'float64' as Pillow computes, or 'float32' as TensorFlow's code does.

    Returns:
        (32640, 8) uint32: a row for each low < high, at high * (high - 1) / 2 + low; v is bit v % 32 of word v // 32.
    """
    high, low = np.tril_indices(256, -1)
    scale = np.asarray(255, dtype) / (high - low).astype(dtype)
    stretched = VALUES.astype(dtype) * scale[:, None] + (-low.astype(dtype) * scale)[:, None]
    exact = 255 * (VALUES - low[:, None]) // (high - low)[:, None]
    slips = np.clip(stretched, 0, 255).astype(int) != np.clip(exact, 0, 255)
    return np.packbits(slips, axis=1, bitorder="little").view("<u4")

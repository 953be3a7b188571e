"""AugMix's mixing weights from draws, in whole numbers: the same lines and the same bits on every array library."""

import functools
import math
from typing import Any

import numpy as np

from sbn.augment.draws import NUMPY, ArrayLibrary

ONE = 1 << 16  # weights are counts of 2**-16, so that a mixture of bytes is exact in 32 bits

_UNIT_BITS = 24  # a draw's own
_STEP_BITS = 11  # of a unit's 24 bits, those between two entries of the table of logarithms
_RATIO_BITS, _DIGIT_BITS = 24, 4  # a ratio has 24 bits, found 4 at a time


def draws_of_weights(width: int, alpha: int) -> int:
    """Returns how many draws an image's weights need."""
    return alpha * (width + 2)


def weights(bits: Any, *, width: int, alpha: int, library: ArrayLibrary = NUMPY) -> tuple[Any, ...]:
    """Returns the weights m * w_i of the chains, w ~ Dirichlet(alpha, ...), m ~ Beta(alpha, alpha).

    Gamma variables of whole-number shape are sums of exponential ones. The original's weight is what is missing to
    `ONE`, 1 - m up to the rounding of the others; it may be down to -width / 2 where m is 1.

    Args:
        bits: (N, alpha * (width + 2)) uint32: alpha draws a chain, then alpha for each side of the Beta variable.
        width: number of chains.
        alpha: whole number.
        library: the array library.

    Returns:
        `width` arrays (N,) int32 from 0 to ONE.
    """
    # A logarithm is below 2**4.06; no sum of them may pass 2**28, so that a digit more fits into 32 bits.
    scale = 23 - (alpha * max(width, 2) - 1).bit_length()
    exponential = _minus_log(bits, scale=scale, library=library)
    gamma = [
        sum(exponential[:, column] for column in range(alpha * number + 1, alpha * (number + 1)))
        + exponential[:, alpha * number]
        for number in range(width + 2)
    ]
    whole = sum(gamma[1:width], start=gamma[0])
    augmented = _ratio(gamma[width], gamma[width] + gamma[width + 1], library)
    return tuple(
        library.int32(_scaled_product(augmented, _ratio(chain, whole, library), library)) for chain in gamma[:width]
    )


@functools.cache
def _logarithms(scale: int) -> np.ndarray:
    """(4098,) uint32: -log(x / 2**24) in units of 2**-scale at every 2**11th x from 2**23 on."""
    x = np.arange((1 << (_UNIT_BITS - 1 - _STEP_BITS)) + 2) * 2.0 ** (_STEP_BITS - _UNIT_BITS) + 0.5
    return np.rint(-np.log(np.minimum(x, 1.0)) * (1 << scale)).astype(np.uint32)


def _minus_log(bits: Any, *, scale: int, library: ArrayLibrary) -> Any:
    """-log(1 - unit(bits)), an exponential variable, in units of 2**-scale, within two of them."""
    x = library.uint32([1 << _UNIT_BITS]) - library.shift_right(bits, 32 - _UNIT_BITS)  # 1 - unit, in 1..2**24
    total = x * library.uint32(0)
    for double in (16, 8, 4, 2, 1):  # up to 2**23 or more, log(2) for every doubling
        small = x < library.uint32(1 << (_UNIT_BITS - double))
        x = library.where(small, x * library.uint32(1 << double), x)
        total += library.where(small, library.uint32(round(double * math.log(2) * (1 << scale))), library.uint32(0))
    number = library.int32(library.shift_right(x, _STEP_BITS)) - (1 << (_UNIT_BITS - 1 - _STEP_BITS))
    table = _logarithms(scale)
    start, end = library.take(table, number), library.take(table, number + 1)
    fraction = x & library.uint32((1 << _STEP_BITS) - 1)
    return total + start - library.shift_right((start - end) * fraction, _STEP_BITS)


def _ratio(part: Any, whole: Any, library: ArrayLibrary) -> Any:
    """floor(2**24 * part / whole) of uint32, part up to whole up to 2**28; 0 if both are 0."""
    # they are in one image of 2**48 or less
    whole = library.where(whole < library.uint32(1), library.uint32(1), whole)
    ratio = part // whole
    rest = part - ratio * whole
    base = library.uint32(1 << _DIGIT_BITS)
    for _ in range(_RATIO_BITS // _DIGIT_BITS):
        rest = rest * base
        digit = rest // whole
        ratio, rest = ratio * base + digit, rest - digit * whole
    return ratio


def _scaled_product(a: Any, b: Any, library: ArrayLibrary) -> Any:
    """The product of two ratios, rounded to units of 2**-16: (a * b + 2**31) >> 32, in halves of 12 bits."""
    low = library.uint32(0xFFF)
    a1, a0, b1, b0 = library.shift_right(a, 12), a & low, library.shift_right(b, 12), b & low
    middle = a1 * b0 + a0 * b1 + library.shift_right(a0 * b0, 12)
    return library.shift_right(a1 * b1 + library.shift_right(middle, 12) + library.uint32(128), 8)

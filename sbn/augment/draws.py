"""Random numbers by address: a hash of (seed, stage, epoch, example id, view, draw index).

Nothing is consumed and no state is kept, so a draw does not depend on the batch, the host, the thread or what was drawn
before. The same lines run on NumPy, JAX and TensorFlow: all that differs is in a `ArrayLibrary`.
Two 32-bit keys are made of (seed, stage, epoch, view); one goes into the hash of the id, one into that of the draw
index, and a last round mixes the two. The round is `lowbias32` of hash-prospector, a bijection of 32 bits.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

_ORDER_VIEW = 0xFFFFFFFF  # no view has this number: an epoch's order shares no draw with its augmentations


class ArrayLibrary(NamedTuple):
    """What differs between array libraries.

    Attributes:
        uint32: turns an int, an array or a sequence of ints into uint32 (modulo 2**32 for arrays).
        float32: casts uint32 below 2**24 to float32.
        shift_right: shifts uint32 right by a static number of bits.
        math: has `log`, `sqrt`, `cos`, `sin` and `rint`.
        int32: casts numbers below 2**31 to int32.
        take: (table, index) -> table[index], for a 1-d table and int32 indices in its range.
        where: (condition, chosen, other) -> either, element by element.
        beside: puts arrays (N, ...) side by side along the second axis.
    """

    uint32: Callable[[Any], Any]
    float32: Callable[[Any], Any]
    shift_right: Callable[[Any, int], Any]
    math: Any
    int32: Callable[[Any], Any]
    take: Callable[[Any, Any], Any]
    where: Callable[[Any, Any, Any], Any]
    beside: Callable[[Sequence[Any]], Any]


def make_library(xp: Any) -> ArrayLibrary:
    """Returns the `ArrayLibrary` of `numpy` or `jax.numpy`."""

    def uint32(x: Any) -> Any:
        if isinstance(x, int | list | tuple | range):
            # At least one axis: NumPy warns about wrap-around of scalars, and never about that of arrays.
            return xp.asarray(np.atleast_1d(np.asarray(x, np.uint32)))
        return xp.atleast_1d(xp.asarray(x).astype(xp.uint32))

    return ArrayLibrary(
        uint32,
        lambda x: x.astype(xp.float32),
        lambda x, n: x >> xp.uint32(n),
        xp,
        lambda x: x.astype(xp.int32),
        lambda table, index: xp.asarray(table)[index],
        xp.where,
        lambda parts: xp.concatenate(parts, axis=1),
    )


NUMPY = make_library(np)


def _mix(x: Any, library: ArrayLibrary) -> Any:
    x = (x ^ library.shift_right(x, 16)) * library.uint32(0x7FEB352D)
    x = (x ^ library.shift_right(x, 15)) * library.uint32(0x846CA68B)
    return x ^ library.shift_right(x, 16)


def bits(
    seed: Any, ids: Any, *, stage: Any, epoch: Any, view: Any, draws: Sequence[int], library: ArrayLibrary = NUMPY
) -> Any:
    """Returns independent uniform 32-bit words, bit-equal on every array library.

    Args:
        seed: whole number in 0..2**32-1, or a 0-d array of one; so are stage, epoch and view.
        ids: (N,) whole numbers; modulo 2**32.
        stage: number of the training stage.
        epoch: number of the epoch in the stage.
        view: number of the view.
        draws: the draw indices, static.
        library: the array library.

    Returns:
        (N, len(draws)) uint32. For one draw index the map from ids to words is a bijection: no two ids share a word.
    """
    key_a, key_b = library.uint32(0x9E3779B9), library.uint32(0x3C6EF372)
    for part in (seed, stage, epoch, view):
        word = library.uint32(part)
        key_a = _mix(key_a + word, library)
        key_b = _mix((key_b ^ word) + library.uint32(0x85EBCA6B), library)
    rows = _mix(library.uint32(ids) ^ key_a, library)
    columns = _mix(library.uint32(draws) ^ key_b, library)
    return _mix(rows[:, None] ^ columns[None, :], library)


def bits_of_ops(
    seed: Any,
    ids: Any,
    *,
    stage: Any,
    epoch: Any,
    view: Any,
    draws: Sequence[Sequence[int]],
    library: ArrayLibrary = NUMPY,
) -> Any:
    """Returns what `bits` does, the draws of several ops side by side.

    `view` may be a tuple with the number of the view that each op draws from; `draws` are the indices of every op.
    """
    groups: list[tuple[Any, list[int]]] = []  # neighbours of one view are drawn together
    if isinstance(view, tuple):
        for number, pairs in itertools.groupby(zip(view, draws, strict=True), key=lambda pair: pair[0]):
            groups.append((number, [index for _, of_op in pairs for index in of_op]))
    else:
        groups.append((view, list(itertools.chain.from_iterable(draws))))
    parts = [
        bits(seed, ids, stage=stage, epoch=epoch, view=number, draws=indices, library=library)
        for number, indices in groups
    ]
    return parts[0] if len(parts) == 1 else library.beside(parts)


def unit(bits: Any, library: ArrayLibrary = NUMPY) -> Any:
    """Returns float32 in [0, 1) with steps of 2**-24, exactly the same on every array library."""
    return library.float32(library.shift_right(bits, 8)) * np.float32(2.0**-24)


def below(bits: Any, n: int, library: ArrayLibrary = NUMPY) -> Any:
    """Returns whole numbers 0..n-1 as uint32: floor(bits * n / 2**32), exact.

    Every number's probability differs from 1/n by less than 2**-32.

    Raises:
        ValueError: n outside 1..65536, where the product of 16-bit halves would overflow.
    """
    if not 1 <= n <= 65536:
        raise ValueError(f"below(bits, n) has n = {n!r}; it must be from 1 to 65536")
    return below_each(bits, n, library)


def below_each(bits: Any, limits: Any, library: ArrayLibrary = NUMPY) -> Any:
    """Returns `below` with a limit of its own for every word; (N,) both, limits from 1 to 65536, not checked."""
    high, low = library.shift_right(bits, 16), bits & library.uint32(0xFFFF)
    factor = library.uint32(limits)
    return library.shift_right(high * factor + library.shift_right(low * factor, 16), 16)


def index(bits: Any, n: int, library: ArrayLibrary = NUMPY) -> Any:
    """Returns `below` as int32, which indexes and counts need."""
    return library.int32(below(bits, n, library))


def normal_pair(bits_a: Any, bits_b: Any, library: ArrayLibrary = NUMPY) -> tuple[Any, Any]:
    """Returns two independent standard normals (Box and Muller 1958) as float32, at most 5.77 in size.

    Array libraries agree up to the rounding of their log, cos and sin.
    """
    radius = library.math.sqrt(np.float32(-2.0) * library.math.log(np.float32(1.0) - unit(bits_a, library)))
    angle = np.float32(2.0 * math.pi) * unit(bits_b, library)
    return radius * library.math.cos(angle), radius * library.math.sin(angle)


def normal(bits_a: Any, bits_b: Any, library: ArrayLibrary = NUMPY) -> Any:
    """Returns the first of `normal_pair`."""
    return normal_pair(bits_a, bits_b, library)[0]


def order_words(seed: Any, *, stage: Any, epoch: Any, count: int, library: ArrayLibrary = NUMPY) -> Any:
    """Returns (count,) distinct uint32 words whose ranking is an epoch's order."""
    ids = library.uint32(range(count))
    return bits(seed, ids, stage=stage, epoch=epoch, view=_ORDER_VIEW, draws=range(1), library=library)[:, 0]


def order(seed: Any, *, stage: Any, epoch: Any, count: int) -> np.ndarray:
    """Returns a permutation of range(count), int64: the stable argsort of `order_words`."""
    return np.argsort(order_words(seed, stage=stage, epoch=epoch, count=count), kind="stable")

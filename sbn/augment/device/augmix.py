"""AugMix on a batch: all chains of all images run side by side, one op of each at a time, and are then mixed."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from sbn.augment import geometry, mixture, ops
from sbn.augment.device import bilinear, fixed_point
from sbn.augment.device.arrays import JAX, below, marked, merge, split
from sbn.augment.device.fixed_point import Fixed
from sbn.augment.device.op_per_image import NUMBER, Acts, OpPerImage
from sbn.augment.packing import MARK
from sbn.augment.policies import AUGMIX_9, AUGMIX_13
from sbn.augment.policy_draws import Entry
from sbn.augment.tone_tables import ToneNumbers, tone_numbers

_UNIT_BITS = 24  # of a drawn level
# Ops with a whole-number argument int(level * maximum / 10) -> (that maximum, entry of such a number)
_WHOLE: dict[str, tuple[int, Callable[[int], Entry]]] = {
    "Posterize": (4, lambda number: Entry("Posterize", 4 - number)),
    "Solarize": (256, lambda number: Entry("Solarize", 256 - number)),
}


class _Drawn(NamedTuple):
    """What each of M chains draws at a step, or the same with a leading axis of all steps.

    Attributes:
        op: (M,) int32, `NUMBER` of the op.
        row: (M,) int32, of the tables of tones; 0 for ops that are not in them.
        factor: of the enhance ops, (M,) each as `fixed_point.float32` returns it.
        turn: (M,) int32, row of the turns; 0 for ops that don't turn.
        shear: (M,) uint32, its size in units of 2**-32.
        negative: (M,) bool, whether the shear is.
        x: (M,) int32, pixels, signed; 0 for ops that don't move.
        y: likewise.
    """

    op: jax.Array
    row: jax.Array
    factor: tuple[jax.Array, jax.Array]
    turn: jax.Array
    shear: jax.Array
    negative: jax.Array
    x: jax.Array
    y: jax.Array


class Chains:
    """AugMix for one image size."""

    def __init__(self, op: ops.AugMix, image_size: tuple[int, int]) -> None:
        self.op = op
        self.image_size = height, width = image_size
        self.names = AUGMIX_13 if op.all_ops else AUGMIX_9
        move = functools.partial(bilinear.transform, image_size=image_size, fill=MARK)
        self.one_each = OpPerImage(("Identity", *self.names), image_size, fill=MARK, move=move)
        self.number = np.array([NUMBER[name] for name in self.names], np.int32)
        # Row 0 leaves values as they are; the others are those of every whole number that a level can give.
        made, self.first_row = [Entry("Identity", None)], {}
        for name, (maximum, entry) in _WHOLE.items():
            self.first_row[name] = len(made)
            made += [entry(number) for number in range(int(op.severity * maximum / 10) + 1)]
        self.tones = tone_numbers(made)
        # Row 2k turns by k degrees counter-clockwise, row 2k + 1 clockwise; row 0 leaves pixels in place.
        steepest = int(op.severity * 30 / 10)
        turns = [geometry.rotation(sign * k % 360, height, width) for k in range(steepest + 1) for sign in (1, -1)]
        self.turns = bilinear.positions(np.array(turns), image_size=image_size)

    def __call__(self, bits: jax.Array, words: jax.Array) -> jax.Array:
        """Mixes every image with its chains.

        Args:
            bits: (N, draws) uint32, laid out as `ops.AugMix` says.
            words: (N, H * W) int32 packed words.

        Returns:
            (N, H * W) int32 packed words, all image; labels of a mask stay where they are.
        """
        width, alpha = self.op.width, self.op.alpha
        # A filler counts as the black that stands under it, as in the released code, whose crop pads with black.
        words = marked(words)
        start = mixture.draws_of_weights(width, alpha)
        shares = mixture.weights(bits[:, :start], width=width, alpha=alpha, library=JAX)
        chains = self.chains(bits[:, start:], words)
        counts = [share[:, None, None] for share in shares]
        total = (mixture.ONE - sum(counts)) * split(words)
        for number, count in enumerate(counts):
            total += count * split(chains[:, number])
        # The weights' own rounding moves this by 255 * width / 2 of 2**16 at most: a byte stays a byte.
        return merge(total + mixture.ONE // 2 >> 16, words)

    def chains(self, bits: jax.Array, words: jax.Array) -> jax.Array:
        """Returns (N, width, P) int32: every chain's result for (N, P) words, before mixing."""
        per_chain = ops.AUGMIX_DRAWS_A_CHAIN + ops.AUGMIX_DRAWS_AN_OP * self.op.longest
        bits = bits.reshape(-1, per_chain)
        depth = below(bits[:, 0], 3) + 1 if self.op.depth < 0 else jnp.full(len(bits), self.op.depth)
        steps = bits[:, ops.AUGMIX_DRAWS_A_CHAIN :].reshape(-1, self.op.longest, ops.AUGMIX_DRAWS_AN_OP)
        active = jnp.arange(self.op.longest)[:, None] < depth

        def step(words: jax.Array, drawn: _Drawn) -> tuple[jax.Array, None]:
            return self.one_each(words, self._acts(drawn)), None

        drawn = self._drawn(steps.swapaxes(0, 1), active)
        chains, _ = jax.lax.scan(step, jnp.repeat(words, self.op.width, axis=0), drawn)
        return chains.reshape(len(words), self.op.width, words.shape[1])

    def _drawn(self, bits: jax.Array, active: jax.Array) -> _Drawn:
        """What all steps draw: bits (L, M, 3), active (L, M)."""
        which, unit = below(bits[..., 0], len(self.names)), (bits[..., 1] >> (32 - _UNIT_BITS)).astype(jnp.int32)
        op = jnp.where(active, jnp.asarray(self.number)[which], NUMBER["Identity"])
        negative = below(bits[..., 2], 2)
        height, width = self.image_size

        def if_op(name: str, value: jax.Array) -> jax.Array:
            return jnp.where(op == NUMBER[name], value, 0)

        rows = [if_op(name, first + self._whole(unit, _WHOLE[name][0])) for name, first in self.first_row.items()]
        return _Drawn(
            op=op,
            row=functools.reduce(jnp.add, rows),
            factor=fixed_point.float32(self._of_level(unit, slope=0.18, start=0.1, bits=31)),
            turn=if_op("Rotate", 2 * self._whole(unit, 30) + negative),
            shear=self._of_level(unit, slope=0.03, start=0.0, bits=32),
            negative=negative == 1,
            x=(1 - 2 * negative) * if_op("TranslateX", self._whole(unit, width / 3)),
            y=(1 - 2 * negative) * if_op("TranslateY", self._whole(unit, height / 3)),
        )

    def _acts(self, drawn: _Drawn) -> Acts:
        mantissa, exponent = drawn.factor
        on_values = ToneNumbers(*(jnp.asarray(part)[drawn.row] for part in self.tones))
        tones = on_values._replace(mantissa=mantissa, exponent=exponent)
        # in place or turned; sheared or moved
        read = jax.tree.map(lambda table: jnp.asarray(table)[drawn.turn], self.turns)
        by_row, by_column = (self._sheared(drawn, size) for size in self.image_size)
        x_row = fixed_point.where((drawn.op == NUMBER["ShearX"])[:, None], by_row, read.x_row)
        y_column = fixed_point.where((drawn.op == NUMBER["ShearY"])[:, None], by_column, read.y_column)
        x, y = (
            fixed_point.where(moved != 0, Fixed(moved, jnp.zeros_like(moved, jnp.uint32)), rest)
            for moved, rest in ((drawn.x, read.x), (drawn.y, read.y))
        )
        return Acts(
            op=drawn.op, tones=tones, half=0, centre=(), source=read._replace(x_row=x_row, y_column=y_column, x=x, y=y)
        )

    def _of_level(self, unit: jax.Array, *, slope: float, start: float, bits: int) -> jax.Array:
        """slope * level + start for level = 0.1 + (severity - 0.1) * unit, uint32 in units of 2**-bits."""
        first, spread = (
            np.uint32(round(part * 2**bits)) for part in (slope * 0.1 + start, slope * (self.op.severity - 0.1))
        )
        more, _ = fixed_point.wide(spread, unit.astype(jnp.uint32) << (32 - _UNIT_BITS))
        return first + more

    def _sheared(self, drawn: _Drawn, size: int) -> Fixed:
        """(M, size): how far a shear moves every line, at its middle."""
        middles = np.arange(1, 2 * size, 2, dtype=np.uint32)  # twice of them
        moved = fixed_point.times_half(drawn.shear[:, None], middles)
        return fixed_point.where(drawn.negative[:, None], fixed_point.negate(moved), moved)

    def _whole(self, unit: jax.Array, maximum: float) -> jax.Array:
        """int(level * maximum / 10): how many of the units at which that goes up are reached."""
        return (unit[..., None] >= _steps(self.op.severity, maximum)).sum(axis=-1, dtype=jnp.int32)


@functools.cache
def _steps(severity: float, maximum: float) -> np.ndarray:
    """The first of the units of 2**-24 at which int(level * maximum / 10) is 1, 2, ...: it never goes down."""

    def whole(unit: np.ndarray) -> np.ndarray:
        return np.floor((0.1 + (severity - 0.1) * (unit * 2.0**-_UNIT_BITS)) * maximum / 10)

    last = 2**_UNIT_BITS - 1
    numbers = np.arange(1, int(whole(np.array(last))) + 1)
    low, high = np.full(len(numbers), -1), np.full(len(numbers), last)  # below, and at or above
    while np.any(high - low > 1):
        middle = (low + high) // 2
        reached = whole(middle) >= numbers
        low, high = np.where(reached, low, middle), np.where(reached, middle, high)
    return high.astype(np.int32)

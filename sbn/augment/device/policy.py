"""A policy's finite list of (op, argument) entries as tables, so that an image's entry number is all it has to draw."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sbn.augment.device import tf_tones, tones
from sbn.augment.device.arrays import JAX, below, show
from sbn.augment.device.op_per_image import NUMBER, Acts, OpPerImage
from sbn.augment.geometry import Positions, positions, rounded, tf_positions
from sbn.augment.packing import fill_word
from sbn.augment.policies import SIGNED
from sbn.augment.policy_draws import Entry, Policy, Tables, make_policy
from sbn.augment.tone_tables import ToneNumbers, tone_numbers


class PolicyTables(Tables):
    """The entries of a policy for one image size.

    Tables hold what rows and columns contribute to positions, not a position a pixel.

    Args:
        entries: what an image can draw.
        image_size: (H, W), static.
        fill: the grey level that geometric ops and the policy's Cutout uncover, or 'mean' for filler pixels, which
            the ops in `OPAQUE` turn into image pixels of the colour they then have.
        semantics: whose ops, 'pillow' or 'tf'.
    """

    def __init__(
        self,
        entries: Sequence[Entry],
        *,
        image_size: tuple[int, int],
        fill: int | str,
        semantics: str = "pillow",
    ) -> None:
        self.image_size = image_size
        self.fill = fill_word(fill)
        rules = {"pillow": tones.PILLOW, "tf": tf_tones.RULES}[semantics]
        names = {entry.name for entry in entries}
        opaque = isinstance(fill, str)
        self.one_each = OpPerImage(names, image_size, fill=self.fill, move=self._move, rules=rules, opaque=opaque)
        self.op = np.array([NUMBER[entry.name] for entry in entries], np.int32)
        half = [int(entry.argument or 0) // 2 if entry.name == "Cutout" else 0 for entry in entries]
        self.half = np.array(half, np.int32)
        self.tones = tone_numbers(entries)
        # Row 0 leaves pixels in place; rows 2k + 1 and 2k + 2 are the k-th geometric entry, sign positive or negative.
        moving = [entry for entry in dict.fromkeys(entries) if entry.name in SIGNED]
        self.moved = np.array([entry in moving for entry in entries])
        self.source = np.array([2 * moving.index(entry) + 1 if entry in moving else 0 for entry in entries], np.int32)
        make, self.settled = {"pillow": (positions, _settled), "tf": (tf_positions, _tf_settled)}[semantics]
        signed = [(entry.name, sign * (entry.argument or 0)) for entry in moving for sign in (1, -1)]
        parts = [make(*one, image_size=image_size) for one in [("TranslateX", 0), *signed]]
        kind = np.int32 if semantics == "pillow" else np.float32
        self.positions = [np.stack(part).astype(kind) for part in zip(*parts, strict=True)]

    def __call__(self, words: jax.Array, drawn: jax.Array, bits: jax.Array) -> jax.Array:
        """Applies one entry to each image.

        Args:
            words: (N, H * W) int32 packed words.
            drawn: (N,) int32 numbers of entries.
            bits: (N, 3) uint32: sign, row and column of Cutout's centre; or (N, 1), without Cutout: sign.

        Returns:
            (N, H * W) int32 packed words.
        """
        negative = jnp.where(_look_up(self.moved, drawn), below(bits[:, 0], 2), 0)
        acts = Acts(
            op=_look_up(self.op, drawn),
            tones=ToneNumbers(*(_look_up(part, drawn) for part in self.tones)),
            half=_look_up(self.half, drawn)[:, None],
            centre=[below(bits[:, axis + 1, None], self.image_size[axis]) for axis in range(bits.shape[1] - 1)],
            source=_look_up(self.source, drawn) + negative,
        )
        return self.one_each(words, acts)

    def _move(self, words: jax.Array, source: jax.Array) -> jax.Array:
        x, y = self.settled(Positions(*(_look_up(part, source) for part in self.positions)))
        rows, columns = (part.astype(jnp.int32).reshape(words.shape) for part in (y, x))
        return show(words, rows, columns, image_size=self.image_size, fill=self.fill)


def policy(op: Any, image_size: tuple[int, int]) -> Policy:
    """Returns RandAugment, AutoAugment or TrivialAugment: (draws (N, draws), pixels (N, H * W), boxes) -> the like."""
    return make_policy(op, image_size, tables=PolicyTables, library=JAX)


def _look_up(table: np.ndarray, index: jax.Array) -> jax.Array:
    return jnp.asarray(table)[index]


def _settled(read: Positions) -> tuple[jax.Array, jax.Array]:
    x, y = read.added_up()
    return x >> 16, y >> 16


def _tf_settled(read: Positions) -> tuple[jax.Array, jax.Array]:
    x, y = read.added_up()
    return rounded(x, xp=jnp), rounded(y, xp=jnp)

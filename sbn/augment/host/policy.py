"""A policy's finite list of (op, argument) entries as tables, so that an image's entry number is all it has to draw."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from sbn.augment.boxes import Boxes
from sbn.augment.geometry import OUTSIDE, source_map, tf_source_map
from sbn.augment.host import tf_tones, tones
from sbn.augment.host.arrays import TENSORFLOW, below
from sbn.augment.host.large import LARGE
from sbn.augment.host.op_per_image import SLOT, Acts, OpPerImage
from sbn.augment.host.pillow_tables import PillowTables, agrees
from sbn.augment.packing import fill_word
from sbn.augment.policies import SIGNED
from sbn.augment.policy_draws import Entry, Policy, Tables, make_policy


class PolicyTables(Tables):
    """The entries of a policy for one image size.

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
        self.area = image_size[0] * image_size[1]
        self.fill = fill_word(fill)
        self.semantics = semantics
        rules = {"pillow": tones.PILLOW, "tf": tf_tones.RULES}[semantics]
        opaque = isinstance(fill, str)
        self.one_each = OpPerImage(image_size, fill=self.fill, move=self._move, rules=rules, opaque=opaque)
        self.slot = np.array([SLOT[entry.name] for entry in entries], np.int32)
        self.value = np.array([entry.argument or 0 for entry in entries], np.float32)
        # (word & keep) ^ invert is posterisation or inversion; both keep the mark
        self.keep = np.array([_kept_bits(entry) for entry in entries], np.int32)
        self.invert = np.array([0xFFFFFF if entry.name == "Invert" else 0 for entry in entries], np.int32)
        # Row 2k of the maps is the k-th geometric entry with a positive sign, row 2k + 1 with a negative one.
        moving = [entry for entry in dict.fromkeys(entries) if entry.name in SIGNED]
        self.source = np.array([2 * moving.index(entry) if entry in moving else 0 for entry in entries], np.int32)
        signed = [self._map(entry, sign) for entry in moving for sign in (1, -1)]
        self.maps = np.stack(signed or [np.arange(self.area, dtype=np.int32)])

    def _map(self, entry: Entry, sign: int) -> np.ndarray:
        make_map = {"pillow": source_map, "tf": tf_source_map}[self.semantics]
        sources = make_map(entry.name, sign * (entry.argument or 0), image_size=self.image_size)
        # Gathered from images with one more pixel, which holds the fill.
        return np.where(sources == OUTSIDE, self.area, sources).astype(np.int32)

    def __call__(self, words: tf.Tensor, drawn: tf.Tensor, bits: tf.Tensor) -> tf.Tensor:
        """Applies one entry to each image.

        Args:
            words: (N, P) int32 packed words.
            drawn: (N,) int32 numbers of entries.
            bits: (N, 3) uint32: sign, row and column of Cutout's centre; or (N, 1), without Cutout: sign.

        Returns:
            (N, P) int32 packed words.
        """
        negative = below(bits[:, 0], 2)
        rows_columns = zip(tf.unstack(bits[:, 1:], axis=1), self.image_size, strict=False)
        centre = [below(draw, size) for draw, size in rows_columns] or [negative, negative]
        acts = Acts(
            slot=tf.gather(self.slot, drawn),
            value=tf.gather(self.value, drawn),
            keep=tf.gather(self.keep, drawn),
            invert=tf.gather(self.invert, drawn),
            source=tf.gather(self.source, drawn) + negative,
            centre=tf.stack(centre, axis=1),
        )
        return self.one_each(words, acts)

    def _move(self, words: tf.Tensor, rows: tf.Tensor, ends: list[tf.Tensor]) -> tf.Tensor:
        del ends  # to a gather all geometric ops are alike
        count = tf.shape(words)[0]
        index = tf.gather(self.maps, rows) + (tf.range(count) * (self.area + 1))[:, None]
        padded = tf.concat([words, tf.fill([count, 1], self.fill)], axis=1)
        return tf.gather_nd(tf.reshape(padded, [-1]), index[..., None])


def policy(op: Any, image_size: tuple[int, int]) -> Policy:
    """Returns RandAugment, AutoAugment or TrivialAugment: (draws (N, draws), pixels (N, H, W), boxes) -> the like."""
    tables = tables_for(op, image_size)
    run = make_policy(op, image_size, tables=tables, library=TENSORFLOW)

    def apply(bits: tf.Tensor, pixels: tf.Tensor, boxes: Boxes | None) -> tuple[tf.Tensor, Boxes | None]:
        words, boxes = run(bits, tf.reshape(pixels, [-1, image_size[0] * image_size[1]]), boxes)
        return tf.reshape(words, tf.shape(pixels)), boxes

    return apply


def tables_for(op: Any, image_size: tuple[int, int]) -> type[PolicyTables] | type[PillowTables]:
    """Returns what takes the least CPU time for a policy on images of (H, W); both make the same bits."""
    of_pillow = getattr(op, "semantics", "pillow") == "pillow"
    return PillowTables if of_pillow and image_size[0] * image_size[1] >= LARGE and agrees() else PolicyTables


def _kept_bits(entry: Entry) -> int:
    if entry.name != "Posterize":
        return -1
    dropped = (1 << (8 - int(entry.argument or 0))) - 1
    return ~(dropped * 0x010101)

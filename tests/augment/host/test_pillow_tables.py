"""Large images by Pillow, one by one, against the ops in TensorFlow: the same bits whatever the size says."""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from sbn.augment import ops
from sbn.augment.host import pillow_tables
from sbn.augment.host import policy as policies
from sbn.augment.host.apply import make_apply
from sbn.augment.host.pillow_tables import PillowTables
from sbn.augment.host.policy import LARGE, PolicyTables, tables_for
from sbn.augment.levels import LEVELS, WIDE, argument
from sbn.augment.policies import SIGNED
from sbn.augment.policy_draws import Entry
from sbn.data.pixels import pack
from tests.oracles.image_ops import images, labelled, policy_op

SIZES = ((1, 1), (2, 9), (3, 3), (5, 33), (32, 32), (84, 96))
ENTRIES = tuple(
    dict.fromkeys(
        Entry(name, argument(name, level, table=table))
        for table, levels in ((LEVELS, (0, 1, 4.5, 5, 7, 10, 30)), (WIDE, (0, 13, 30)))
        for name in table
        for level in levels
    )
)


def words_of(size, count, *, masks):
    """Images with labels and fillers in the fourth byte, or all marked as image: (count, P) int32."""
    rgb = images(size, 12 + count)[-count:]
    marks = np.where(labelled(rgb) < 30, 0, labelled(rgb)).astype(np.uint8) if masks else None
    return pack(rgb, marks).reshape(count, -1)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("masks", "fill"), [(False, 41), (True, "mean")])
def test_every_op_makes_the_bits_of_the_ops_in_tensorflow(size, masks, fill):
    words = words_of(size, 8 if size[0] < 84 else 3, masks=masks)
    drawn, which = (part.ravel() for part in np.mgrid[: len(ENTRIES), : len(words)])
    bits = np.random.default_rng(3).integers(0, 2**32, (len(drawn), 3), np.uint32)
    found, expected = (
        make(ENTRIES, image_size=size, fill=fill)(tf.constant(words[which]), tf.constant(drawn, tf.int32), bits)
        for make in (PillowTables, PolicyTables)
    )
    for number, entry in enumerate(ENTRIES):
        own = drawn == number
        np.testing.assert_array_equal(found.numpy()[own], expected.numpy()[own], err_msg=str(entry))


def test_every_op_is_pillows_own_function_on_an_image_of_imagenets_size():
    """Straight to the public functions of Pillow, which the tables' shortcuts past them must equal."""
    size = (224, 224)
    image = images(size, 30)[27]  # noise, after the flat ones
    words, tables = pack(image[None]).reshape(1, -1), PillowTables(ENTRIES, image_size=size, fill=41)
    for number, (name, value) in enumerate(ENTRIES):
        if value == argument(name, 7) or name not in LEVELS:
            made = tables.run(words, np.int32([[number]]), np.int32([[[1, 30, 200]]]))
            signed = -value if name in SIGNED else value
            expected = policy_op(np.dstack([image, np.full(size, 255, np.uint8)]), name, signed, 30, 200, 41)
            np.testing.assert_array_equal(made.view(np.uint8).reshape(*size, 4), expected, err_msg=name)


PIPELINES = st.sampled_from(
    [
        (ops.RandAugment(2, 9.0), ops.Flip()),
        (ops.Crop(4), ops.RandAugment(3, 17.0, "uda_cifar_15", "mean"), ops.Cutout(9)),
        (ops.AutoAugment("cifar10_code"), ops.Crop(2)),
        (ops.AutoAugment("imagenet", 7, levels="pytorch"), ops.TrivialAugment("mean")),
        (ops.Flip(), ops.TrivialAugment()),
    ]
)


@settings(max_examples=6, deadline=None)
@given(pipeline=PIPELINES, size=st.tuples(st.integers(9, 40), st.integers(9, 40)), seed=st.integers(0, 2**31))
def test_policies_make_the_same_pixels_masks_and_boxes_whatever_the_border(pipeline, size, seed):
    words = words_of(size, 6, masks=True).reshape(6, *size)
    boxes = np.float32([[[0, 0, 9, 9], [1.5, 2, 8, 7.25]]] * 6)
    made = []
    for border in (0, 10**9):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(policies, "LARGE", border)
            apply = make_apply(pipeline, image_size=size)
        made.append(apply(tf.constant(words), seed=seed, stage=0, epoch=2, ids=np.arange(6), view=1, boxes=boxes))
    for found, expected in zip(*made, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_the_size_and_the_semantics_choose():
    side = round(LARGE**0.5)
    large, small = (side, side), (side - 1, side)
    assert tables_for(ops.RandAugment(2, 9.0), large) is tables_for(ops.TrivialAugment(), large) is PillowTables
    assert tables_for(ops.RandAugment(2, 9.0), small) is tables_for(ops.AutoAugment("svhn"), (32, 32)) is PolicyTables
    assert tables_for(dataclasses.replace(ops.RandAugment(2, 9.0), semantics="tf"), large) is PolicyTables
    with pytest.raises(ValueError, match="'tf'"):
        PillowTables([], image_size=large, fill=0, semantics="tf")


def test_a_pillow_that_makes_other_bits_is_not_called(monkeypatch):
    assert pillow_tables.agrees()
    monkeypatch.setattr(PillowTables, "run", lambda tables, words, drawn, places: np.roll(words, 1))
    monkeypatch.setattr(policies, "agrees", pillow_tables.agrees.__wrapped__)
    assert tables_for(ops.RandAugment(2, 9.0), (224, 224)) is PolicyTables


def test_the_checksum_is_that_of_the_ops_in_tensorflow():
    class Ours(PolicyTables):
        def run(self, words, drawn, places):
            (places,), (drawn,), (height, width) = places, drawn, self.image_size
            of_place = np.array(
                [[0, 2**31], *([-(-(at << 32) // side)] * 2 for at, side in ((5, height), (17, width)))]
            )
            bits = np.stack([of_place[0][places[:, 0]], *(of_place[k][places[:, 0]] for k in (1, 2))], axis=1)
            return self(tf.constant(words), tf.constant(drawn), bits.astype(np.uint32)).numpy()

    assert pillow_tables.checksum(Ours) == pillow_tables.checksum(PillowTables) == pillow_tables._KNOWN


@pytest.mark.slow
def test_a_process_ends_while_batches_are_being_made():
    """Threads of tf.data that wait for the interpreter's lock must not keep it from ending, nor abort it."""
    code = """
import numpy as np, tensorflow as tf
from sbn.augment.host.apply import make_apply
from sbn.augment.pipeline import parse
apply = make_apply(parse("randaugment(2, 9)"), image_size=(96, 96))
words = tf.zeros((64, 96, 96), tf.int32)
data = tf.data.Dataset.range(10**6).map(
    lambda i: apply(words, seed=0, stage=0, epoch=i, ids=tf.range(64), view=0), num_parallel_calls=4)
next(data.prefetch(8).as_numpy_iterator())
print("one batch")
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert (ended.returncode, ended.stdout) == (0, "one batch\n"), ended.stderr

import numpy as np
import pytest

from sbn.augment import choices, draws, entries, ops
from sbn.augment.draws import NUMPY
from sbn.augment.levels import argument
from sbn.augment.policies import OP_LISTS
from sbn.augment.subpolicies import SUBPOLICIES

COUNT = 4000


class Recorder:
    """A catalogue that writes down what it is asked for."""

    def __init__(self, table, **keywords):
        self.table, self.keywords, self.asked = table, keywords, []

    def __call__(self, words, drawn, bits):
        self.asked.append(([self.table[number] for number in drawn], bits))
        return words + 1


def asked(op):
    """What a policy asks its catalogue for, layer by layer; its draws; the catalogue."""
    made = []

    def catalogue(table, **keywords):
        made.append(Recorder(table, **keywords))
        return made[0]

    bits = draws.bits(1, range(COUNT), stage=0, epoch=0, view=0, draws=range(op.draws_needed((8, 8))))
    policy = choices.make_policy(op, (8, 8), catalogue=catalogue, words=NUMPY)
    assert policy(bits, 0) == len(made[0].asked)  # every layer gets what the one before made
    return made[0].asked, bits, made[0]


def test_every_layer_of_randaugment_draws_its_own_op_and_passes_on_three_draws():
    op = ops.RandAugment(3, 7, "uda_cifar_15", 5, "tf")
    layers, bits, catalogue = asked(op)
    names = OP_LISTS["uda_cifar_15"]
    assert len(layers) == 3
    for layer, (drawn, rest) in enumerate(layers):
        which = bits[:, 4 * layer].astype(np.int64) * 15 >> 32
        assert [entry.name for entry in drawn] == [names[number] for number in which]
        np.testing.assert_array_equal(rest, bits[:, 4 * layer + 1 : 4 * layer + 4])
    assert catalogue.keywords == {"image_size": (8, 8), "fill": 5, "semantics": "tf"}


@pytest.mark.parametrize("policy", SUBPOLICIES)
def test_autoaugment_runs_both_steps_of_one_sub_policy_each_with_its_own_probability(policy):
    layers, bits, catalogue = asked(ops.AutoAugment(policy))
    pairs = SUBPOLICIES[policy]
    which = bits[:, 0].astype(np.int64) * len(pairs) >> 32
    for step, (drawn, rest) in enumerate(layers):
        for number, entry in enumerate(drawn):
            name, probability, level = pairs[which[number]][step]
            happens = (int(bits[number, 1 + 4 * step]) >> 8) / 2**24 < np.float32(probability)
            assert entry == ((name, argument(name, level)) if happens else ("Identity", None))
        np.testing.assert_array_equal(rest, bits[:, 2 + 4 * step : 5 + 4 * step])
    assert catalogue.keywords["fill"] == "mean"


def test_trivialaugment_draws_one_op_and_one_level():
    ((drawn, rest),), bits, catalogue = asked(ops.TrivialAugment())
    table = entries.of_trivialaugment()
    for entry, (which, level, _) in zip(drawn, bits.astype(np.int64), strict=True):
        assert entry == table[31 * (which * 14 >> 32) + (level * 31 >> 32)]
    np.testing.assert_array_equal(rest, bits[:, 2:])
    assert len({*drawn}) == len({*table})  # 4,000 draws meet every one of the 434
    assert catalogue.keywords == {"image_size": (8, 8), "fill": 0, "semantics": "pillow"}

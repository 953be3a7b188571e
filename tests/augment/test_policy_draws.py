import numpy as np
import pytest

from sbn.augment import draws, ops, policy_draws
from sbn.augment.draws import NUMPY
from sbn.augment.levels import argument
from sbn.augment.policies import OP_LISTS, SUBPOLICIES
from tests.oracles.policies import TRIVIAL


@pytest.mark.parametrize("policy", SUBPOLICIES)
def test_every_step_of_a_policy_points_at_its_own_op_with_its_probability(policy):
    table, pairs = policy_draws.of_autoaugment(ops.AutoAugment(policy), (32, 32))
    assert table[0] == ("Identity", None)
    assert len(set(table)) == len(table)
    for pair, sub_policy in zip(pairs, SUBPOLICIES[policy], strict=True):
        for step, (name, probability, _) in zip(pair, sub_policy, strict=True):
            assert [table[number].name for number in step.signs] == [name, name]
            assert step.probability == probability


def test_the_papers_first_cifar_sub_policies_in_full():
    table, pairs = policy_draws.of_autoaugment(ops.AutoAugment("cifar10"), (32, 32))
    found = [[(p, *table[signs[0]]) for p, signs in pair] for pair in pairs[:6]]
    assert found == [
        [(0.1, "Invert", None), (0.2, "Contrast", pytest.approx(1.18))],
        [(0.7, "Rotate", 6), (0.3, "TranslateX", 9)],
        [(0.8, "Sharpness", pytest.approx(0.28)), (0.9, "Sharpness", pytest.approx(0.64))],
        [(0.5, "ShearY", pytest.approx(0.24)), (0.7, "TranslateY", 9)],
        [(0.5, "AutoContrast", None), (0.9, "Equalize", None)],
        [(0.2, "ShearY", pytest.approx(0.21)), (0.3, "Posterize", 2)],
    ]


def test_the_wide_space_runs_from_end_to_end_of_its_ranges():
    table = policy_draws.of_trivialaugment()
    assert tuple(TRIVIAL) == policy_draws.TRIVIAL_OPS
    assert len(table) == 14 * 31
    for number, (name, ends) in enumerate(TRIVIAL.items()):
        first, last = table[31 * number], table[31 * number + 30]
        assert first.name == last.name == name
        assert (first.argument, last.argument) == (ends and pytest.approx(ends[0]), ends and pytest.approx(ends[1]))


COUNT = 4000


class Recorder(policy_draws.Tables):
    """A policy's tables that write down what they are asked for."""

    def __init__(self, table, **keywords):
        self.table, self.keywords, self.asked = table, keywords, []

    def __call__(self, words, drawn, bits):
        self.asked.append(([self.table[number] for number in drawn], bits))
        return words + 1


def asked(op):
    """What a policy asks its tables for, layer by layer; its draws; the tables."""
    made = []

    def tables(table, **keywords):
        made.append(Recorder(table, **keywords))
        return made[0]

    bits = draws.bits(1, range(COUNT), stage=0, epoch=0, view=0, draws=range(op.draws_needed((8, 8))))
    policy = policy_draws.make_policy(op, (8, 8), tables=tables, library=NUMPY)
    assert policy(bits, 0, None) == (len(made[0].asked), None)  # every layer gets what the one before made
    return made[0].asked, bits, made[0]


def test_every_layer_of_randaugment_draws_its_own_op_and_passes_on_three_draws():
    op = ops.RandAugment(3, 7, "uda_cifar_15", 5, "tf")
    layers, bits, tables = asked(op)
    names = OP_LISTS["uda_cifar_15"]
    assert len(layers) == 3
    for layer, (drawn, rest) in enumerate(layers):
        which = bits[:, 4 * layer].astype(np.int64) * 15 >> 32
        assert [entry.name for entry in drawn] == [names[number] for number in which]
        np.testing.assert_array_equal(rest, bits[:, 4 * layer + 1 : 4 * layer + 4])
    assert tables.keywords == {"image_size": (8, 8), "fill": 5, "semantics": "tf"}


@pytest.mark.parametrize("policy", SUBPOLICIES)
def test_autoaugment_runs_both_steps_of_one_sub_policy_each_with_its_own_probability(policy):
    layers, bits, tables = asked(ops.AutoAugment(policy))
    pairs = SUBPOLICIES[policy]
    which = bits[:, 0].astype(np.int64) * len(pairs) >> 32
    for step, (drawn, rest) in enumerate(layers):
        for number, entry in enumerate(drawn):
            name, probability, level = pairs[which[number]][step]
            happens = (int(bits[number, 1 + 4 * step]) >> 8) / 2**24 < np.float32(probability)
            assert entry == ((name, argument(name, level)) if happens else ("Identity", None))
        np.testing.assert_array_equal(rest, bits[:, 2 + 4 * step : 5 + 4 * step])
    assert tables.keywords["fill"] == "mean"


def test_trivialaugment_draws_one_op_and_one_level():
    ((drawn, rest),), bits, tables = asked(ops.TrivialAugment())
    table = policy_draws.of_trivialaugment()
    for entry, (which, level, _) in zip(drawn, bits.astype(np.int64), strict=True):
        assert entry == table[31 * (which * 14 >> 32) + (level * 31 >> 32)]
    np.testing.assert_array_equal(rest, bits[:, 2:])
    assert len({*drawn}) == len({*table})  # 4,000 draws meet every one of the 434
    assert tables.keywords == {"image_size": (8, 8), "fill": 0, "semantics": "pillow"}

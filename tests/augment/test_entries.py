import pytest

from sbn.augment import entries, ops
from sbn.augment.subpolicies import SUBPOLICIES
from tests.oracles.policies import TRIVIAL


@pytest.mark.parametrize("policy", SUBPOLICIES)
def test_every_step_of_a_policy_points_at_its_own_op_with_its_probability(policy):
    table, pairs = entries.of_autoaugment(ops.AutoAugment(policy), (32, 32))
    assert table[0] == ("Identity", None)
    assert len(set(table)) == len(table)
    for pair, sub_policy in zip(pairs, SUBPOLICIES[policy], strict=True):
        for step, (name, probability, _) in zip(pair, sub_policy, strict=True):
            assert [table[number].name for number in step.signs] == [name, name]
            assert step.probability == probability


def test_the_papers_first_cifar_sub_policies_in_full():
    table, pairs = entries.of_autoaugment(ops.AutoAugment("cifar10"), (32, 32))
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
    table = entries.of_trivialaugment()
    assert tuple(TRIVIAL) == entries.TRIVIAL_OPS
    assert len(table) == 14 * 31
    for number, (name, ends) in enumerate(TRIVIAL.items()):
        first, last = table[31 * number], table[31 * number + 30]
        assert first.name == last.name == name
        assert (first.argument, last.argument) == (ends and pytest.approx(ends[0]), ends and pytest.approx(ends[1]))

import pytest

from benchmarks import compiled
from sbn.accelerators.compiled import Answer
from sbn.accelerators.costs import Costs, Op
from sbn.config.errors import ConfigError


def answer(cycles, kernels=0):
    memory = {"arguments": 10, "outputs": 0, "aliased": 0, "temporary": 4 * cycles, "code": 0}
    op = Op(cycles // 2, "fusion", "sbn/nn/layers.py:45", "conv", "f32[4]")
    costs = Costs(cycles, 0, 1e9, 2e9, memory, {"transpose": 0}, {"all-reduce": (3, 300)}, kernels, 0, (op,))
    return Answer(costs, costs.held)


def test_ratios_are_of_the_second_program_to_the_first():
    found = compiled.compared(answer(10**6), answer(3 * 10**6))
    assert found["estimated cycles, M"] == [1, 3, 3]
    assert found["all-reduce"] == [3, 3, 1]
    assert found["transpose"] == [0, 0, None]
    assert found["all-gather"] == [0, 0, None]


def test_rows_of_zeros_are_left_out_of_the_table():
    shown = compiled.table(compiled.compared(answer(10**6), answer(10**6)), ("A", "B"))
    assert "all-reduce" in shown
    assert "transpose" not in shown


def test_a_gpu_has_kernels_in_place_of_cycles():
    names = compiled.numbers(answer(10**6, kernels=7))
    assert names["kernels"] == 7
    assert "estimated cycles, M" not in names


def test_the_dearest_ops_are_shown_with_their_share_and_line():
    assert "50.0%  fusion        sbn/nn/layers.py:45" in compiled.dearest(answer(10**6))


def test_overrides_without_a_value_are_refused():
    with pytest.raises(ConfigError, match="'precision' is no override"):
        compiled.ask("split_bn:table3/weak_augment", ["precision"], "step")

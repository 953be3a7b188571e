import pathlib

import pytest

from sbn.accelerators import costs, hlo

# Programs as XLA prints them for a TPU and a GPU, cut down: every number below was counted by hand.
TPU, GPU = (pathlib.Path(__file__).with_name(f"{kind}_program.txt").read_text() for kind in ("tpu", "gpu"))
MEMORY = {"arguments": 100, "outputs": 80, "aliased": 60, "temporary": 40, "code": 3}


@pytest.fixture(scope="module")
def tpu():
    return costs.read(TPU, memory=MEMORY, bytes_accessed=5.0, flops=6.0)


def test_cycles_add_up_with_every_turn_of_a_loop(tpu):
    assert tpu.cycles == 1000 + 3 * 7


UNTOLD = TPU.replace(', backend_config={"known_trip_count":{"n":"3"}}', "")
BELOW = """%five = s32[]{:T(128)} constant(5)
  %turn = s32[]{:T(128)} get-tuple-element(%state.1), index=0
  ROOT %go = pred[] compare(%turn, %five), direction=LT"""


def test_a_loop_that_says_not_how_often_it_runs_counts_to_what_its_condition_compares_with():
    text = UNTOLD.replace("ROOT %go = pred[] constant(true)", BELOW)
    found = costs.read(text, memory=MEMORY, bytes_accessed=5.0, flops=6.0)
    assert found.cycles == 1000 + 5 * 7
    turns = (1000 + 5 * 7) / (1000 + 7)  # of the cycles of a program whose loop runs once, as the compiler counts
    assert (found.bytes, found.flops) == (5.0 * turns, 6.0 * turns)
    assert found.unestimated == 2


def test_a_loop_of_which_nothing_is_known_runs_once_and_is_counted_as_unknown():
    found = costs.read(UNTOLD, memory=MEMORY, bytes_accessed=5.0, flops=6.0)
    assert (found.cycles, found.bytes, found.flops, found.unestimated) == (1000 + 7, 5.0, 6.0, 3)


def test_transposes_inside_of_fused_kernels_are_counted(tpu):
    assert tpu.counts == {"transpose": 1, "copy": 1, "custom-call": 1, "gather": 1, "scatter": 0}


def test_a_collective_that_starts_and_ends_is_one_and_has_the_bytes_of_its_result(tpu):
    assert tpu.collectives == {"all-gather": (1, 16 * 8 * 4), "all-reduce": (1, 4 * 4 + 4 * 2)}


def test_work_without_an_estimate_is_counted(tpu):
    assert tpu.unestimated == 2  # the gather and the custom call


def test_the_dearest_op_names_the_line_of_this_projects_code(tpu):
    assert [(op.cost, op.opcode, op.source) for op in tpu.dearest] == [
        (1000, "fusion", "/work/sbn/nn/layers.py:45"),
        (21, "copy", ""),
    ]


def test_memory_counts_outputs_that_replace_arguments_once(tpu):
    assert tpu.held == 100 + 80 - 60 + 40 + 3


def test_costs_survive_json(tpu):
    assert costs.Costs.from_json(tpu.as_json()) == tpu


def test_on_gpus_kernels_and_the_bytes_through_them_are_counted():
    found = costs.read(GPU, memory=MEMORY, bytes_accessed=None, flops=None)
    of_one = 2 * 3 * 4
    assert found.kernels == 3  # the fusion, the convolution and the copy
    assert found.bytes == (of_one + of_one) + (of_one + 100 + of_one + of_one) + (of_one + of_one)
    assert found.command_buffers == 1
    assert found.dearest[0].opcode == "custom-call"


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("f32[]", 4),
        ("bf16[256,32]{1,0:T(8,128)(2,1)}", 256 * 32 * 2),
        ("(f32[4], s32[], pred[3])", 16 + 4 + 3),
        ("f8e4m3fn[10]", 10),
        ("s4[10]", 5),
        ("token[]", 0),
        ("f32[0,5]", 0),
    ],
)
def test_size_of_a_type(shape, expected):
    assert hlo.size(shape) == expected


def test_a_text_without_a_program_is_refused():
    with pytest.raises(ValueError, match="no ENTRY"):
        hlo.parse("HloModule nothing")

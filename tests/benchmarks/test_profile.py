"""What a profile makes of a program's text and of a trace."""

import jax
import jax.numpy as jnp
import pytest

from benchmarks.profile import names, part, seconds

HLO = """
%fused_computation.1 (param_0: f32[8], param_1: f32[8]) -> f32[8] {
  %param_0 = f32[8]{0} parameter(0)
  ROOT %add.1 = f32[8]{0} add(%param_0, %param_1), metadata={op_name="jit(step)/jvp(Net)/block/norm1/add"}
}

%fused_computation.2 (param_0.2: f32[8,8]) -> f32[3,3] {
  ROOT %convolution.3 = f32[3,3]{1,0} convolution(%param_0.2, %param_0.2), window={size=8x8}
}

ENTRY %main.5 (x: f32[8]) -> f32[8] {
  %x = f32[8]{0} parameter(0), metadata={op_name="x"}
  %fusion.7 = f32[8]{0} fusion(%x, %x), kind=kLoop, calls=%fused_computation.1
  %fusion.8 = f32[3,3]{1,0} fusion(%x), kind=kCustom, calls=%fused_computation.2
  %copy.9 = f32[8]{0} copy(%fusion.7)
  ROOT %tanh.1 = f32[8]{0} tanh(%copy.9), metadata={op_name="jit(step)/transpose(jvp(Net))/tanh"}
}
"""


def test_a_fusion_without_a_name_has_that_of_what_is_inside():
    found = names(HLO)
    assert part(found["fusion.7"]) == "normalisation, forward"
    assert part(found["fusion.8"]) == "convolutions and products, backward"
    assert part(found["tanh.1"]) == "other, backward"
    assert part(found.get("copy.9", "")) == "copies"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("jit(step)/jvp(WideResNet)/group1_block1/conv1/conv_general_dilated", "convolutions and products, forward"),
        ("jit(step)/transpose(jvp(WideResNet))/head/dot_general", "convolutions and products, backward"),
        ("jit(step)/transpose(jvp(WideResNet))/group1_block1/norm2/reduce_sum", "normalisation, backward"),
        ("jit(step)/jvp(WideResNet)/group1_block1/add", "activations and sums, forward"),
        ("jit(step)/jit(_pad)/pad", "rest of the step"),
    ],
)
def test_a_name_tells_the_part(name, expected):
    assert part(name) == expected


def test_the_names_of_a_real_program_are_found():
    def loss(w, x):
        return jnp.tanh(x @ w).sum()

    compiled = jax.jit(jax.grad(loss)).lower(jnp.ones((4, 4)), jnp.ones((4, 4))).compile()
    parts = {part(name) for name in names(compiled.as_text()).values() if "/" in name}
    assert "convolutions and products, backward" in parts


def test_seconds_are_those_of_operations_alone():
    trace = [
        {"ph": "X", "dur": 5.0, "name": "a", "args": {"hlo_op": "a"}},
        {"ph": "X", "dur": 7.0, "name": "a", "args": {"hlo_op": "a"}},
        {"ph": "X", "dur": 1e9, "name": "python"},
        {"ph": "M", "name": "thread"},
    ]
    assert seconds(trace) == {"a": pytest.approx(12e-6)}

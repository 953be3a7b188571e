"""Collectives are counted in the text of a program, each once and by its own name."""

import pytest

from benchmarks.collectives import collectives

HLO = """
%add (a: f32[], b: f32[]) -> f32[] {
  ROOT %sum = f32[] add(%a, %b), metadata={op_name="jit(step)/all-reduce(wanted)"}
}
ENTRY %main (p: f32[4,2]) -> f32[8,2] {
  %all-reduce.3 = f32[4,2]{1,0} all-reduce(%p), channel_id=1, replica_groups={{0,1}}, to_apply=%add
  %both = (f32[], f32[2]{0}) all-reduce(%c, %d), channel_id=2, to_apply=%add
  %fusion = f32[4,2]{1,0} fusion(%all-reduce.3, %both), kind=kLoop, calls=%all-gather_fusion
  ROOT %out = f32[8,2]{1,0} all-gather(%fusion), channel_id=3, dimensions={0}
}
"""
# begun in one place and done in another, as on accelerators
BESIDE = """
  %start = f32[4]{0} all-reduce-start(%p), to_apply=%add
  %done = f32[4]{0} all-reduce-done(%start)
  %both = (f32[4]{0}, f32[8]{0}) all-gather-start(%p), dimensions={0}
  ROOT %gathered = f32[8]{0} all-gather-done(%both)
"""


def test_instructions_are_counted_and_names_metadata_and_operands_are_not():
    assert collectives(HLO) == {"all-reduce": 2, "all-gather": 1}


def test_one_that_runs_beside_others_is_one():
    assert collectives(BESIDE) == {"all-reduce": 1, "all-gather": 1}


@pytest.mark.parametrize("kind", ["all-to-all", "ragged-all-to-all", "collective-permute", "reduce-scatter"])
def test_every_kind_has_its_own_name(kind):
    assert collectives(f"  %x = f32[4]{{0}} {kind}(%p), channel_id=1") == {kind: 1}


def test_a_program_of_one_device_has_none():
    assert collectives("ENTRY %main { ROOT %out = f32[] add(%a, %b) }") == {}

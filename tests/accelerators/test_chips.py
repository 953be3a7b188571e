import math

import pytest

from sbn.accelerators.chips import CHIPS, topologies, topology
from sbn.config.errors import ConfigError


@pytest.mark.parametrize(("name", "chips"), [("v5e:4x4", 16), ("v5p:2x2x4", 16), ("H100:8", 8), ("h200", 1)])
def test_a_topology_has_the_chips_that_its_name_says(name, chips):
    assert topology(name).chips == chips


@pytest.mark.parametrize(
    ("name", "hint"), [("v5:4x4", "did you mean 'v5p'"), ("v5e:4x4x1", "'v5e:4x4'"), ("h100:3", "h100:2")]
)
def test_an_unknown_chip_or_shape_names_the_nearest(name, hint):
    with pytest.raises(ConfigError, match=hint):
        topology(name)


@pytest.mark.parametrize("chip", CHIPS)
def test_sizes_double_from_one_host_to_the_largest(chip):
    counts = [found.chips for found in topologies(chip)]
    assert counts == ([1, 2, 4, 8] if CHIPS[chip].kind == "gpu" else [4, 8, 16, 32, 64, 128, 256])
    assert [topology(found.name) for found in topologies(chip)] == topologies(chip)


# Clocks are published for v4 alone (Jouppi et al. 2023, Table 1: 1050 MHz); the others follow from the published peaks.
def test_the_clock_of_a_tpu_follows_from_its_peak():
    assert CHIPS["v4"].clock == pytest.approx(1.05e9, rel=0.002)
    assert all(1e9 < chip.clock < 2e9 for chip in CHIPS.values() if chip.kind == "tpu")


def test_every_chip_can_do_more_than_it_can_read():
    for chip in CHIPS.values():
        assert 80 < chip.flops("bfloat16") / chip.bandwidth < 1000
        assert chip.flops("float32") <= chip.flops("bfloat16")


def test_a_gpu_is_described_to_its_compiler_with_balanced_brackets():
    for chip in CHIPS.values():
        assert chip.target.count("{") == chip.target.count("}")
        assert bool(chip.target) == (chip.kind == "gpu")
        assert math.isfinite(chip.memory)

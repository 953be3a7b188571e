"""TPUs and GPUs by name, as their makers publish them, and the sizes in which programs are compiled for them."""

import dataclasses
from collections.abc import Mapping
from typing import Literal

from sbn.config.errors import unknown

Kind = Literal["tpu", "gpu"]


@dataclasses.dataclass(frozen=True)
class Chip:
    """One chip.

    Attributes:
        kind: which compiler makes its programs.
        memory: bytes.
        bandwidth: of that memory, bytes per second.
        peak: floating-point operations per second by the precision of the products, without sparsity.
        source: the publication that has these numbers.
        clock: cycles per second, of TPUs: the peak over what the matrix units do per cycle, as the compiler counts it.
        target: of GPUs, the chip as XLA's compiler describes it (`stream_executor.GpuTargetConfigProto`, as text).
    """

    kind: Kind
    memory: int
    bandwidth: float
    peak: Mapping[str, float]
    source: str
    clock: float | None = None
    target: str = ""

    def flops(self, precision: str) -> float:
        """Returns the peak for a config's `precision`, 'float32' or 'bfloat16'.

        JAX multiplies float32 in the matrix units' own precision unless told otherwise: bfloat16 on TPUs, TF32 on GPUs.
        """
        return self.peak["tf32" if self.kind == "gpu" and precision == "float32" else "bfloat16"]


@dataclasses.dataclass(frozen=True)
class Topology:
    """Chips that work on one program.

    Attributes:
        name: 'v5e:4x4', 'h100:8'.
        chip: of the chips.
        chips: their number.
    """

    name: str
    chip: Chip
    chips: int

    @property
    def shape(self) -> str:
        """What follows the chip's name."""
        return self.name.partition(":")[2]


def _tpu(gigabytes: float, bandwidth: float, peak: float, per_cycle: int, source: str) -> Chip:
    return Chip("tpu", int(gigabytes * 2**30), bandwidth, {"bfloat16": peak}, source, clock=peak / per_cycle)


def _gpu(memory: int, bandwidth: float, peak: tuple[float, float, float], source: str, target: str) -> Chip:
    name = source.partition(",")[0]
    info = f"{target} memory_bandwidth: {bandwidth:.0f} device_memory_size: {memory} {_EVERY_GPU}"
    rest = f'platform_name: "CUDA" dnn_version_info {{ major: 9 minor: 8 }} device_description_str: "{name}"'
    precisions = dict(zip(("bfloat16", "tf32", "float32"), peak, strict=True))
    return Chip("gpu", memory, bandwidth, precisions, source, target=f"gpu_device_info {{ {info} }} {rest}")


_EVERY_GPU = (
    "threads_per_block_limit: 1024 threads_per_warp: 32 shared_memory_per_block: 49152 threads_per_core_limit: 2048 "
    "block_dim_limit_x: 2147483647 block_dim_limit_y: 65535 block_dim_limit_z: 65535 registers_per_core_limit: 65536 "
    "registers_per_block_limit: 65536"
)
_AMPERE = (
    "core_count: 108 fpus_per_core: 64 clock_rate_ghz: 1.41 l2_cache_size: 41943040 shared_memory_per_core: 167936 "
    "shared_memory_per_block_optin: 166912 cuda_compute_capability { major: 8 }"
)
_HOPPER = (
    "core_count: 132 fpus_per_core: 128 clock_rate_ghz: 1.98 l2_cache_size: 52428800 shared_memory_per_core: 233472 "
    "shared_memory_per_block_optin: 232448 cuda_compute_capability { major: 9 }"
)
# Operations per cycle: two for each of the 128 x 128 (v6e: 256 x 256) multipliers of a matrix unit. A chip has 8 units
# in two cores, which JAX drives as one (v4, v5p), or 4 in one core (v5e, v6e).
CHIPS: dict[str, Chip] = {
    "v4": _tpu(32, 1.2288e12, 275e12, 2 * 8 * 128**2, "Google Cloud TPU documentation, TPU v4"),
    "v5e": _tpu(16, 8.19e11, 197e12, 2 * 4 * 128**2, "Google Cloud TPU documentation, TPU v5e"),
    "v5p": _tpu(95, 2.765e12, 459e12, 2 * 8 * 128**2, "Google Cloud TPU documentation, TPU v5p"),
    "v6e": _tpu(32, 1.638e12, 918e12, 2 * 4 * 256**2, "Google Cloud TPU documentation, TPU v6e (Trillium)"),
    "a100": _gpu(84_974_239_744, 2.039e12, (312e12, 156e12, 19.5e12), "NVIDIA A100, 80 GB SXM data sheet", _AMPERE),
    "h100": _gpu(84_978_434_048, 3.352e12, (989.4e12, 494.7e12, 66.9e12), "NVIDIA H100, SXM data sheet", _HOPPER),
    "h200": _gpu(150_122_528_768, 4.8e12, (989.4e12, 494.7e12, 66.9e12), "NVIDIA H200, SXM data sheet", _HOPPER),
}
_FLAT = ("2x2", "2x4", "4x4", "4x8", "8x8", "8x16", "16x16")
_CUBES = ("2x2x1", "2x2x2", "2x2x4", "2x4x4", "4x4x4", "4x4x8", "4x8x8")
_SHAPES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("v4", "v5p"), _CUBES),
    **dict.fromkeys(("v5e", "v6e"), _FLAT),
    **dict.fromkeys(("a100", "h100", "h200"), ("1", "2", "4", "8")),
}


def topologies(chip: str) -> list[Topology]:
    """Returns the sizes of a chip, by rising number of chips: 4 to 256 TPUs, 1 to 8 GPUs.

    Raises:
        ConfigError: if there is no such chip.
    """
    if chip not in CHIPS:
        raise unknown("chip", chip, CHIPS)
    return [_topology(chip, shape) for shape in _SHAPES[chip]]


def topology(name: str) -> Topology:
    """Returns what 'CHIP:SHAPE' names: 'v5e:4x4', 'v5p:2x2x4', 'h100:8'. Of GPUs the chip alone means one.

    Raises:
        ConfigError: for another name, with the nearest.
    """
    chip, colon, shape = name.lower().partition(":")
    if chip not in CHIPS:
        raise unknown("chip", chip, CHIPS)
    shape = shape if colon else _SHAPES[chip][0]
    if shape not in _SHAPES[chip]:
        raise unknown("topology", name, [f"{chip}:{known}" for known in _SHAPES[chip]])
    return _topology(chip, shape)


def _topology(chip: str, shape: str) -> Topology:
    chips = 1
    for side in shape.split("x"):
        chips *= int(side)
    return Topology(f"{chip}:{shape}", CHIPS[chip], chips)

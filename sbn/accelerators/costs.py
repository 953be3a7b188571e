"""What a compiled program costs, read off its text and what the compiler says beside it. Plain numbers, for JSON."""

import collections
import dataclasses
from collections.abc import Mapping
from typing import Any

from sbn.accelerators import hlo

COLLECTIVES = (
    "all-gather",
    "all-reduce",
    "all-to-all",
    "collective-broadcast",
    "collective-permute",
    "ragged-all-to-all",
    "reduce-scatter",
)
COUNTED = ("transpose", "copy", "custom-call", "gather", "scatter")
DEAREST = 10
# On GPUs these start a kernel (or a library's); everything else moves nothing.
_KERNELS = {"fusion", "custom-call", "copy", "transpose", "reduce", "convolution", "dot", "gather", "scatter", "sort"}
_NO_COPY = "ConcatBitcast"  # a custom call of TPUs that moves nothing


@dataclasses.dataclass(frozen=True)
class Op:
    """One dear op.

    Attributes:
        cost: cycles on a TPU, bytes read and written on a GPU, of all times it runs.
        opcode: what it is.
        source: 'file:line' that asked for it.
        op_name: the path of functions that it stems from.
        shape: of its result.
    """

    cost: int
    opcode: str
    source: str
    op_name: str
    shape: str


@dataclasses.dataclass(frozen=True)
class Costs:
    """Of one program, on one chip.

    Attributes:
        cycles: the compiler's estimates added up; 0 on GPUs, whose compiler makes none.
        unestimated: instructions that do work for which a TPU's compiler has no estimate: gathers, custom calls, and
            loops whose number of runs is not known, which count once.
        bytes: read from and written to memory, as the compiler counts; on GPUs operands and results of all kernels.
        flops: floating-point operations; None where the compiler does not say (GPUs). If the compiler does not know how
            often a loop runs, it counts its bytes and operations once; both are then scaled up as the cycles are.
        memory: bytes of 'arguments', 'outputs', 'aliased' (outputs that take the place of arguments), 'temporary' and
            'code'.
        counts: of `COUNTED` opcodes, those inside of fused kernels too.
        collectives: {kind: [how many run, bytes of their results]}.
        kernels: launches on a GPU; 0 on TPUs.
        command_buffers: groups of kernels that a GPU starts at once.
        dearest: the `DEAREST` dearest ops, the dearest first.
    """

    cycles: int
    unestimated: int
    bytes: float
    flops: float | None
    memory: Mapping[str, int]
    counts: Mapping[str, int]
    collectives: Mapping[str, tuple[int, int]]
    kernels: int
    command_buffers: int
    dearest: tuple[Op, ...]

    @property
    def held(self) -> int:
        """Bytes of memory that the program needs on a chip."""
        parts = self.memory
        whole = parts["arguments"] + parts["outputs"] + parts["temporary"] + parts["code"]
        return whole - parts["aliased"]

    def as_json(self) -> dict[str, Any]:
        """Returns it as JSON holds it."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "Costs":
        """Returns what `as_json` made."""
        collectives = {kind: (count, size) for kind, (count, size) in found["collectives"].items()}
        dearest = tuple(Op(**op) for op in found["dearest"])
        return cls(**{**found, "collectives": collectives, "dearest": dearest})


def read(text: str, *, memory: Mapping[str, int], bytes_accessed: float | None, flops: float | None) -> Costs:
    """Returns the costs of a program.

    Args:
        text: the compiled program, as `Compiled.as_text()` gives it.
        memory: see `Costs`.
        bytes_accessed: as the compiler counts; None to count operands and results of kernels.
        flops: as the compiler counts.

    Raises:
        ValueError: if the text is no program.
    """
    program = hlo.parse(text)
    sizes = {one.name: one.bytes for body in program.computations.values() for one in body}
    cycles = kernels = moved = unestimated = command_buffers = 0
    collectives: dict[str, list[int]] = {}
    ops: list[Op] = []
    for one, times in program.executed():
        touched = one.bytes + sum(sizes.get(name, 0) for name in one.operands)
        kind = one.opcode.removesuffix("-start").removesuffix("-done")
        if kind in COLLECTIVES and not one.opcode.endswith("-start"):
            there = collectives.setdefault(kind, [0, 0])
            there[0] += times
            there[1] += times * one.bytes
        cycles += times * (one.cycles or 0)
        command_buffers += one.opcode == "call" and any(
            "command_buffer" in name for name in one.calls.get("to_apply", ())
        )
        works = one.opcode in _KERNELS and not (one.opcode == "custom-call" and _NO_COPY in one.target)
        if works or kind in COLLECTIVES:
            kernels += times
            moved += times * touched
        unestimated += (works and one.cycles is None) or (one.trips is None and one.bound is None)
        cost = times * (one.cycles or 0) if bytes_accessed is not None else times * touched * works
        if cost:
            ops.append(Op(cost, one.opcode, one.source, one.op_name, one.shape))
    by_count = collections.Counter(one.opcode for body in program.computations.values() for one in body)
    counted_bytes = bytes_accessed is None
    once = sum(times * (one.cycles or 0) for one, times in program.executed(bounds=False))
    turns = cycles / once if once else 1.0
    return Costs(
        cycles,
        0 if counted_bytes else unestimated,
        float(moved) if bytes_accessed is None else bytes_accessed * turns,
        None if flops is None else flops * turns,
        dict(memory),
        {name: by_count[name] for name in COUNTED},
        {kind: (count, size) for kind, (count, size) in sorted(collectives.items())},
        kernels if counted_bytes else 0,
        command_buffers,
        tuple(sorted(ops, key=lambda op: -op.cost)[:DEAREST]),
    )

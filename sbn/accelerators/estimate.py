"""From what a compiler says to what a run takes: does it fit, how long is a step, how many chip-hours."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from sbn.accelerators.chips import Topology
from sbn.accelerators.compiled import Answer
from sbn.config.errors import ConfigError

# Of a GPU's memory, what JAX is given where sweeps start it; of a TPU's the compiler itself says what is there.
GPU_SHARE = 0.9


@dataclasses.dataclass(frozen=True)
class Fit:
    """One row on one topology.

    Attributes:
        held: bytes of memory that its step needs on a chip.
        memory: bytes that a chip has for it.
        fits: whether that is enough.
        examples: of a step, on a chip.
        collectives: how many run in a step.
        exchanged: bytes of their results.
        step: seconds that a step takes, (least, most) of two estimates that know nothing of each other; None where
            there is no program.
        epochs: of the run.
        steps: of the run.
        hours: chip-hours of the run's steps, (least, most); None likewise. Evaluation comes on top.
    """

    held: int
    memory: int
    fits: bool
    examples: float
    collectives: int
    exchanged: int
    step: tuple[float, float] | None
    epochs: float
    steps: float
    hours: tuple[float, float] | None


def fit(answer: Answer, where: Topology, config: Mapping[str, Any]) -> Fit:
    """Returns what an answer means on its topology.

    The two estimates of a step: the compiler's cycles over the clock (TPUs); and the longer of bytes over bandwidth and
    operations over peak. Neither counts waiting for the host or for other chips.

    Args:
        answer: for a training step.
        where: the chips it was compiled for.
        config: flat.

    Raises:
        ConfigError: the answer's error, if there is no program for another reason than memory.
    """
    if answer.error or answer.held is None:
        raise ConfigError(answer.error)
    chip, facts = where.chip, answer.facts
    memory = chip.memory if chip.kind == "tpu" else int(GPU_SHARE * chip.memory)
    step, hours, collectives, exchanged = None, None, 0, 0
    if answer.costs is not None:
        costs, calls = answer.costs, facts.get("steps_per_call", 1)
        operations = costs.flops if costs.flops is not None else facts.get("flops", 0.0) / where.chips
        bound = max(costs.bytes / chip.bandwidth, operations / chip.flops(config["precision"]))
        told = [bound, costs.cycles / chip.clock] if chip.clock and costs.cycles else [bound]
        step = min(told) / calls, max(told) / calls
        hours = step[0] * facts["steps"] * where.chips / 3600, step[1] * facts["steps"] * where.chips / 3600
        collectives = int(sum(count for count, _ in costs.collectives.values()) / calls)
        exchanged = int(sum(size for _, size in costs.collectives.values()) / calls)
    fits = answer.costs is not None and answer.held <= memory
    examples = facts["examples"] / where.chips
    return Fit(
        answer.held, memory, fits, examples, collectives, exchanged, step, facts["epochs"], facts["steps"], hours
    )

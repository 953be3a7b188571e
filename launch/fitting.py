"""Whether the rows of a sweep fit the accelerators that it asks SkyPilot for: told before anything is submitted."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from launch.plan import Job
from sbn.accelerators import environment
from sbn.accelerators.chips import CHIPS, Topology, topologies
from sbn.accelerators.compiled import Asked, compile_all, known
from sbn.accelerators.estimate import fit
from sbn.config import beside, tree
from sbn.config.errors import ConfigError

# Of these SkyPilot's names count cores, two on a chip; of the others chips.
_COUNTED_BY_CORES = ("v4", "v5p")


def asked_for(accelerators: Any, *, hosts: int = 1) -> Topology | None:
    """Returns what SkyPilot's `accelerators` means: 'tpu-v5e-16', 'tpu-v4-8', 'H100:8', {'A100-80GB': 1}.

    Args:
        accelerators: as SkyPilot takes it; several to choose from are not looked at.
        hosts: machines of GPUs that a job has.

    Returns:
        the topology; None for a chip or a number of them that nothing here compiles for.
    """
    if isinstance(accelerators, Mapping) and len(accelerators) == 1:
        accelerators = ":".join(map(str, *accelerators.items()))
    if not isinstance(accelerators, str):
        return None
    name = accelerators.strip().lower().replace("v5litepod", "v5e").replace("-80gb", "").replace("-sxm", "")
    pod = re.fullmatch(r"tpu-(v[0-9][ep]?)-([0-9]+)", name)
    cards = re.fullmatch(r"([a-z]+[0-9]+)(?::([0-9]+))?", name)
    if pod:
        chip, count = pod[1], int(pod[2]) // (2 if pod[1] in _COUNTED_BY_CORES else 1)
    elif cards:
        chip, count = cards[1], int(cards[2] or 1) * hosts
    else:
        return None
    sizes = topologies(chip) if chip in CHIPS else []
    return next((size for size in sizes if size.chips == count), None)


def check_fits(jobs: Sequence[Job], where: Topology, *, tell: Callable[[str], None] = print) -> None:
    """Refuses jobs of which a row does not fit its chips.

    What `launch.fit` found before is taken; what it did not is compiled, if the environment for that is there.

    Args:
        jobs: of a sweep; the seeds of a row are one program.
        where: the chips that they are for.
        tell: is given a line for what can't be known.

    Raises:
        ConfigError: naming the rows that do not fit, and what they need.
    """
    rows = {job.workdir.parent: job for job in jobs}
    asked = {job.name.rpartition("/")[0]: Asked(tree.flatten(job.config)) for job in rows.values()}
    new = [name for name, one in asked.items() if known(one, where) is None]
    if new and not (environment.folder(where.chip.kind) / "bin" / "python").exists():
        tell(
            f"not checked whether {len(new)} of {len(asked)} rows fit {where.name}: `python -m "
            f"sbn.accelerators.environment {where.chip.kind}` makes what compiles them"
        )
        asked = {name: one for name, one in asked.items() if name not in new}
    elif new:
        tell(f"compiling {len(new)} rows for {where.name}, to see whether they fit: minutes the first time")
    refused = _refused(asked, where, tell)
    if refused:
        raise ConfigError(
            f"nothing was submitted: {'; '.join(refused)} ({beside.shown('python -m launch.fit')} shows what helps)"
        )


def _refused(asked: Mapping[str, Asked], where: Topology, tell: Callable[[str], None]) -> list[str]:
    found = []
    for (name, one), answer in zip(asked.items(), compile_all(list(asked.values()), where), strict=True):
        if answer.error:
            tell(f"not checked whether {name} fits {where.name}: {answer.error}")
            continue
        row = fit(answer, where, one.flat)
        if not row.fits:
            needs, has = (f"{size / 1e9:.1f} GB" for size in (row.held, row.memory))
            found.append(f"{name} needs {needs} on each chip of {where.name}, which has {has}")
    return found

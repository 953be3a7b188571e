"""`python -m sbn.accelerators.worker`, in the environment of an accelerator: compiles what it is asked for.

It reads one JSON object from its standard input:

    {"topology": "v5e:4x4", "cache": FOLDER, "programs": [{"config": flat config, "program": "step"}, ...]}

and writes one line of JSON for every program, in order: {"costs": ..., "facts": ..., "seconds": of compiling, "key": of
the program}; {"held": bytes, "facts": ...} where the compiler refuses a program that needs more memory than a chip has;
or {"error": one line}. Whatever else is printed goes to the standard error.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import re
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

# What libtpu asks of the machine that it is on, where it is no TPU's.
os.environ.setdefault("TPU_SKIP_MDS_QUERY", "1")
os.environ.setdefault("TPU_WORKER_HOSTNAMES", "localhost")
os.environ.setdefault("TPU_ACCELERATOR_TYPE", "v5litepod-4")
# Several processes may load it at once: none of them opens a device.
os.environ.setdefault("ALLOW_MULTIPLE_LIBTPU_LOAD", "1")
os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import jaxlib
from jax.experimental import topologies

from sbn.accelerators import costs, hlo
from sbn.accelerators.chips import Topology, topology
from sbn.accelerators.lowering import lower
from sbn.config import tree
from sbn.config.checks import check
from sbn.config.errors import ConfigError
from sbn.runs.atomic import replace_text

# How libtpu says that a program needs more memory than a chip has: '(59.65G) exceeds available HBM (15.75G)', or, once
# it has laid everything out, 'Used 20.06G of 15.75G hbm'
_MEMORY = re.compile(r"\(([\d.]+)([KMGT]?)B?\) exceeds|Used ([\d.]+)([KMGT]?) of", re.IGNORECASE)
_UNITS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}
_TPU_CORES = {"v4": {"chip_config_name": "megacore"}}  # one device per chip, as JAX drives v4


def devices(where: Topology) -> Sequence[Any]:
    """Returns the devices of a topology, which programs can be compiled for."""
    if where.chip.kind == "tpu":
        more = _TPU_CORES.get(where.name.partition(":")[0], {})
        return topologies.get_topology_desc(where.name, platform="tpu", **more).devices
    jax.devices()  # finds the CUDA plugin
    shape = f"1x1x{where.chips}"
    found = topologies.get_topology_desc(
        topology_name="", platform="cuda", target_config=where.chip.target, topology=shape
    )
    return found.devices


def compiled(program: Any, key: str, cache: pathlib.Path) -> dict[str, Any]:
    """Returns the answer for a lowered program, from the folder `cache` if it lies there."""
    file = cache / f"{key}.json"
    if file.exists():
        return json.loads(file.read_text())
    began = time.perf_counter()
    try:
        done = program.compile()
    except jax.errors.JaxRuntimeError as error:
        used = too_large(str(error))
        if used is None:
            raise
        answer: dict[str, Any] = {"held": used}
    else:
        answer = {"costs": _costs(done).as_json()}
    answer["seconds"] = time.perf_counter() - began
    cache.mkdir(parents=True, exist_ok=True)
    replace_text(file, json.dumps(answer))
    return answer


def too_large(said: str) -> int | None:
    """Returns the bytes, at least, that a program needs which the compiler refuses for its memory; else None."""
    found = _MEMORY.search(said) if "RESOURCE_EXHAUSTED" in said else None
    if found is None:
        return None
    number, unit = (found[1], found[2]) if found[1] else (found[3], found[4])
    return int(float(number) * 2 ** _UNITS[unit.upper()])


def _costs(done: Any) -> costs.Costs:
    counted, memory = done.cost_analysis() or {}, done.memory_analysis()
    names = {"argument": "arguments", "output": "outputs", "alias": "aliased", "temp": "temporary"}
    sizes = {ours: getattr(memory, f"{theirs}_size_in_bytes") for theirs, ours in names.items()}
    sizes["code"] = memory.generated_code_size_in_bytes
    return costs.read(
        done.as_text(), memory=sizes, bytes_accessed=counted.get("bytes accessed"), flops=counted.get("flops")
    )


def _key(program: Any, where: Topology) -> str:
    """Of everything that a compiled program depends on."""
    readers = [pathlib.Path(str(module.__file__)).read_text() for module in (costs, hlo)]  # who read its costs
    versions = [jax.__version__, jaxlib.__version__, os.environ.get("XLA_FLAGS", ""), *_plugins(), *readers]
    return hashlib.sha256("\n".join([where.name, *versions, program.as_text()]).encode()).hexdigest()[:32]


def _plugins() -> list[str]:
    import importlib.metadata

    names = {"libtpu", "jax-cuda12-pjrt"}
    return [f"{wheel.name}={wheel.version}" for wheel in importlib.metadata.distributions() if wheel.name in names]


def answer(asked: Mapping[str, Any], where: Topology, chips: Sequence[Any], cache: pathlib.Path) -> dict[str, Any]:
    """Returns the answer to one entry of 'programs'."""
    try:
        config = check(tree.checked(tree.to_config(tree.changed(tree.defaults(), asked["config"]))))
        lowered = lower(config, chips, program=asked["program"])
        key = _key(lowered.program, where)
        facts = lowered.facts
        if where.chip.kind == "gpu":  # whose compiler does not count operations: those of the same step on one CPU
            whole = tree.to_config({**tree.flatten(config), "optim.accumulate": 1})  # loops over parts are counted once
            counted = lower(whole, jax.devices("cpu")[:1], program=asked["program"]).program.cost_analysis() or {}
            facts = {**facts, "flops": counted.get("flops", 0.0)}
        return {**compiled(lowered.program, key, cache), "facts": facts, "key": key}
    except ConfigError as error:
        return {"error": str(error)}
    except Exception as error:  # the other programs are still to be answered
        return {"error": f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error) else ''}"}


def main() -> None:
    """Answers what stands in the standard input."""
    asked = json.load(sys.stdin)
    where, cache = topology(asked["topology"]), pathlib.Path(asked["cache"])
    with contextlib.redirect_stdout(sys.stderr):
        chips = devices(where)
        for one in asked["programs"]:
            print(json.dumps(answer(one, where, chips, cache)), file=sys.__stdout__, flush=True)


if __name__ == "__main__":
    main()

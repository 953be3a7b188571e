"""Where the time of a training step goes: the operations of one compiled step, timed by JAX's own profiler.

    python -m benchmarks.profile --model=28-2 --batch=128 --path=device --top=15

Every operation of the program belongs to a part, read off the name that JAX gave it: what of the network, forward or
backward, or the rest of the step. Seconds are those the operations took, added up; where several run at once that is
more than the step took. `--trace=DIR` keeps the trace, for Perfetto or XProf.
"""

import collections
import gzip
import json
import pathlib
import re
import tempfile
from collections.abc import Iterable, Mapping

import jax

from benchmarks import rounds as taking
from benchmarks.parts import Parts, make_config

# What an operation's name has in it -> what it is part of; the first that fits.
PARTS = (
    (r"conv_general_dilated|dot_general", "convolutions and products"),
    (r"norm", "normalisation"),
    (r"relu|/max$|/add$|add_any", "activations and sums"),
    (r".", "other"),
)
_ROW = re.compile(r"^\s*(?:ROOT )?%?([\w.-]+) = ")
_NAME = re.compile(r'op_name="([^"]*)"')
_CALLED = re.compile(r"(?:calls|to_apply)=%?([\w.-]+)")
# XLA rewrites the gradient of a kernel, which then has another operation's name, or none.
_PRODUCT = re.compile(r" (?:convolution|dot)\(")


def names(hlo: str) -> dict[str, str]:
    """Returns operation -> the name JAX gave it; of a fusion without one, that of an operation inside it."""
    found: dict[str, str] = {}
    inside: dict[str, str] = {}
    calls: dict[str, str] = {}
    computation = ""
    for row in hlo.splitlines():
        if row.rstrip().endswith("{"):
            computation = row.removeprefix("ENTRY ").split()[0].lstrip("%").partition("(")[0]
            continue
        if (operation := _ROW.match(row)) is None:
            continue
        name = match[1] if (match := _NAME.search(row)) else ""
        if _PRODUCT.search(row):
            name = f"{name or 'transpose(jvp())'}/dot_general"
        if name:
            found[operation[1]] = name
            if "/" in name:
                inside[computation] = name
        elif called := _CALLED.search(row):
            calls[operation[1]] = called[1]
    return {**{operation: inside.get(called, "") for operation, called in calls.items()}, **found}


def part(name: str) -> str:
    """Returns what part of a step an operation belongs to."""
    if not name:
        return "copies"
    if "jvp(" not in name:
        return "rest of the step"
    what = next(part for pattern, part in PARTS if re.search(pattern, name))
    return f"{what}, {'backward' if 'transpose(' in name else 'forward'}"


def seconds(events: Iterable[Mapping]) -> dict[str, float]:
    """Returns operation -> seconds, of the events of a trace."""
    total: collections.Counter[str] = collections.Counter()
    for event in events:
        operation = event.get("args", {}).get("hlo_op")
        if event.get("ph") == "X" and operation:
            total[operation] += event["dur"] / 1e6
    return dict(total)


def bench(
    *, model: str, batch: int, path: str, precision: str, steps: int, top: int, trace: str
) -> tuple[list[dict], dict]:
    parts = Parts(make_config(model, batch, path, precision=precision))
    (fed,), state, resident = parts.fed([1]), parts.state(), parts.feed.resident
    compiled = parts.step().lower(state, *fed, resident).compile()
    called = names(compiled.as_text())
    for _ in range(2):
        state, _ = compiled(state, *fed, resident)
    with tempfile.TemporaryDirectory() as folder:
        folder = trace or folder
        with jax.profiler.trace(folder, create_perfetto_trace=True):
            for _ in range(steps):
                state, metrics = compiled(state, *fed, resident)
            jax.block_until_ready(metrics)
        newest = max(pathlib.Path(folder).rglob("perfetto_trace.json.gz"), key=lambda file: file.stat().st_mtime)
        with gzip.open(newest, "rt") as file:
            content = json.load(file)
    taken = seconds(content["traceEvents"] if isinstance(content, dict) else content)
    whole = sum(taken.values())
    parts: collections.Counter[str] = collections.Counter()
    for operation, spent in taken.items():
        parts[part(called.get(operation, ""))] += spent
    facts: dict[str, object] = {"milliseconds a step, all operations": 1e3 * whole / steps}
    facts |= {f"share of {name}": spent / whole for name, spent in parts.most_common()}
    for place, (operation, spent) in enumerate(sorted(taken.items(), key=lambda item: -item[1])[:top], 1):
        facts[f"{place}. {operation}"] = f"{spent / whole:.3f}  {called.get(operation) or 'copy'}"
    return [], facts


if __name__ == "__main__":
    taking.main(
        __doc__,
        bench,
        model=("28-2", "10-1"),
        batch=(128, 4),
        path=("device", "device"),
        precision=("float32", "float32"),
        steps=(5, 2),
        top=(15, 5),
        trace=("", ""),
    )

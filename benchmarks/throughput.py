"""Images a second of split training steps: with input and without, several steps a call, and the share of the peak.

    python -m benchmarks.throughput --networks=28-2,28-10 --batch=512 --precision=float32,bfloat16 --peak=494,989
    python -m benchmarks.throughput --networks=resnet50 --batch=128 --precision=bfloat16 --peak=989   # at 224 pixels

For every network and precision, in alternating rounds of about `--seconds`:

- bare: steps on a batch that lies on the device, the limit of whatever feeds them;
- fed: as a run on the device data path takes them, ids from the host, views made in the step;
- several: the same with `steps_per_call`;
- product: a large matrix product of the same precision, what the device reaches in practice.

The share of the peak is the step's floating-point operations, as XLA counts them before it optimises, in a second, over
the product's rate; with `--peak`, in TFLOP/s a device and for each precision, also over the maker's number (H200: 989
in bfloat16; of float32 JAX makes TF32 products there, 494). Where there are several precisions, bare steps of the first
are also divided by those of the others. Bar: what is fed takes at most 1.10 times the bare step.
"""

import itertools
import time

import jax
import numpy as np

from benchmarks import rounds as taking
from benchmarks.parts import Parts, make_config
from benchmarks.steps import SEED
from sbn.config.errors import ConfigError
from sbn.models.make import PRECISIONS

BAR = 1.10
VIEWS = 2


def paced(run, seconds):
    """Returns a measure of seconds a call of `run(count)`, of so many calls that they take about `seconds`."""
    run(1)  # compiles
    start = time.perf_counter()
    run(2)
    count = max(1, int(2 * seconds / (time.perf_counter() - start)))
    whole = taking.clocked(lambda: run(count))
    return lambda: {kind: value / count for kind, value in whole().items()}


def stepping(state, compiled, fed, resident):
    """Returns a function that takes so many calls, of batches one after the other, and waits."""
    held, batches = {"state": state}, itertools.cycle(fed)

    def run(count):
        for batch in itertools.islice(batches, count):
            held["state"], metrics = compiled(held["state"], *batch, resident)
        jax.block_until_ready(metrics)

    return run


def product(side, dtype):
    """Returns a function that multiplies two matrices so many times, and its floating-point operations."""
    a = jax.random.normal(jax.random.key(0), (side, side)).astype(dtype)
    multiply = jax.jit(lambda a, b: (a @ b) / side**0.5)

    def run(count):
        b = a
        for _ in range(count):
            b = multiply(a, b)
        jax.block_until_ready(b)

    return run, 2 * side**3


def programs(parts, calls):
    """Returns name -> (what runs it so many times, steps a run), and the operations of a step."""
    (ids,) = parts.fed([1])
    ready = jax.block_until_ready(jax.jit(parts.prepare)(*ids, parts.feed.resident))
    bare = parts.step(lambda batch, numbers, resident: batch).lower(parts.state(), ready, {}, SEED)
    found = {"bare": (stepping(parts.state(), bare.compile(), [(ready, {})], SEED), 1)}
    for name, steps in {"fed": 1, "several": calls}.items():
        fed = list(parts.fed([steps] * 4))
        found[name] = (stepping(parts.state(), parts.step(steps=steps), fed, parts.feed.resident), steps)
    return found, bare.cost_analysis()["flops"]


def described(what, found, *, calls, work, operations, peak, images):
    """Returns the lines and facts of a network in one precision.

    Args:
        what: network and precision.
        found: name of a program -> seconds a step, or a product, one a round.
        calls: steps a call of 'several'.
        work: operations of a step, on all devices together.
        operations: of a product.
        peak: TFLOP/s of a device, 0 where it is not known.
        images: that pass through the network in a step.
    """
    reached, rate = work / jax.device_count() / found["bare"], operations / found["product"]
    lines = [
        taking.line(f"{what}: fed / bare", found["fed"], found["bare"], bar=BAR),
        taking.line(f"{what}: {calls} steps a call / fed", found["several"], found["fed"]),
        taking.line(f"{what}: bare, share of a product's rate", reached, rate, higher=True),
    ]
    if peak:
        lines.append(taking.line(f"{what}: bare, share of the peak", reached, peak * 1e12, higher=True))
    facts = {}
    for name in ("bare", "fed", "several"):
        median = float(np.median(found[name]))
        facts[f"{what}, {name}: images a second"] = images / median
        facts[f"{what}, {name}: ms a step"] = 1e3 * median
    facts[f"{what}: GFLOP a step"] = work / 1e9
    facts[f"{what}: bare, TFLOP/s a device"] = float(np.median(reached)) / 1e12
    return lines, facts | {f"{what}: product, TFLOP/s": float(np.median(rate)) / 1e12}


def bench(*, networks, batch, precision, calls, peak, side, rounds, seconds):
    precisions = precision.split(",")
    for name in precisions:
        taking.chosen("precision", name, PRECISIONS)
    peaks = [float(text) for text in peak.split(",")] if peak else [0.0] * len(precisions)
    if len(peaks) != len(precisions):
        raise ConfigError(f"--peak={peak}: write a number for each of --precision={precision}")
    configs = {(n, p): make_config(n, batch, "device", precision=p) for n in networks.split(",") for p in precisions}
    parts = {key: Parts(config) for key, config in configs.items()}  # refuses what there is not, before it is measured
    lines, facts = [], {}
    for network in networks.split(","):
        made, work, measures = {}, {}, {}
        for name in precisions:
            made[name], work[name] = programs(parts[network, name], calls)
            multiply, operations = product(side, name)
            runs = {**{program: run for program, (run, _) in made[name].items()}, "product": multiply}
            measures |= {(name, program): paced(run, seconds) for program, run in runs.items()}
        taken = taking.interleaved(measures, rounds)
        for name, of_device in zip(precisions, peaks, strict=True):
            steps = {program: count for program, (_, count) in made[name].items()} | {"product": 1}
            found = {program: taken[name, program]["wall"] / count for program, count in steps.items()}
            kinds = {"work": work[name], "operations": operations, "peak": of_device, "images": VIEWS * batch}
            more = described(f"{network}, {name}", found, calls=calls, **kinds)
            lines, facts = lines + more[0], facts | more[1]
        for name in precisions[1:]:
            first, own = (taken[one, "bare"]["wall"] for one in (precisions[0], name))
            lines.append(taking.line(f"{network}, {precisions[0]} / {name}: bare", first, own, higher=True))
        jax.clear_caches()
    return lines, facts


if __name__ == "__main__":
    taking.main(
        __doc__,
        bench,
        networks=("28-2", "10-1"),
        batch=(128, 8),
        precision=("float32", "float32"),
        calls=(4, 2),
        peak=("", ""),
        side=(4096, 256),
        rounds=(5, 2),
        seconds=(2.0, 0.01),  # a program and round, roughly
    )

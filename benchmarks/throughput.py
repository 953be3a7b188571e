"""Images a second of split training steps: with input and without, several steps a call, and the share of the peak.

    python -m benchmarks.throughput --networks=28-2,28-10,resnet50 --batch=128 --precision=bfloat16 --peak=989

For every network, in alternating rounds of about `--seconds`:

- bare: steps on a batch that lies on the device, the limit of whatever feeds them;
- fed: as a run on the device data path takes them, ids from the host, views made in the step;
- several: the same with `steps_per_call`;
- product: a large matrix product of the same precision, what the device reaches in practice.

The share of the peak is the step's floating-point operations, as XLA counts them before it optimises, in a second, over
the product's rate; with `--peak`, in TFLOP/s a device, also over the maker's number (H200: 989 in bfloat16). Bars: what
is fed takes at most 1.10 times the bare step.
"""

import itertools
import time

import jax
import numpy as np

from benchmarks import rounds as taking
from benchmarks.parts import Parts, make_config
from benchmarks.steps import SEED

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
            held["state"], metrics = compiled(held["state"], batch, resident)
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
    ready = jax.block_until_ready(jax.jit(parts.prepare)(ids, parts.feed.resident))
    bare = parts.step(lambda batch, resident: batch).lower(parts.state(), ready, SEED)
    found = {"bare": (stepping(parts.state(), bare.compile(), [ready], SEED), 1)}
    for name, steps in {"fed": 1, "several": calls}.items():
        fed = list(parts.fed([steps] * 4))
        found[name] = (stepping(parts.state(), parts.step(steps=steps), fed, parts.feed.resident), steps)
    return found, bare.cost_analysis()["flops"]


def bench(*, networks, batch, precision, calls, peak, side, rounds, seconds):
    lines, facts = [], {}
    multiply, operations = product(side, precision)
    for network in networks.split(","):
        made, work = programs(Parts(make_config(network, batch, "device", precision=precision)), calls)
        measures = {name: paced(run, seconds) for name, (run, _) in made.items()}
        found = taking.interleaved({**measures, "product": paced(multiply, seconds)}, rounds)
        took = {name: found[name]["wall"] / steps for name, (_, steps) in made.items()}
        rate, reached = operations / found["product"]["wall"], work / jax.device_count() / took["bare"]
        lines.append(taking.line(f"{network}: fed / bare", took["fed"], took["bare"], bar=BAR))
        lines.append(taking.line(f"{network}: {calls} steps a call / fed", took["several"], took["fed"]))
        lines.append(taking.line(f"{network}: bare, share of a product's rate", reached, rate))
        for name, values in took.items():
            median = float(np.median(values))
            facts[f"{network}, {name}: images a second"] = VIEWS * batch / median
            facts[f"{network}, {name}: ms a step"] = 1e3 * median
            if peak:
                facts[f"{network}, {name}: share of the peak"] = work / median / jax.device_count() / (peak * 1e12)
        facts[f"{network}: GFLOP a step"] = work / 1e9
        facts[f"{network}: product, TFLOP/s"] = float(np.median(rate)) / 1e12
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
        peak=(0.0, 0.0),
        side=(4096, 256),
        rounds=(5, 2),
        seconds=(2.0, 0.01),  # a program and round, roughly
    )

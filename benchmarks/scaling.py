"""What several devices and processes add to a training step, and what they pass to each other.

The step is sbn's own, with its mesh. Where JAX finds accelerators it is measured on 1, 2, 4, ... and all of them. On
the CPU devices are simulated, by a process for every number of them, and share the cores: times show what dividing the
work costs there, or gains because XLA uses the cores better, and nothing about accelerators. Two processes are measured
on the CPU alone, over the loopback, against one with as many devices. There a sum of 64 floats over two processes
takes 2 ms by itself, and a step passes dozens of arrays: small steps suffer most.

    python -m benchmarks.scaling --model=16-1 --batch=64 --rounds=7
    python -m benchmarks.scaling --model=28-10 --batch=1024 --times=20   # several GPUs or TPU cores

Counted from the compiled program:

- FLOPs of a device / those of one device alone divided by their number: bar 1.05;
- all-gathers: bar 0; a batch that lies wrong is gathered on all devices.

Timed, as time / ideal:

- same batch: all devices together have `batch` examples, however many they are;
- same share: a device has batch / (most devices) examples, so that the work grows with them.

Ideal is, of accelerators, the time of one divided by their number, or its time where the work grows; of simulated
devices the time of one, or that times their number.
"""

import numpy as np

from benchmarks import rounds as taking
from benchmarks.scaling_worker import Workers, found

FLOPS_BAR, GATHERS_BAR = 1.05, 0
SAME_BATCH, SAME_SHARE = "same_batch", "same_share"


def asked_for(numbers, *, model, batch, precision="float32"):
    """Returns number of devices -> name -> settings of a step, and whether it is timed."""
    depth, width = map(int, model.split("-"))
    most, asked = max(numbers), {}
    if batch % most:
        raise SystemExit(f"--batch={batch} does not divide over {most} devices")
    for devices in numbers:
        step = {"depth": depth, "width": width, "batch": batch, "branches": 2, "precision": precision}
        step |= {"devices": devices, "timed": True}
        asked[devices] = {SAME_BATCH: step, SAME_SHARE: {**step, "batch": batch // most * devices}}
    return asked


def exchanges(counted):
    """Returns the lines of what was counted: number of devices -> name -> kind -> number."""
    lines, one = [], counted[1][SAME_BATCH]
    for devices, names in counted.items():
        own = names[SAME_BATCH]
        if devices > 1:
            what, share = f"{devices} devices", one["flops"] / devices
            lines.append(taking.line(f"{what}: FLOPs a device / ideal", own["flops"], share, bar=FLOPS_BAR))
            lines.append(taking.line(f"{what}: all-gathers", gathers(own), bar=GATHERS_BAR))
    return lines


def overheads(times, *, simulated):
    """Returns the lines of what was timed: (number of devices, name) -> kind -> seconds."""
    lines = []
    for (devices, name), kinds in times.items():
        grown = devices if name == SAME_SHARE else 1
        ideal = grown if simulated else grown / devices
        for kind in ("wall", "cpu") if simulated else ("wall",):
            what = f"{devices} devices, {name.replace('_', ' ')}: time / ideal{', cpu' * (kind == 'cpu')}"
            if devices > 1:
                lines.append(taking.line(what, kinds[kind], ideal * times[1, name][kind]))
    return lines


def gathers(counted):
    return counted["collectives"].get("all-gather", 0)


def described(counted, seconds):
    """Returns the facts of a step."""
    median = float(np.median(seconds["wall"]))
    numbers = {"seconds": median, "images a second": counted["images"] / median}
    numbers |= {"GFLOP a device": counted["flops"] / 1e9, "temporary MiB a device": counted["temporary"] / 2**20}
    return {name: float(f"{value:.4g}") for name, value in numbers.items()} | counted["collectives"]


def start(asked, *, simulated):
    """Returns number of devices -> the workers that have them; of accelerators one process has all."""
    if simulated:
        return {n: Workers(_named(n, names), simulated=n) for n, names in asked.items()}
    everything = Workers({key: value for n, names in asked.items() for key, value in _named(n, names).items()})
    return dict.fromkeys(asked, everything)


def _named(devices, names):
    return {f"{name}/{devices}": settings for name, settings in names.items()}


def bench(*, model, batch, devices, rounds, times, precision="float32"):
    backend, there = found()
    simulated, numbers = backend == "cpu", {1, *map(int, devices.split(","))}
    if not simulated:
        numbers = {n for n in numbers if n <= there} | {there}
    asked = asked_for(sorted(numbers), model=model, batch=batch, precision=precision)
    workers, two = start(asked, simulated=simulated), None
    half = min((n for n in numbers if n % 2 == 0), default=0) // 2
    if simulated and half:
        over_all = {**asked[2 * half][SAME_BATCH], "devices": None}
        two = Workers({SAME_BATCH: over_all}, simulated=half, processes=2)
    try:
        ready = {group: group.ready() for group in set(workers.values())}
        counted = {n: {name: ready[workers[n]][f"{name}/{n}"] for name in asked[n]} for n in asked}
        measures = {
            (n, name): lambda n=n, name=name: workers[n].seconds(f"{name}/{n}", times)
            for n, names in asked.items()
            for name, settings in names.items()
            if settings["timed"]
        }
        if two:
            of_two = two.ready()[SAME_BATCH]
            measures["two"] = lambda: two.seconds(SAME_BATCH, times)
        taken = taking.interleaved(measures, rounds)
    finally:
        for group in {*workers.values(), *([two] if two else [])}:
            group.close()
    facts = {"devices": f"{max(numbers)} simulated on the CPU" if simulated else f"{there} of {backend}"}
    lines = exchanges(counted)
    if two:
        one, both = taken[2 * half, SAME_BATCH], taken.pop("two")
        lines.append(taking.line("2 processes: all-gathers", gathers(of_two), bar=GATHERS_BAR))
        lines += taking.timed(f"2 processes of {half} / 1 of {2 * half}: time", both, one)
        facts["2 processes"] = described(of_two, both)
    for (n, name), kinds in taken.items():
        facts[f"devices {n}, {name.replace('_', ' ')}"] = described(counted[n][name], kinds)
    lines += overheads(taken, simulated=simulated)
    return lines, facts


if __name__ == "__main__":
    taking.main(
        __doc__,
        bench,
        model=("16-1", "10-1"),
        batch=(64, 8),
        devices=("1,2,4,8", "1,2"),
        rounds=(7, 2),
        times=(1, 1),
        precision=("float32", "float32"),
    )

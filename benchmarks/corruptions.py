"""How fast corrupted test sets are made, beside the published formulas one image at a time.

    python -m benchmarks.corruptions [--kinds=fog,snow] [--images=512] [--rounds=5] [--frost=FOLDER]

Both in one thread, in turns, by CPU seconds, least of the rounds: other work on the machine only adds. The formulas
are the tests' oracles; where these go pixel by pixel (plasma fractals, the shading of water drops) they take ours, one
image at a time. Then threads: the wall time of all, with 1 thread and with as many as there are cores.
"""

import argparse
import time

import numpy as np

from sbn.data.corruptions import frost, kinds, parameters, sets, spatter
from sbn.data.corruptions.generated import Generated
from sbn.data.corruptions.plasma import plasma
from tests.oracles import corruptions as formulas


def seconds(work):
    began = time.process_time()
    work()
    return time.process_time() - began


def one_by_one(images, kind, severity, pictures):
    values = parameters.CIFAR[kind][severity - 1] + ((pictures,) if kind == "frost" else ())
    rng = np.random.RandomState(0)
    for image in images:
        formulas.FORMULAS[kind](image, rng, *values)


def compare(images, wanted, pictures, rounds):
    total = {"ours": 0.0, "formula": 0.0}
    few = images[: max(1, len(images) // 16)]
    print(f"{'images a CPU second, 5 severities':36}{'ours':>8}{'formula':>9}{'times':>7}")
    for kind in wanted:
        ours, formula = [], []
        for _ in range(rounds):
            ours.append(seconds(lambda kind=kind: made(images, kind, pictures, workers=1)))
            formula.append(
                seconds(lambda kind=kind: [one_by_one(few, kind, severity, pictures) for severity in kinds.SEVERITIES])
            )
        each = {"ours": min(ours) / len(images), "formula": min(formula) / len(few)}
        for name, cost in each.items():
            total[name] += cost
        rates = [len(kinds.SEVERITIES) / cost for cost in each.values()]
        print(f"{kind:36}{rates[0]:8.0f}{rates[1]:9.0f}{rates[0] / rates[1]:7.1f}", flush=True)
    print(
        f"{f'CPU seconds for 10,000 images of {len(wanted)} types':36}{10_000 * total['ours']:8.0f}"
        f"{10_000 * total['formula']:9.0f}{total['formula'] / total['ours']:7.1f}"
    )


def made(images, kind, pictures, *, workers):
    for severity in kinds.SEVERITIES:
        of_kind = pictures if kind == "frost" else ()
        Generated(images, kind, severity, 0, len(images), of_kind, workers=workers)[:]


def threads(images, wanted, pictures, rounds):
    cores = Generated.workers
    wall = {1: [], cores: []}
    for _ in range(rounds):
        for workers, times in wall.items():
            began = time.perf_counter()
            for kind in wanted:
                made(images, kind, pictures, workers=workers)
            times.append(time.perf_counter() - began)
    best = {workers: min(times) * 10_000 / len(images) for workers, times in wall.items()}
    shown = ", ".join(f"{time:.0f} s with {workers} threads" for workers, time in best.items())
    print(f"wall time for 10,000 images of {len(wanted)} types: {shown}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kinds", default="benchmark,extra")
    parser.add_argument("--images", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--frost", default=frost.PROCEDURAL)
    flags = parser.parse_args()
    wanted = sets.select(flags.kinds.split(","))
    pictures = frost.pictures(flags.frost, side=32, reduced=True)
    # smooth images with some noise, as photographs are
    rng = np.random.default_rng(0)
    coarse = rng.integers(20, 200, (flags.images, 4, 4, 3)).repeat(8, axis=1).repeat(8, axis=2)
    images = (coarse + rng.integers(0, 40, (flags.images, 32, 32, 1))).astype(np.uint8)
    formulas.plasma = lambda rng, size, decay: plasma(rng.random_sample((1, size**2 - 1)), decay)[0]
    formulas.drops.shading = lambda depth: spatter.shading(depth[None])[0]
    compare(images, wanted, pictures, flags.rounds)
    threads(images, wanted, pictures, flags.rounds)


if __name__ == "__main__":
    main()

"""How fast corrupted test sets are made, beside the published formulas one image at a time.

    python -m benchmarks.corruptions [--kinds=fog,snow] [--images=512] [--rounds=5] [--frost=FOLDER]

Both in one thread, in turns, by CPU seconds. The formulas
are the tests' oracles; where these go pixel by pixel (plasma fractals, the shading of water drops) they take ours, one
image at a time. Then threads: the wall time of all, with 1 thread and with as many as there are cores.
"""

import numpy as np

from benchmarks import rounds as taking
from benchmarks.photographs import pictures as photographs
from sbn.data.corruptions import kinds, sets, spatter
from sbn.data.corruptions.generated import Generated
from sbn.data.corruptions.textures import PROCEDURAL, plasma
from sbn.data.corruptions.textures import pictures as frost_pictures
from tests.oracles import corruptions as formulas


def one_by_one(images, kind, severity, pictures):
    values = kinds.CIFAR[kind][severity - 1] + ((pictures,) if kind == "frost" else ())
    rng = np.random.RandomState(0)
    for image in images:
        formulas.FORMULAS[kind](image, rng, *values)


def compare(images, wanted, pictures, rounds):
    """Returns a line a kind, and one of all; and images a CPU second."""
    few, lines, facts, total = images[: max(1, len(images) // 16)], [], {}, {"ours": 0.0, "formula": 0.0}
    for kind in wanted:
        measures = {
            "ours": taking.clocked(lambda kind=kind: made(images, kind, pictures, workers=1)),
            "formula": taking.clocked(
                lambda kind=kind: [one_by_one(few, kind, severity, pictures) for severity in kinds.SEVERITIES]
            ),
        }
        found = taking.interleaved(measures, rounds)
        each = {"ours": found["ours"]["cpu"] / len(images), "formula": found["formula"]["cpu"] / len(few)}
        total = {name: total[name] + cost for name, cost in each.items()}
        lines.append(taking.line(f"{kind}, formula / ours", each["formula"], each["ours"], higher=True))
        facts[f"{kind}: images a CPU second"] = len(kinds.SEVERITIES) / float(np.median(each["ours"]))
    facts["CPU seconds for 10,000 images"] = 10_000 * float(np.median(total["ours"]))
    return [*lines, taking.line("all, formula / ours", total["formula"], total["ours"], higher=True)], facts


def made(images, kind, pictures, *, workers):
    for severity in kinds.SEVERITIES:
        of_kind = pictures if kind == "frost" else ()
        Generated(images, kind, severity, 0, len(images), of_kind, workers=workers)[:]


def threads(images, wanted, pictures, rounds):
    def work(workers):
        return lambda: [made(images, kind, pictures, workers=workers) for kind in wanted]

    cores = Generated.workers
    times = taking.interleaved({"one": taking.clocked(work(1)), "all": taking.clocked(work(cores))}, rounds)
    return taking.line(f"1 thread / {cores}, wall", times["one"]["wall"], times["all"]["wall"], higher=True)


def bench(*, kinds, images, rounds, frost):
    wanted = sets.select(kinds.split(","))
    pictures = frost_pictures(frost, side=32, reduced=True)
    data = photographs(images, 32)
    formulas.plasma = lambda rng, size, decay: plasma(rng.random_sample((1, size**2 - 1)), decay)[0]
    formulas.drops.shading = lambda depth: spatter.shading(depth[None])[0]
    lines, facts = compare(data, wanted, pictures, rounds)
    return [*lines, threads(data, wanted, pictures, rounds)], facts


if __name__ == "__main__":
    taking.main(
        __doc__,
        bench,
        kinds=("benchmark,extra", "fog,frost,contrast"),
        images=(512, 16),
        rounds=(5, 1),
        frost=(PROCEDURAL, PROCEDURAL),
    )

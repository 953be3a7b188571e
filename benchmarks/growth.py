"""What a training step costs as the work grows: with the batch, the width, the depth and the number of branches.

One thing grows at a time, from a base; what grows is `batch`, `width`, `depth`, and `branches`, each of which sees a
view of the batch. `work` is the step's floating-point operations, as XLA counts them before it optimises: a step that
loses nothing takes the time of the base times the ratio of the work. `memory` is XLA's count of temporary bytes.

    python -m benchmarks.growth --picture=growth.png
    python -m benchmarks.growth --model=28-10 --batch=128 --batches=32,128,512 --widths= --depths= --times=20   # a GPU

On a CPU glibc gives arrays beyond 32 MB back and fetches their pages anew: what has more branches seems slower by that.
GLIBC_TUNABLES=glibc.malloc.hugetlb=1 in the environment, as `benchmarks.run` has it, makes that cheap.

Branches start from one. k of them are compared in three ways:

- split: every view goes through its own branch, one after the other, as sbn trains;
- one batch: the same views through one BatchNorm (`norm.kind='shared'`), a plain model on k times the batch;
- one by one: the views one after the other through one BatchNorm (with `norm.sequential`).

Bar: the memory of k branches is at most 1.05 times k times that of one.
"""

import pathlib

import numpy as np

from benchmarks import rounds as taking
from benchmarks.growth_shown import draw, table
from benchmarks.steps import Step
from sbn.figures.make import to_png

MEMORY_BAR = 1.05
WAYS = {"split": {}, "one batch": {"kind": "shared"}, "one by one": {"kind": "shared", "sequential": True}}


def first_of(axis, base):
    """Returns the value of an axis that its others are compared with."""
    return 1 if axis == "branches" else base[axis]


def points(axis, values, base):
    """Returns (way, value) -> settings of a step, rising; the first is always among them."""
    ways = WAYS if axis == "branches" else {"split": {}}
    return {
        (way, value): {**base, axis: value, **changes}
        for way, changes in ways.items()
        for value in sorted({first_of(axis, base), *values})
        if way == "split" or value > 1
    }


def measured(axis, steps, taken):
    """Returns a row for every point: what was counted, and seconds of a step by the clock and by CPU, one a round."""
    return [
        {
            "axis": axis,
            "way": way,
            "value": value,
            "wall": taken[way, value]["wall"],
            "cpu": taken[way, value]["cpu"],
            "images": step.images,
            "work": step.work,
            "memory": step.temporary,
            "state": step.kept,
        }
        for (way, value), step in steps.items()
    ]


def compared(rows, *, first):
    """Returns the lines of one axis.

    Args:
        rows: of the axis.
        first: the value that the others are divided by.
    """
    found, axis = {(row["way"], row["value"]): row for row in rows}, rows[0]["axis"]
    one, lines = found["split", first], []

    for (way, value), row in found.items():
        split, name = found["split", value], f"{axis} {value}"
        if way == "split" and value != first:
            lines += taking.timed(f"{name}: time / work", row, one, row["work"] / one["work"])
            lines.append(taking.line(f"{name}: memory", row["memory"], one["memory"]))
            if axis == "branches":
                each = value * one["memory"]
                lines.append(taking.line(f"{name}: memory / {value} x one", row["memory"], each, bar=MEMORY_BAR))
        elif way == "one batch":
            lines += taking.timed(f"{name}: split / one batch", split, row)
            lines.append(taking.line(f"{name}: split / one batch, memory", split["memory"], row["memory"]))
        elif way == "one by one":
            lines += taking.timed(f"{name}: one by one / split", row, split)
            lines.append(taking.line(f"{name}: one by one / split, memory", row["memory"], split["memory"]))
    return lines


def a_branch_more(rows):
    """Returns what every further branch takes, on the average from the fewest to the most."""
    split = sorted((row for row in rows if row["way"] == "split"), key=lambda row: row["value"])
    few, many = split[0], split[-1]
    kinds = {"parameters, statistics and momentum": "state", "temporaries": "memory"}
    more = many["value"] - few["value"]
    return {f"a branch more: {name}, MiB": (many[kind] - few[kind]) / more / 2**20 for name, kind in kinds.items()}


def bench(*, model, batch, branches, batches, widths, depths, counts, rounds, times, picture, precision):
    depth, width = map(int, model.split("-"))
    base = {"depth": depth, "width": width, "batch": batch, "branches": branches, "precision": precision}
    asked = {"batch": batches, "width": widths, "depth": depths, "branches": counts}
    rows, lines, facts, made = [], [], {}, {}
    for axis, text in asked.items():
        if not text:
            continue
        settings = points(axis, [int(value) for value in text.split(",")], base)
        for own in settings.values():
            if str(own) not in made:
                made[str(own)] = Step(**own)
                made[str(own)]()
        steps = {point: made[str(own)] for point, own in settings.items()}
        taken = taking.interleaved({point: taking.clocked(step, times) for point, step in steps.items()}, rounds)
        rows += (own := measured(axis, steps, taken))
        lines += compared(own, first=first_of(axis, base))
        facts |= a_branch_more(own) if axis == "branches" else {}
    print(table(rows) + "\n")
    if picture:
        pathlib.Path(picture).write_bytes(to_png(draw(rows, base, {axis: first_of(axis, base) for axis in asked})))
    for row in rows:
        seconds = float(np.median(row["wall"]))
        numbers = {"seconds": seconds, "images a second": row["images"] / seconds, "GFLOP": row["work"] / 1e9}
        numbers |= {"temporary MiB": row["memory"] / 2**20, "state MiB": row["state"] / 2**20}
        facts[f"{row['axis']} {row['value']}, {row['way']}"] = {n: float(f"{v:.4g}") for n, v in numbers.items()}
    return lines, facts


if __name__ == "__main__":
    taking.main(
        __doc__,
        bench,
        model=("16-1", "10-1"),
        batch=(32, 4),
        branches=(2, 1),
        batches=("8,16,32,64,128", "8"),
        widths=("1,2,4", ""),
        depths=("10,16,22,28", ""),
        counts=("1,2,3,4,6,8", "2"),
        rounds=(7, 2),
        times=(1, 1),
        picture=("", ""),
        precision=("float32", "float32"),
    )

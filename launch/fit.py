"""Estimates memory, time and chip-hours of rows on a TPU or GPU, without having one.

    python -m launch.fit split_bn:table3 --topology=v5e:4x4 --set precision=bfloat16 --out=fit.png

It compiles the training step of every row for these chips and prints memory per chip and whether it fits, collectives,
estimated time, and chip-hours. For a row that does not fit it prints a change that makes it fit. Compiling takes
seconds to minutes per row; results are cached, so the same command is fast the second time. `--out` compiles the rows
for every number of chips, and draws step time and memory. Create the environment that compiles once, with
`python -m sbn.accelerators.environment tpu` (or gpu).
"""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from launch.plan import Job, make_jobs
from sbn.accelerators.chips import Topology, topologies, topology
from sbn.accelerators.compiled import Answer, Asked, compile_all, known
from sbn.accelerators.estimate import Fit, fit
from sbn.config import arguments, tree
from sbn.config.durations import clock_time
from sbn.config.errors import ConfigError
from sbn.figures.by_chips import ByChips, draw_by_chips
from sbn.figures.make import to_png
from sbn.runs import commands
from sbn.runs.atomic import write_output

# What makes a step smaller, the cheapest first
REMEDIES: tuple[dict[str, Any], ...] = (
    {"model.remat": True},
    {"optim.accumulate": 2},
    {"optim.accumulate": 4},
    {"model.remat": True, "optim.accumulate": 4},
)
_LANES = 128  # numbers that lie side by side in a TPU's registers
HEADER = (
    "row",
    "fits",
    "GB/chip",
    "examples/chip",
    "collectives",
    "MB exchanged",
    "ms per step",
    "epochs",
    "chip-hours",
)


def measured(flats: Sequence[Mapping[str, Any]], where: Topology, *, tell: bool = True) -> Iterator[Answer]:
    """Yields the answer for the training step of every config, and says how many are left, and for how long."""
    asked = [Asked(flat) for flat in flats]
    missing = sum(known(one, where) is None for one in asked)
    began, done = time.monotonic(), 0
    for answer in compile_all(asked, where):
        yield answer
        done += answer.fresh
        if tell and answer.fresh and done < missing:
            left = (time.monotonic() - began) / done * (missing - done)
            print(f"{where.name}: {done} of {missing} compiled, {clock_time(left)} left", file=sys.stderr, flush=True)


def described(name: str, found: Fit) -> tuple[str, ...]:
    """Returns a row's line of the table, by `HEADER`."""
    return (
        name,
        "yes" if found.fits else "NO",
        f"{found.held / 1e9:.2f} of {found.memory / 1e9:.1f}",
        f"{found.examples:g}",
        f"{found.collectives}",
        f"{found.exchanged / 1e6:.1f}",
        _range(found.step, 1e3),
        f"{found.epochs:g}",
        _range(found.hours, 1),
    )


def remedies(flat: Mapping[str, Any], where: Topology) -> list[str]:
    """Returns what makes a row fit that does not, each tried by compiling it: changes of the row, and more chips."""
    found = []
    for change in REMEDIES:
        changed = {**flat, **change}
        if changed["batch_size"] // where.chips % changed["optim.accumulate"] or flat["optim.accumulate"] > 1:
            continue
        if _fits(changed, where):
            found.append(" ".join(f"--set {key}={value}" for key, value in change.items()))
            break
    larger = [other for other in topologies(where.name.partition(":")[0]) if other.chips > where.chips]
    for other in larger:
        if flat["batch_size"] % other.chips == 0 and _fits(flat, other):
            found.append(f"--topology={other.name}")
            break
    return found


def _fits(flat: Mapping[str, Any], where: Topology) -> bool:
    answer = next(measured([flat], where, tell=False))
    try:
        return fit(answer, where, flat).fits
    except ConfigError:
        return False


def small_batch(flat: Mapping[str, Any], where: Topology, found: Fit) -> str | None:
    """Returns a line where a TPU has fewer images of a view at a time than it computes with at once, else None.

    Networks with fewer channels than that are padded to it: 64 and 32 images took Wide ResNets 1.9 times the cycles of
    one BatchNorm, whose batch of two views is twice as large (benchmarks/README.md).
    """
    at_once = found.examples / flat["optim.accumulate"]
    if where.chip.kind != "tpu" or flat["task"] != "classification" or at_once >= _LANES:
        return None
    return (
        f"{at_once:g} images of a view per chip at a time, and a TPU computes with {_LANES} at once where layers have "
        "few channels: fewer chips, or a larger batch_size, may cost fewer chip-hours"
    )


def table(lines: Sequence[Sequence[str]]) -> str:
    """Returns lines as text in columns."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    shown = []
    for first, *others in lines:
        cells = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))]
        shown.append("  ".join(cells).rstrip())
    return "\n".join(shown)


def by_chips(jobs: Sequence[Job], names: Sequence[str], chip: str) -> dict[str, ByChips]:
    """Returns what every row takes by the number of chips, for those that divide its batch."""
    found = {name: ByChips([], [], []) for name in names}
    for where in topologies(chip):
        flats = {name: tree.flatten(job.config) for name, job in zip(names, jobs, strict=True)}
        flats = {name: flat for name, flat in flats.items() if flat["batch_size"] % where.chips == 0}
        for name, answer in zip(flats, measured(list(flats.values()), where), strict=True):
            if answer.costs is not None:
                row = fit(answer, where, flats[name])
                found[name].chips.append(where.chips)
                found[name].seconds.append(row.step or (0.0, 0.0))
                found[name].memory.append(row.held)
    return {name: points for name, points in found.items() if points.chips}


def _range(pair: tuple[float, float] | None, factor: float) -> str:
    if pair is None:
        return "-"
    low, high = (f"{factor * value:.3g}" for value in pair)
    return low if low == high else f"{low} to {high}"


@commands.command("python -m launch.fit")
def main(argv: Sequence[str]) -> int:
    """Returns the exit code: 0 if all rows fit, 1 if one does not, 2 for a bad command line or if no row compiles."""
    parser = arguments.Parser("python -m launch.fit", description=__doc__)
    parser.add_argument(
        "experiment", nargs="+", metavar="NAME[:TABLE[/ROW]]", help="rows to estimate; * matches anything"
    )
    parser.add_argument(
        "--topology", required=True, metavar="CHIP:SHAPE", help="chips to compile for: v5e:4x4, v5p:2x2x4, h100:8, ..."
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE,VALUE",
        help="override; several values make a grid, as in a sweep",
    )
    parser.add_argument(
        "--out",
        type=arguments.path,
        metavar="FILE.png",
        help="PNG file for a plot of step time and memory by number of chips",
    )
    options = parser.parse_args(argv)
    if options.out:
        arguments.check_output(options.out)
    where = topology(options.topology)
    jobs = make_jobs(options.experiment, seeds=[0], sets=options.set, root="runs")
    names = [job.name.rpartition("/")[0] for job in jobs]
    flats = [tree.flatten(job.config) for job in jobs]
    lines: list[tuple[str, ...]] = [HEADER]
    notes, unfit = [], False
    for name, flat, answer in zip(names, flats, measured(flats, where), strict=True):
        if answer.error:
            unfit = True
            notes.append(f"{name}: {answer.error}")
            continue
        found = fit(answer, where, flat)
        lines.append(described(name, found))
        if small := small_batch(flat, where, found):
            notes.append(f"{name}: {small}")
        if not found.fits:
            unfit = True
            ways = " or ".join(remedies(flat, where)) or "none of remat, accumulate and more chips"
            notes.append(f"{name} does not fit; it does with {ways}")
    if len(lines) == 1:  # nothing is known of any row
        raise ConfigError("; ".join(notes))
    print("\n".join([table(lines), *notes]))
    chip, count = where.chip, f"{where.chips} chip{'s' * (where.chips > 1)}"
    print(f"\n{where.name}: {count} of {chip.memory / 2**30:.4g} GiB ({chip.source}).")
    print("Times are the compiler's and the data sheet's, without evaluation and input: nothing was run.")
    if options.out:
        found_by_chips = by_chips(jobs, names, where.name.partition(":")[0])
        if not found_by_chips:
            raise ConfigError(f"--out={options.out}: nothing could be compiled, so there is nothing to draw")
        write_output(options.out, to_png(draw_by_chips(found_by_chips, available=where.chip.memory)))
        print(f"wrote {options.out}")
    return int(unfit)


if __name__ == "__main__":
    commands.start(main)

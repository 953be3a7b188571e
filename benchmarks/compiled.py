"""Two training steps compiled side by side for chips that are not there: what the compiler says of both, and ratios.

    python -m benchmarks.compiled split_bn:table3/weak_one_norm split_bn:table3/weak_augment --topology=v5e:2x2
    python -m benchmarks.compiled ROW_A ROW_B --topology=h100 precision=bfloat16 batch_size=512 --out=found.json
    python -m benchmarks.compiled ROW ROW --topology=v5e:2x2 --b model.remat=True   # for the second alone

The first is what the second is compared with. Estimated cycles, bytes and memory are those of one chip; they are
counted, and have no noise. Read them as ratios: nothing was timed. `python -m sbn.accelerators.environment tpu` (gpu)
makes what compiles, once.
"""

import argparse
import json
import pathlib
import sys

from sbn.accelerators.chips import topology
from sbn.accelerators.compiled import Asked, compile_all
from sbn.config import command_line, tree
from sbn.config.errors import ConfigError

MEGA, GIGA = 1e6, 1e9


def ask(row, overrides, program):
    """The program of a row EXPERIMENT:TABLE/ROW with overrides KEY=VALUE."""
    if bare := [text for text in overrides if "=" not in text]:
        raise ConfigError(f"{bare[0]!r} is no override: write key=value")
    request = command_line.request(row, dict(text.split("=", 1) for text in overrides))
    return Asked(tree.flatten(request.config), program)


def numbers(answer):
    """What is compared, by name."""
    costs, gpu = answer.costs, answer.costs.kernels > 0
    found = {} if gpu else {"estimated cycles, M": costs.cycles / MEGA}
    found["bytes through kernels, GB" if gpu else "bytes accessed, GB"] = costs.bytes / GIGA
    if costs.flops is not None:
        found["FLOPs, G"] = costs.flops / GIGA
    found["temporary memory, MB"] = costs.memory["temporary"] / MEGA
    found["memory held, MB"] = costs.held / MEGA
    if gpu:
        found |= {"kernels": costs.kernels, "command buffers": costs.command_buffers}
    found |= {name: count for name, count in costs.counts.items()}
    for kind in ("all-reduce", "all-gather", *sorted(costs.collectives)):
        count, size = costs.collectives.get(kind, (0, 0))
        found |= {kind: count, f"{kind}, MB": size / MEGA}
    return found


def compared(first, second):
    """Returns name -> [first, second, second / first] of two answers; no ratio where the first is 0."""
    a, b = numbers(first), numbers(second)
    names = [*a, *(name for name in b if name not in a)]
    pairs = {name: (a.get(name, 0), b.get(name, 0)) for name in names}
    return {name: [x, y, y / x if x else None] for name, (x, y) in pairs.items()}


def table(found, names):
    """Returns the comparison as text."""
    rows = [("", *names, "ratio")]
    for name, (x, y, ratio) in found.items():
        if not x and not y:
            continue
        rows.append((name, f"{x:,.4g}", f"{y:,.4g}", "" if ratio is None else f"{ratio:.3f}"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(c.rjust(w) if n else c.ljust(w) for n, (c, w) in enumerate(zip(row, widths, strict=True)))
        for row in rows
    )


def dearest(answer):
    """Returns the dearest ops as text: their share, what they are, and the line that asked for them."""
    costs = answer.costs
    whole = costs.bytes if costs.kernels else costs.cycles
    root = f"{pathlib.Path(__file__).parents[1]}/"
    lines = []
    for op in costs.dearest:
        where = op.source.removeprefix(root)
        lines.append(f"  {op.cost / whole:6.1%}  {op.opcode:12}  {where:36}  {op.op_name[-60:]:60}  {op.shape[:50]}")
    return "\n".join(lines)


def main(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("first", metavar="ROW_A", help="EXPERIMENT:TABLE/ROW")
    parser.add_argument("second", metavar="ROW_B")
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="for both")
    parser.add_argument("--a", action="append", default=[], metavar="KEY=VALUE", help="for the first alone")
    parser.add_argument("--b", action="append", default=[], metavar="KEY=VALUE", help="for the second alone")
    parser.add_argument("--topology", default="v5e:2x2", metavar="CHIP:SHAPE", help="default: v5e:2x2")
    parser.add_argument("--program", default="step", help="step, or evaluation")
    parser.add_argument("--out", type=pathlib.Path, help="a file for the numbers, as JSON")
    flags = parser.parse_intermixed_args(argv)
    try:
        where = topology(flags.topology)
        programs = [
            ask(flags.first, [*flags.overrides, *flags.a], flags.program),
            ask(flags.second, [*flags.overrides, *flags.b], flags.program),
        ]
        answers = []
        for name, answer in zip((flags.first, flags.second), compile_all(programs, where), strict=True):
            if answer.costs is None:
                held = f"it needs {answer.held / GIGA:.1f} GB on a chip" if answer.held else answer.error
                raise ConfigError(f"{name}: {held}")
            print(f"{name}: compiled for {where.name} in {answer.seconds:.0f} s", flush=True)
            answers.append(answer)
    except ConfigError as error:
        parser.exit(2, f"benchmarks.compiled: {error}\n")
    found = compared(*answers)
    print("\n" + table(found, ("A", "B")))
    for name, row, answer in zip("AB", (flags.first, flags.second), answers, strict=True):
        print(f"\n{name}, {row}: the dearest ops\n{dearest(answer)}")
    if flags.out:
        settings = {key: getattr(flags, key) for key in ("first", "second", "overrides", "a", "b", "program")}
        flags.out.write_text(json.dumps({"topology": where.name, **settings, "compared": found}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

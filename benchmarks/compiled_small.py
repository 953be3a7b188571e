"""Two small steps, split and of one norm on the same images, compiled for a TPU and a GPU: the split one stays cheap.

    python -m benchmarks.compiled_small [tpu] [gpu]

Makes the environments that compile where they are not there. Exit code 1 if a bar is missed; a kind whose packages
can't be installed is skipped, with a word. The bars are those of a network as small as this: the smaller the steps, the
more their fixed parts weigh.
"""

import sys
import time

from benchmarks.compiled import ask, compared
from sbn.accelerators import environment
from sbn.accelerators.chips import topology
from sbn.accelerators.compiled import compile_all
from sbn.config.errors import ConfigError, unknown

TOPOLOGIES = {"tpu": "v5e:2x2", "gpu": "h100:1"}
ROWS = ("split_bn:table3/weak_one_norm", "split_bn:table3/weak_augment")
# Every layer more takes the TPU's compiler some ten seconds.
OVERRIDES = (
    "model.name=benchmarks.one_block:OneBlock",
    "model.depth=None",
    "model.width=None",
    "batch_size=512",
    "data.path=host",
)
# The most that the split step may be of the other. Activations that keep an axis of branches cost 7.7 times the cycles
# and 30 times the memory on a TPU; there this network's fit into what no program counts as temporary memory. On one GPU
# the step holds the activations of one view at a time.
BARS = {
    "tpu": {"estimated cycles, M": 1.10, "memory held, MB": 1.50, "all-reduce": 1.10},
    "gpu": {"bytes through kernels, GB": 1.05, "temporary memory, MB": 0.85},
}


def missed(found, bars):
    """What is over its bar, as lines."""
    over = {name: (found[name][2], bar) for name, bar in bars.items() if (found[name][2] or 0) > bar}
    lines = [f"{name}: split / one norm is {ratio:.3f}, bar {bar}" for name, (ratio, bar) in over.items()]
    return lines + ["there are all-gathers"] * bool(found["all-gather"][1])


def check(kind):
    """Returns what was missed on a kind's compiler.

    Raises:
        ConfigError: if a program can't be compiled.
    """
    where = topology(TOPOLOGIES[kind])
    answers = list(compile_all([ask(row, OVERRIDES, "step") for row in ROWS], where))
    for answer in answers:
        if answer.costs is None:
            raise ConfigError(answer.error or f"the step needs {answer.held} bytes")
    found = compared(*answers)
    shown = ", ".join(f"{name} {found[name][2]:.3f} (<= {bar})" for name, bar in BARS[kind].items())
    print(f"{where.name}: split / one norm: {shown}", flush=True)
    return missed(found, BARS[kind])


def main(argv):
    """Returns the exit code."""
    failed = False
    for kind in argv or TOPOLOGIES:
        if kind not in TOPOLOGIES:
            print(unknown("kind", kind, TOPOLOGIES), file=sys.stderr)
            return 2
        began = time.monotonic()
        try:
            environment.make(kind, environment.folder(kind))
        except ConfigError as error:
            print(f"{kind}: skipped, its compiler can't be installed here: {error}")
            continue
        try:
            lines = check(kind)
        except ConfigError as error:
            lines = [str(error)]
        print(*(f"{kind}: MISSED: {line}" for line in lines), sep="\n", end="\n" * bool(lines))
        print(f"{kind}: {time.monotonic() - began:.0f} s", flush=True)
        failed |= bool(lines)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

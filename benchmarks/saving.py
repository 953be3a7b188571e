"""What a checkpoint costs the training that goes on beside it.

    python -m benchmarks.saving --model=28-2 --steps=10

A round is `steps` training steps: without a save; with one begun after the first of them, as a run saves (the arrays
are checked and copied, then written while steps go on); with one that is waited for. Facts are seconds: of the call
that begins a save, which is what the steps wait for, and of all that a save costs such a round.
"""

import contextlib
import tempfile
import time

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import rounds as taking
from benchmarks.train_step import BRANCHES, Runner, make_variants
from sbn.train.checkpoint import Checkpoints
from sbn.train.state import TrainState


def bench(*, model: str, batch: int, steps: int, rounds: int) -> tuple[list[dict], dict]:
    depth, width = map(int, model.split("-"))
    images = jax.random.normal(jax.random.key(1), (batch, BRANCHES, 32, 32, 3))
    labels = jnp.broadcast_to(jnp.arange(batch)[:, None] % 10, (batch, BRANCHES))
    step = Runner(make_variants(depth, width)["split"], images, labels)
    calls: list[float] = []

    with tempfile.TemporaryDirectory() as folder:
        saver = Checkpoints(folder, keep=2, branches=("main", "aux"))

        def save() -> None:
            start = time.perf_counter()
            number = len(calls)
            saver.save(number, TrainState(jnp.asarray(number), *step.state), seconds=0.0)
            calls.append(time.perf_counter() - start)

        def run(*after_first) -> None:
            for number in range(steps):
                step()
                if number == 0:
                    for action in after_first:
                        action()

        def settled(*after_first):
            """A measure that begins with nothing being written; what still is at its end counts as its own."""
            measure = taking.clocked(lambda: (run(*after_first), saver.wait()))
            return lambda: (saver.wait(), measure())[1]

        rounds_of = {"none": settled(), "begun": settled(save), "waited for": settled(save, saver.wait)}
        with contextlib.closing(saver):
            rounds_of["begun"]()  # compiles the step's neighbours, makes the folders
            first, calls[:] = calls[0], [0.0]
            found = taking.interleaved(rounds_of, rounds)
        size = sum(leaf.nbytes for leaf in jax.tree.leaves(step.state))
    lines = []
    for kind in ("wall", "cpu"):
        none = found["none"][kind]
        lines += [taking.line(f"{name} / none, {kind}", found[name][kind], none) for name in ("begun", "waited for")]
    none = found["none"]["wall"]
    return lines, {
        "state MiB": size / 2**20,
        "first call s": first,
        "call s": float(np.median(calls[1:])),
        "begun: seconds more a round": float(np.median(found["begun"]["wall"] - none)),
        "waited for: seconds more a round": float(np.median(found["waited for"]["wall"] - none)),
        "steps that a save costs": float(np.median((found["begun"]["wall"] - none) / none)) * steps,
    }


if __name__ == "__main__":
    taking.main(__doc__, bench, model=("28-2", "10-1"), batch=(32, 4), steps=(10, 3), rounds=(7, 2))

"""What stands between a command and its first step: with nothing compiled before, and with the compilation cache.

    python -m benchmarks.start_up --model=28-2 --path=host

Each start is a process of its own. `cold` has an empty cache, `cached` that of an earlier start. Lines are shares of
the cold start, facts the seconds of every part: of Python, imports, data, the initial state, the first batch (tf.data
builds its graph), the first step (traced, compiled or read from the cache, run). Without TensorFlow the path is the
device's.
"""

import json
import os
import subprocess
import sys
import tempfile
import time

import numpy as np

from benchmarks import rounds as taking


def start(model: str, batch: int, path: str, cache: str) -> dict[str, float]:
    """Returns the seconds of the parts of one start, and 'all' of them."""
    words = [sys.executable, "-m", "benchmarks.first_step", model, str(batch), path, str(time.time())]
    env = {**os.environ, "JAX_COMPILATION_CACHE_DIR": cache}
    for name in ("MIN_COMPILE_TIME_SECS", "MIN_ENTRY_SIZE_BYTES"):  # a run's own, whatever this shell has
        env.pop(f"JAX_PERSISTENT_CACHE_{name}", None)
    answer = subprocess.run(words, env=env, stdout=subprocess.PIPE, text=True, check=True).stdout
    parts = json.loads(answer.splitlines()[-1])
    return {**parts, "all": sum(parts.values())}


def bench(*, model: str, batch: int, path: str, rounds: int) -> tuple[list[dict], dict]:
    with tempfile.TemporaryDirectory() as warm:
        start(model, batch, path, warm)

        def cold() -> dict[str, float]:
            with tempfile.TemporaryDirectory() as empty:
                return start(model, batch, path, empty)

        found = taking.interleaved({"cold": cold, "cached": lambda: start(model, batch, path, warm)}, rounds)
    lines = [
        taking.line("cached / cold", found["cached"]["all"], found["cold"]["all"]),
        taking.line("cached / cold, first step", found["cached"]["first step"], found["cold"]["first step"]),
    ]
    facts = {
        f"{name}: {part} s": float(np.median(seconds))
        for name, parts in found.items()
        for part, seconds in parts.items()
    }
    return lines, facts


if __name__ == "__main__":
    # Each start says itself which cache it has
    usual = "device" if taking.missing("tensorflow") else "host"
    taking.main(
        __doc__,
        bench,
        cached=False,
        model=("28-2", "10-1"),
        batch=(128, 8),
        path=(usual, usual),
        rounds=(5, 2),
    )

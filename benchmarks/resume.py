"""Starting late costs what starting at once costs: time to the first batch at step 78,000 against step 0.

    python benchmarks/resume.py [--rounds=5]

50,000 images of 32 x 32, batch 128, weak and strong views: the paper's run, resumed at its end. Rounds alternate.
"""

import argparse
import statistics
import time

import numpy as np

from sbn.augment import pipeline
from sbn.data.host import View, batches
from sbn.data.sources import Source

VIEWS = ("crop(4)|flip|cutout(16)", "randaugment(3, 4)|crop(4)|flip|cutout(16)")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    images = np.random.default_rng(0).integers(0, 256, (50_000, 32, 32, 3), np.uint8)
    source = Source(images, np.zeros(50_000, np.int32), 10, (0.5,) * 3, (0.25,) * 3)
    views = [View(pipeline.parse(text), k) for k, text in enumerate(VIEWS)]

    def first_batch(start):
        began = time.perf_counter()
        batch = next(batches(source, views, seed=0, stage=0, batch_size=128, start=start, stop=start + 10))
        return time.perf_counter() - began, batch

    first_batch(0)  # TensorFlow's own start
    seconds = {start: [] for start in (0, 78_000)}
    for _ in range(rounds):
        for start, times in seconds.items():
            times.append(first_batch(start)[0])
    for start, times in seconds.items():
        print(
            f"first batch at step {start:>6}: median {statistics.median(times):.2f} s "
            f"({min(times):.2f} to {max(times):.2f})"
        )
    ratios = [late / early for early, late in zip(*seconds.values(), strict=True)]
    print(f"late / early, round by round: median {statistics.median(ratios):.2f} (bar: 1.2)")

    # The bits: step 77,999 of an iterator that began a little before is that of one that begins there.
    running = batches(source, views, seed=0, stage=0, batch_size=128, start=77_990, stop=78_001)
    *_, expected, _ = running
    late = next(batches(source, views, seed=0, stage=0, batch_size=128, start=77_999, stop=78_000))
    print("bits equal:", all(np.array_equal(expected[name], late[name]) for name in expected))


if __name__ == "__main__":
    main()

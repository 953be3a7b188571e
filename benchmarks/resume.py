"""Starting late costs what starting at once costs: time to the first batch at step 78,000 against step 0.

    python -m benchmarks.resume [--rounds=5]

50,000 images of 32 x 32, batch 128, weak and strong views: the paper's run, resumed at its end.
Bars: 1.2, and equal bits.
"""

import jax
import numpy as np

from benchmarks import rounds as taking
from sbn.augment import pipeline
from sbn.data.examples import in_memory
from sbn.data.host import batches
from sbn.data.views import View

VIEWS = ("crop(4)|flip|cutout(16)", "randaugment(3, 4)|crop(4)|flip|cutout(16)")


def bench(*, rounds):
    images = np.random.default_rng(0).integers(0, 256, (50_000, 32, 32, 3), np.uint8)
    source = in_memory({"image": images, "label": np.zeros(50_000, np.int32)}, name="noise", classes=10)
    views = [View(pipeline.parse(text), k) for k, text in enumerate(VIEWS)]

    def first_batch(start):
        return next(batches(source, views, seed=0, stage=0, batch_size=128, start=start, stop=start + 10))

    first_batch(0)  # TensorFlow's own start
    measures = {start: taking.clocked(lambda start=start: first_batch(start)) for start in (0, 78_000)}
    times = {start: found["wall"] for start, found in taking.interleaved(measures, rounds).items()}
    facts = {f"seconds at step {start}": float(np.median(found)) for start, found in times.items()}

    # The bits: step 77,999 of an iterator that began a little before is that of one that begins there.
    running = batches(source, views, seed=0, stage=0, batch_size=128, start=77_990, stop=78_001)
    *_, expected, _ = running
    late = next(batches(source, views, seed=0, stage=0, batch_size=128, start=77_999, stop=78_000))
    equal = jax.tree.map(np.array_equal, expected, late)  # of the batch and of the step's numbers
    facts["bits equal"] = all(jax.tree.leaves(equal))
    unequal = taking.line("batches that differ", 1 - int(facts["bits equal"]), bar=0)
    return [taking.line("late / early", times[78_000], times[0], bar=1.2), unequal], facts


if __name__ == "__main__":
    taking.main(__doc__, bench, needs=("tensorflow",), rounds=(5, 2))

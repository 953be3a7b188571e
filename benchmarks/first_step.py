"""From nothing to the end of the first step, as a run does it; prints when each part was over, as JSON.

    python -m benchmarks.first_step MODEL BATCH PATH SINCE

SINCE is when the process was asked for, in seconds since the epoch; `benchmarks.start_up` does that.
"""

import json
import sys
import time


def main(model, batch, path, since):
    marks = {}

    def over(part):
        nonlocal since
        now = time.time()
        marks[part], since = now - since, now

    over("python")
    from benchmarks.parts import Parts, make_config
    from sbn.train import process
    from sbn.train.loop import train  # noqa: F401  (all that a run imports)

    process.prepare()
    over("imports")
    parts = Parts(make_config(model, batch, path))
    over("data")
    start = parts.state()
    over("initial state")
    first = next(parts.fed([1]))
    over("first batch")
    _, metrics = parts.step()(start, *first, parts.feed.resident)
    float(metrics["grad_norm"][0])
    over("first step")
    return marks


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]), sys.argv[3], float(sys.argv[4]))))

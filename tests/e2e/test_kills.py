"""Twenty kills at random moments, many inside a checkpoint write: the run ends with the uninterrupted run's bits."""

import random
import signal
import time

import pytest

from sbn.train import train
from tests.e2e import runs

KILLS = 20


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_run_killed_twenty_times_ends_with_the_same_bits(tiny, tmp_path):
    # Checkpoints so often that most of the time one is being written.
    config = tiny(
        {"duration": "3000 steps", "save.every": "5 steps", "eval.every": "1000 steps", "log.every": "5 steps"}
    )
    train(config, tmp_path / "whole")

    moments = random.Random(0)
    kills = drafts = 0
    while not (tmp_path / "killed/result.json").exists():
        process = runs.start(config, tmp_path / "killed")
        with process:
            first = next((line for line in process.stdout if line.startswith("step")), "")
            if kills < KILLS and first:
                time.sleep(moments.uniform(0, 1.5))
                process.kill()
                kills += 1
            output = first + process.stdout.read()
        assert process.returncode in (0, -signal.SIGKILL), output
        drafts += any("tmp" in path.name for path in (tmp_path / "killed/checkpoints").iterdir())

    assert kills == KILLS, f"the run was done after {kills} kills: make it longer"
    assert drafts > 0, "no kill fell into a checkpoint write"
    assert not list((tmp_path / "killed").glob("damaged_*"))
    runs.assert_same_state(runs.final_state(tmp_path / "killed"), runs.final_state(tmp_path / "whole"))
    assert runs.metric_lines(tmp_path / "killed") == runs.metric_lines(tmp_path / "whole")

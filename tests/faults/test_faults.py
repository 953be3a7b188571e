"""The kinds of faults, one of each: what `test_kills.py`, `test_machine.py` and `test_signals.py` try at length."""

import os
import socket

import pytest

from sbn.runs.lock import LOCK
from tests.faults import scenarios
from tests.faults.faults import KILLED
from tests.faults.test_machine import assert_told


@pytest.mark.parametrize("operation", ["os.rename 2.orbax-checkpoint-tmp", "os.remove lock.json"])
def test_a_run_that_is_killed_before_a_file_operation_ends_with_the_same_bits(train, goes_on, tmp_path, operation):
    fault = {"under": [str(tmp_path / "run")], "log": str(tmp_path.with_suffix(".log")), "kill_like": operation}
    assert train(("operations", fault)).code == KILLED
    assert (tmp_path / "run" / LOCK).exists()
    goes_on()
    assert not (tmp_path / "run" / LOCK).exists()


def test_the_second_start_of_a_run_is_refused_and_the_first_goes_on_unharmed(warm, train, goes_on, tmp_path):
    gate = str(tmp_path / "gate")
    words = ["sbn.train", scenarios.ROW, f"--workdir={tmp_path}/run"]
    first = warm.start(*words, faults=[("at_line", {"start": "step 2", "call": ["wait", {"path": gate}]})])
    warm.until(gate + ".reached")
    second = train()
    since = f"process {first.pid} on {socket.gethostname()} since "
    assert_told(second, f"run is being trained by {since}", code=2)
    assert second.out == ""
    os.close(os.open(gate, os.O_CREAT))
    assert first.wait().code == 0
    assert not (tmp_path / "run" / LOCK).exists()
    goes_on()

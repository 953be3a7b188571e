"""A process that is killed before any one of its file operations: the same command again ends as ever."""

import os
import random
import re
import shutil

import pytest

from tests.faults import scenarios
from tests.faults.faults import KILLED
from tests.faults.scenarios import OTHER_TASKS, SCENARIOS

ALL = os.environ.get("SBN_ALL_KILLS") == "1"  # every operation; otherwise one of each kind, place in the code and name
_CHANGING = re.compile(r"[0-9a-f]{16,}|\d+")


class Killing:
    """One scenario: undisturbed once, then as often as wanted with a kill."""

    def __init__(self, warm, run, tmp_path, scenario):
        self._warm, self._run, self._folder = warm, run, tmp_path / "here"
        self._scenario, self._log = scenario, tmp_path / "operations"
        self._prepare()
        ended = self._start(0)
        self.whole = scenarios.outcome(self._scenario, self._folder, ended)
        self.operations = self._log.read_text().splitlines()

    def kinds(self):
        """The numbers of the first operation of each kind."""
        seen = {}
        for number, line in enumerate(self.operations, start=1):
            seen.setdefault(_CHANGING.sub("#", line.partition(" ")[2]), number)
        return list(seen.values())

    def kill_before(self, number):
        """Kills it before an operation, starts it again, and compares; returns whether it got as far as that."""
        self._prepare()
        ended = self._start(number)
        if ended.code == 0:
            return False
        at = self._log.read_text().splitlines()[-1]
        assert ended.code == KILLED, (at, ended)
        self._scenario.whole(self._warm, self._folder)
        again = self._warm.run(*scenarios.words_of(self._scenario, self._folder))
        assert again.code == 0, (at, again)
        found = scenarios.outcome(self._scenario, self._folder, again)
        different = {key for key in {**found, **self.whole} if found.get(key) != self.whole.get(key)}
        assert not different, (at, {key: (self.whole.get(key), found.get(key)) for key in different})
        return True

    def _prepare(self):
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir()
        self._scenario.before(self._warm, self._folder, self._run)

    def _start(self, kill_at):
        self._log.unlink(missing_ok=True)
        fault = {"under": [str(self._folder)], "log": str(self._log), "kill_at": kill_at}
        words = scenarios.words_of(self._scenario, self._folder)
        return self._warm.run(*words, faults=[("operations", fault)])


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_command_killed_before_any_file_operation_ends_the_same_when_run_again(warm, run, tmp_path, name):
    killing = Killing(warm, run, tmp_path, SCENARIOS[name])
    numbers = range(1, len(killing.operations) + 1) if ALL else killing.kinds()
    reached = [number for number in numbers if killing.kill_before(number)]
    print(f"{name}: {len(reached)} kills of {len(killing.operations)} operations")
    assert len(reached) > 0.9 * len(numbers)  # threads may save an operation or two


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("task", OTHER_TASKS)
def test_a_run_of_another_task_killed_before_some_file_operation_ends_with_the_same_bits(warm, tmp_path, task):
    killing = Killing(warm, None, tmp_path, OTHER_TASKS[task])
    saves = [number for number, line in enumerate(killing.operations, start=1) if "checkpoint" in line]
    number = random.Random(task).choice(saves)
    assert killing.kill_before(number), killing.operations[number - 1]

"""Lines of metrics are counted: none is lost, added or changed without a word."""

import json
import logging
import math

import pytest

from sbn.runs.content import Damaged
from sbn.runs.metrics import Log, courses, proof, read_lines


@pytest.fixture
def path(tmp_path):
    return tmp_path / "metrics.jsonl"


def written(path, steps=range(1, 11)):
    log = Log(path, step=0, kept="")
    for step in steps:
        log.append(step, {"a": step / 10})
    return log


SPOILT = {
    "a third of it": lambda whole: whole[: len(whole) // 3],
    "nothing": lambda whole: b"",
    "zeros": lambda whole: bytes(len(whole)),
    "a line less": lambda whole: whole.partition(b"\n")[2],
    "a line twice": lambda whole: whole + whole.splitlines(keepends=True)[-1],
    "another number": lambda whole: whole.replace(b"0.5", b"0.6"),
}


@pytest.mark.parametrize("spoil", SPOILT)
def test_a_file_that_is_not_what_the_run_wrote_is_damaged(path, spoil):
    proven = written(path).settle()
    assert len(read_lines(path, proven=proven)) == 10
    path.write_bytes(SPOILT[spoil](path.read_bytes()))
    with pytest.raises(Damaged) as raised:
        read_lines(path, proven=proven)
    assert "where the run wrote 10" in raised.value.reason or "changed since" in raised.value.reason


def test_a_file_that_is_gone_is_damaged_too(path):
    proven = written(path).settle()
    path.unlink()
    with pytest.raises(Damaged, match="0 lines where the run wrote 10"):
        read_lines(path, proven=proven)


@pytest.mark.parametrize("spoil", SPOILT)
def test_a_run_that_goes_on_gets_the_lines_of_its_checkpoint_back(path, spoil, caplog):
    whole = written(path).text
    path.write_bytes(SPOILT[spoil](path.read_bytes()))
    with caplog.at_level(logging.WARNING):
        again = Log(path, step=10, kept=whole)
    assert path.read_text() == whole
    assert again.settle() == proof(whole.encode())
    # a line more is what a kill after the checkpoint leaves: no reason for a word
    assert bool(caplog.messages) == (spoil != "a line twice")


def test_lines_after_the_restored_step_are_dropped_with_and_without_those_of_a_checkpoint(path):
    log = written(path, steps=(1, 2))
    kept = log.text
    log.append(3, {"a": 0.3})
    Log(path, step=2, kept=kept)
    assert [line["step"] for line in read_lines(path)] == [1, 2]
    log = written(path, steps=(1, 2, 3))
    path.write_text(path.read_text() + '{"step": 4, "a"')
    older = Log(path, step=2, kept=None)  # of a checkpoint that was made before they held lines
    older.append(3, {"a": 33})
    assert [line["a"] for line in read_lines(path)] == [0.1, 0.2, 33]


@pytest.mark.parametrize("line", ["{", "3", "{}", '{"step": "1"}', '{"step": 1, "a": "b"}', '{"step": -1}', "\x00"])
def test_a_line_in_the_middle_that_is_none_is_damage_in_older_runs(path, line):
    path.write_text(f'{{"step": 1}}\n{line}\n{{"step": 2}}\n')
    with pytest.raises(Damaged, match="line 2"):
        read_lines(path)


def test_one_value_per_metric_and_step_and_training_wins():
    training = [{"step": 10, "a": 0.5}, {"step": 20, "a": 0.7, "b": 1.0}, {"step": 20, "a": 0.8}]
    later = [{"step": 20, "a": 0.1, "c": 3.0}]
    found = courses(training, later)
    assert found == {"a": {10: 0.5, 20: 0.8}, "b": {20: 1.0}, "c": {20: 3.0}}
    assert list(courses([{"step": 2, "a": 1.0}, {"step": 1, "a": 2.0}])["a"]) == [1, 2]


def test_numbers_that_are_not_finite_come_back(path):
    path.write_text(json.dumps({"step": 1, "a": None, "b": math.inf}) + "\n")
    (line,) = read_lines(path)
    assert math.isnan(line["a"])
    assert line["b"] == math.inf

"""What takes long says how far it has come, at which rate, and how long the rest takes; what does not is silent."""

import logging
import os
import signal

import pytest
from etils import epath

from sbn.config.durations import clock_time
from sbn.runs import signals
from sbn.runs.content import read_json
from sbn.runs.progress import Progress, shown


def told(caplog, seconds_each, count=6):
    times = iter([0.0, *(seconds_each * i for i in range(1, count + 1))])
    with caplog.at_level(logging.INFO):
        assert list(shown(iter(range(count)), "fog: sets", total=count, clock=lambda: next(times))) == list(
            range(count)
        )
    return caplog.messages


def test_done_rate_and_time_left_are_told_every_ten_seconds(caplog):
    assert told(caplog, 7.0) == [
        "fog: sets: 2 of 6, 0.143 per second, 0:28 left",  # at 14 s
        "fog: sets: 4 of 6, 0.143 per second, 0:14 left",
        "fog: sets: 6 of 6, 0.143 per second, 0:00 left",
    ]


def test_items_that_know_their_number_need_not_be_told_it(caplog):
    times = iter([0.0, 11.0, 12.0])
    with caplog.at_level(logging.INFO):
        assert list(shown(["a", "b"], "fog: sets", clock=lambda: next(times))) == ["a", "b"]
    assert caplog.messages[0].startswith("fog: sets: 1 of 2")


def test_what_is_short_is_silent(caplog):
    assert told(caplog, 1.5) == []


def items_of_which_the_first_is_followed_by_a_signal():
    yield 1
    os.kill(os.getpid(), signal.SIGTERM)
    yield 2


def test_an_evaluation_within_training_ends_although_a_signal_came():
    with signals.noting() as notice:
        assert list(shown(items_of_which_the_first_is_followed_by_a_signal(), "fog: sets", total=2)) == [1, 2]
        assert notice.given


def test_elsewhere_a_signal_to_stop_is_heard_between_two_items(monkeypatch):
    monkeypatch.setattr(signals.notice(), "number", signal.SIGTERM)
    with pytest.raises(signals.Stopped):
        next(shown([1, 2], "fog: sets"))


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def progress_of(folder, total, clock, **options):
    shape = {"total": total, "stages": {"train": (0, total)}, "batch_size": 1, "start": 0, "seconds": 0}
    return Progress(epath.Path(folder), **{**shape, **options}, clock=clock)


def stored(folder):
    return read_json(folder / "progress.json")


def test_progress_shows_rate_share_and_time_left(tmp_path, capsys):
    clock = Clock()
    progress = progress_of(tmp_path, 1000, clock, seconds=50.0, batch_size=128)
    clock.now += 20  # compilation is in here
    progress.report(10, {})
    clock.now += 10
    progress.report(60, {"train/loss": 1.23456})
    line = capsys.readouterr().out.splitlines()[-1]
    assert line == "step   60/1000   6.0%  5 steps/s (640 examples/s)  left 3:08  train/loss 1.235"
    numbers = stored(tmp_path)
    assert numbers.pop("time") > 1.7e9  # of today's clock, by which a reader knows whether the run is alive
    assert numbers.pop("stages") == {"train": [0, 1000]}
    assert numbers == {
        "format": 1,
        "step": 60,
        "total": 1000,
        "steps_per_second": 5.0,
        "seconds": 80.0,
        "seconds_left": 188.0,
    }
    assert [path.name for path in tmp_path.iterdir()] == ["progress.json"]  # no draft is left


def test_evaluations_count_in_the_time_left_and_not_in_the_rate(tmp_path):
    clock = Clock()
    progress = progress_of(tmp_path, 100, clock)
    progress.report(10, {})
    clock.now += 30  # an evaluation
    progress.restart_rate()
    clock.now += 10
    progress.report(20, {})
    assert stored(tmp_path)["steps_per_second"] == 1.0
    assert stored(tmp_path)["seconds_left"] == 80 * 40 / 10


def test_compiling_is_said_first_and_of_it_comes_no_estimate(tmp_path, capsys):
    clock = Clock()
    progress = progress_of(tmp_path, 1000, clock)
    assert capsys.readouterr().out == "compiling the training step ...\n"
    clock.now += 60
    progress.report(10, {})
    assert capsys.readouterr().out == "step   10/1000   1.0%  compiled  left unknown yet\n"
    assert (stored(tmp_path)["seconds_left"], stored(tmp_path)["steps_per_second"]) == (None, None)
    progress = progress_of(tmp_path, 10, clock)
    progress.report(10, {})
    assert stored(tmp_path)["seconds_left"] == 0


def test_of_several_processes_one_talks(tmp_path, capsys):
    progress_of(tmp_path, 100, Clock(), active=False).report(10, {})
    assert capsys.readouterr().out == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (61.4, "1:01"), (3600 * 25 + 62, "25:01:02")])
def test_clock_time(seconds, text):
    assert clock_time(seconds) == text


def test_a_run_between_two_reports_says_by_time_how_far_it_is(tmp_path, capsys):
    clock = Clock()
    progress = progress_of(tmp_path, 1000, clock, batch_size=4)
    clock.now += 32
    progress.tick(1)
    for step in range(2, 132):
        clock.now += 1
        progress.tick(step)
    # an hour-long stretch without a report is not silent; in a log, a line per minute
    assert capsys.readouterr().out.splitlines() == [
        "compiling the training step ...",
        "compiled in 0:32",
        "step   61/1000   6.1%  1 steps/s (4 examples/s)  left 15:39",
        "step  121/1000  12.1%  1 steps/s (4 examples/s)  left 14:39",
    ]
    assert stored(tmp_path)["step"] == 121
    progress.report(131, {})
    capsys.readouterr()
    for step in range(132, 190):
        clock.now += 1
        progress.tick(step)
    assert capsys.readouterr().out == ""  # the report counts as a line


def test_on_a_terminal_the_line_is_overwritten_by_the_next(tmp_path, capsys, monkeypatch):
    clock = Clock()
    progress = progress_of(tmp_path, 100, clock)
    monkeypatch.setattr(Progress, "_terminal", lambda self: True)
    for step in (1, 2, 3):
        clock.now += 11
        progress.tick(step)
    progress.show("accuracy 0.5")
    _, compiled, rest = capsys.readouterr().out.split("\n", 2)
    assert compiled == "compiled in 0:11"
    second, third, last = rest.split("\r\x1b[K")
    assert (second[:10], third[:10], last) == ("step   2/1", "step   3/1", "accuracy 0.5\n")

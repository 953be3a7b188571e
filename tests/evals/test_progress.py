"""A long evaluation says how far it is; a short one says nothing."""

import jax

from sbn.evals.progress import shown


def lines(capsys, seconds_each, count=6):
    times = iter([0.0, *(seconds_each * i for i in range(count))])
    assert list(shown(iter(range(count)), "fog: sets", total=count, clock=lambda: next(times))) == list(range(count))
    return capsys.readouterr().out.splitlines()


def test_done_rate_and_time_left_are_shown_every_ten_seconds(capsys):
    assert lines(capsys, 7.0) == [
        "fog: sets 2/6  0.143 a second  left 0:28",  # at 14 s
        "fog: sets 4/6  0.143 a second  left 0:14",  # at 28 s
    ]


def test_items_that_know_their_number_need_not_be_told_it(capsys):
    times = iter([0.0, 0.0, 11.0])
    assert list(shown(["a", "b"], "fog: sets", clock=lambda: next(times))) == ["a", "b"]
    assert capsys.readouterr().out.startswith("fog: sets 1/2")


def test_what_is_short_is_silent(capsys):
    assert lines(capsys, 1.5) == []


def test_one_process_talks(capsys, monkeypatch):
    monkeypatch.setattr(jax, "process_index", lambda: 1)
    assert lines(capsys, 7.0) == []

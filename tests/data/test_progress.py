"""What takes long says how far it has come; what does not says nothing."""

import logging

import pytest

from sbn.data import progress


@pytest.fixture
def clock(monkeypatch):
    """A clock that only its owner moves on."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_progress_is_told_every_ten_seconds_with_the_time_left(clock, caplog):
    caplog.set_level(logging.INFO)
    passed = []
    for item in progress.told("abcdefgh", count=8, what="reading"):
        passed.append(item)
        clock[0] += 6
    assert passed == list("abcdefgh")
    # after 12, 24, 36 and 48 seconds; the last says that nothing is left
    assert caplog.messages == [
        "reading: 2 of 8, 0:36 left",
        "reading: 4 of 8, 0:24 left",
        "reading: 6 of 8, 0:12 left",
        "reading: 8 of 8, 0:00 left",
    ]


def test_what_is_quick_is_passed_over_in_silence(clock, caplog):
    caplog.set_level(logging.INFO)
    assert list(progress.told(range(5), count=5, what="reading")) == list(range(5))
    assert not caplog.messages

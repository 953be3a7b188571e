"""What a command does before it trains or evaluates."""

import logging
import sys

import pytest

from sbn.train.process import prepare


@pytest.fixture
def loggers():
    """The logs of Orbax and of this package, as they were once the test is over."""
    logs = {name: logging.getLogger(name) for name in ("absl", "sbn")}
    before = {name: (log.filters[:], log.handlers[:], log.level, log.propagate) for name, log in logs.items()}
    for log in logs.values():  # other tests of this process may have prepared them
        log.filters = []
    yield logs
    for name, log in logs.items():
        log.filters, log.handlers, level, log.propagate = before[name]
        log.setLevel(level)


def test_orbax_remarks_on_a_file_that_nothing_reads_are_not_shown_and_others_are(loggers, monkeypatch):
    monkeypatch.delenv("SBN_MULTIHOST", raising=False)
    prepare()

    def shown(text, *values):
        return loggers["absl"].filter(logging.LogRecord("absl", logging.WARNING, "", 0, text, values, None))

    assert not shown("Metadata file does not exist: %s", "runs/a/checkpoints/8/_CHECKPOINT_METADATA")
    assert shown("Checkpoint %d is damaged", 8)


def test_errors_of_orbaxs_threads_are_shown_where_they_are_asked_for_alone(loggers, monkeypatch):
    """Of a full disk each thread logs a traceback; the error is raised too, and told in one line."""
    for name in ("SBN_MULTIHOST", "SBN_TRACEBACK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    error = logging.LogRecord("absl", logging.ERROR, "/x/orbax/future.py", 0, "run() raised an exception", (), None)
    monkeypatch.setenv("SBN_TRACEBACK", "1")
    prepare()
    assert loggers["absl"].filter(error)
    monkeypatch.delenv("SBN_TRACEBACK")
    prepare()
    assert not loggers["absl"].filter(error)
    assert loggers["absl"].filter(logging.LogRecord("absl", logging.ERROR, "/x/clu/a.py", 0, "failed", (), None))

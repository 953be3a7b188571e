"""What a command does before it trains or evaluates."""

import logging

import pytest

from sbn.train.process import prepare


@pytest.fixture
def loggers():
    """The logs of Orbax and of this package, as they were once the test is over."""
    logs = {name: logging.getLogger(name) for name in ("absl", "sbn")}
    before = {name: (log.filters[:], log.handlers[:], log.level, log.propagate) for name, log in logs.items()}
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

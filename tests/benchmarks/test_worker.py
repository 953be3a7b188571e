"""The other process of a bench, and what is refused of it; nothing here is timed."""

import sys

import pytest

from benchmarks import worker

MODULE = "tests.benchmarks.answering"


def test_every_name_is_answered_by_its_measure_and_what_is_printed_disturbs_nothing(capfd):
    with worker.Worker(sys.executable, MODULE, start=5) as other:
        assert other.facts == {"start": 5}
        up, down = other.measure("up"), other.measure("down")
        assert [up(), up(), down(), up()] == [{"wall": 6}, {"wall": 7}, {"wall": 6}, {"wall": 7}]
    assert other.process.returncode == 0
    assert capfd.readouterr().err.count("working") == 4


def test_a_process_that_fails_is_named(capfd):
    with pytest.raises(RuntimeError, match=f"{MODULE} ended with exit code 1"):
        worker.Worker(sys.executable, MODULE)
    assert "required keyword-only argument: 'start'" in capfd.readouterr().err
    with worker.Worker(sys.executable, MODULE, start=5) as other, pytest.raises(RuntimeError, match="exit code 1"):
        other.measure("sideways")()
    assert "KeyError: 'sideways'" in capfd.readouterr().err
    with worker.Worker(sys.executable, MODULE, start=5) as other:
        other.process.kill()
        other.process.wait()
        with pytest.raises(RuntimeError, match="exit code -9"):
            other.measure("up")()


def test_an_interpreter_is_the_named_one_then_the_variables_then_this_one(monkeypatch, tmp_path):
    monkeypatch.delenv(worker.PYTHON, raising=False)
    assert worker.find("", "json", "numpy") == sys.executable
    assert worker.find("", "json", "no_such_module") is None
    link = tmp_path / "python"
    link.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    link.chmod(0o755)
    monkeypatch.setenv(worker.PYTHON, str(link))
    assert worker.find("", "json") == str(link)
    assert worker.find(sys.executable, "json") == sys.executable


def test_a_named_interpreter_must_have_what_is_needed(monkeypatch, tmp_path):
    with pytest.raises(SystemExit, match="lacks no_such_module, nor_this"):
        worker.find(sys.executable, "no_such_module", "json", "nor_this")
    monkeypatch.setenv(worker.PYTHON, str(tmp_path / "nowhere"))
    with pytest.raises(SystemExit, match="nowhere' is no Python"):
        worker.find("", "json")

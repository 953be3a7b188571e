"""Commands that are told to stop by a signal, in the middle of what they do."""

import signal

import pytest

from sbn.runs import signals
from tests.faults import scenarios

pytestmark = pytest.mark.slow

SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 75), (signal.SIGHUP, 130)]


def stopped(warm, tmp_path, number, *words, at):
    """How a command ended that got a signal at a line that it prints, or at a call that it makes."""
    gate = str(tmp_path / "gate")
    process = warm.start(*words, faults=[(at[0], {at[1]: at[2], "call": ["wait", {"path": gate}]})])
    warm.until(gate + ".reached")
    process.signal(number)
    open(gate, "w").close()
    return process.wait()


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_training_saves_and_ends_with_one_line_and_goes_on_to_the_same_bits(warm, goes_on, tmp_path, number, code):
    words = ("sbn.train", scenarios.ROW, f"--workdir={tmp_path}/run", "--config.save.every=0 steps")
    ended = stopped(warm, tmp_path, number, *words, at=("at_line", "start", "step 1"))
    assert ended.code == code, ended
    assert [line for line in ended.err.splitlines() if "starts at" not in line] == [
        "python -m sbn.train: asked to stop: saved after step 2, start the same command again"
    ]
    goes_on()


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_an_evaluation_ends_with_one_line(warm, run, tmp_path, number, code):
    words = ("sbn.evaluate", f"--workdir={run}", "--evals=accuracy")
    ended = stopped(warm, tmp_path, number, *words, at=("at_call", "name", "sbn.evaluate:run"))
    assert (ended.code, ended.out, ended.err) == (code, "", f"python -m sbn.evaluate: {signals.STOPPED}\n")


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_report_ends_with_one_line(warm, run, tmp_path, number, code):
    out = tmp_path / "book.html"
    words = ("sbn.report", "small.py", f"--root={run}", f"--out={out}")
    ended = stopped(warm, tmp_path, number, *words, at=("at_call", "name", "sbn.report.__main__:report"))
    assert (ended.code, ended.out, ended.err) == (code, "", f"python -m sbn.report: {signals.STOPPED}\n")
    assert not out.exists()

"""The arithmetic of the benchmarks; nothing here is timed."""

import json
import sys

import numpy as np
import pytest

from benchmarks import rounds
from sbn.config.errors import ConfigError


def made(name, *ratios, **settings):
    return rounds.line(name, np.array(ratios), np.ones(len(ratios)), **settings)


def test_a_line_takes_ratios_within_rounds_not_of_medians():
    found = rounds.line("x", np.array([2.0, 40.0, 6.0, 8.0, 10.0]), np.array([1.0, 10.0, 2.0, 4.0, 10.0]))
    # ratios 2, 4, 3, 2, 1; the ratio of the medians would be 8 / 4
    assert (found["low"], found["ratio"], found["high"], found["rounds"]) == (2.0, 2.0, 3.0, 5)
    shifted = rounds.line("x", np.array([1.0, 2.0, 9.0]), np.array([1.0, 1.0, 3.0]))
    assert shifted["ratio"] == 2.0


def test_a_counted_ratio_has_no_rounds():
    found = rounds.line("memory", 3, 4)
    assert (found["ratio"], found["low"], found["high"], found["rounds"]) == (0.75, 0.75, 0.75, 0)


@pytest.mark.parametrize(
    ("ratio", "bar", "higher", "said"),
    [(1.0, 1.0, False, "holds"), (1.1, 1.0, False, "MISSED"), (2.0, 2.0, True, "holds"), (1.9, 2.0, True, "MISSED")],
)
def test_a_bar_is_the_most_or_the_least(ratio, bar, higher, said):
    assert rounds.verdict(rounds.line("x", ratio, bar=bar, higher=higher)) == said
    assert rounds.verdict(rounds.line("x", ratio)) == ""


def test_rounds_are_interleaved_and_turn_around():
    order = []

    def measure(name):
        order.append(name)
        return {"wall": float(len(order)), "cpu": 0.0}

    found = rounds.interleaved({name: lambda name=name: measure(name) for name in "abc"}, 3)
    assert "".join(order) == "abccbaabc"
    assert found["a"]["wall"].tolist() == [1, 6, 7]
    assert found["c"]["wall"].tolist() == [3, 4, 9]


def test_a_change_is_one_where_the_quartiles_do_not_meet():
    old = [made("same", 1, 2, 3, 4), made("worse", 1, 1, 1, 1), made("better", 2, 2, 2, 2)]
    new = [made("same", 3, 3, 3, 3), made("worse", 2, 2, 2, 2), made("better", 1, 1, 1, 1), made("new", 9, 9, 9, 9)]
    assert rounds.compare(old, new) == {"worse": "slower", "better": "faster"}
    assert rounds.compare([made("up", 1, 1, 1, 1, higher=True)], [made("up", 2, 2, 2, 2, higher=True)]) == {
        "up": "faster"
    }


def test_few_rounds_say_nothing_and_counted_ratios_everything():
    assert rounds.compare([made("x", 1, 1, 1, 1)], [made("x", 2, 2, 2)]) == {}
    assert rounds.compare([rounds.line("x", 1)], [rounds.line("x", 1.01)]) == {"x": "slower"}


def test_the_table_shows_ratio_spread_bar_and_verdict():
    text = rounds.table([made("time", 1, 2, 3, bar=1.05), rounds.line("memory", 0.68, bar=1)]).splitlines()
    assert [row.split() for row in text[1:]] == [
        ["time", "2.000", "1.500", "to", "2.500", "3", "<=", "1.05", "MISSED"],
        ["memory", "0.680", "counted", "0", "<=", "1", "holds"],
    ]


@pytest.mark.parametrize(("arguments", "batch"), [([], 32), (["--quick"], 4), (["--quick", "--batch=7"], 7)])
def test_options_have_two_defaults_and_results_are_written(monkeypatch, tmp_path, arguments, batch):
    out = tmp_path / "found.json"
    monkeypatch.setattr(sys, "argv", ["bench", f"--out={out}", *arguments])
    rounds.main("A bench.", lambda *, batch: ([rounds.line("x", batch)], {"fact": 1}), cached=False, batch=(32, 4))
    found = json.loads(out.read_text())
    assert found["settings"] == {"batch": batch}
    assert found["lines"][0]["ratio"] == batch


def test_an_option_that_is_none_is_named_with_the_nearest(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["bench", "--btach=7"])
    with pytest.raises(SystemExit, match="2"):
        rounds.main("A bench.", lambda *, batch: pytest.fail("it ran"), batch=(32, 4))
    assert "unknown option 'btach'; did you mean 'batch'?" in capsys.readouterr().err


def test_what_is_not_installed_is_said_and_fails_nothing(monkeypatch, tmp_path, capsys):
    out = tmp_path / "made/found.json"
    monkeypatch.setattr(sys, "argv", ["bench", f"--out={out}"])
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    needs = ("numpy", "tensorflow", "no_such_module")
    rounds.main("A bench.", lambda *, batch: pytest.fail("it ran"), needs=needs, batch=(32, 4))
    said = "needs tensorflow and no_such_module"
    assert capsys.readouterr().out == f"nothing measured: {said}\n"
    assert json.loads(out.read_text())["facts"] == {"nothing measured": said}


def test_a_mistake_in_an_option_is_a_line(monkeypatch, capsys):
    def bench(*, batch):
        raise ConfigError(f"batch {batch} is odd")

    monkeypatch.setattr(sys, "argv", ["bench"])
    with pytest.raises(SystemExit, match="2"):
        rounds.main("A bench.", bench, cached=False, batch=(31, 3))
    assert "error: batch 31 is odd" in capsys.readouterr().err

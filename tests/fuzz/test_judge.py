"""What all tests here rely on: a command that breaks its promise in any way is noticed; so many inputs are tried."""

import sys

import pytest
from hypothesis import strategies as st

from tests.fuzz import judge as judging
from tests.fuzz.cases import tried
from tests.fuzz.judge import judge


def ends(code, said="", *, out=""):
    def main(words):
        print(out, end="")
        print(said, end="", file=sys.stderr)
        raise SystemExit(code)

    return main


def raises(words):
    raise KeyError("a fault of the program")


def writes(words):
    open("left", "w").close()
    ends(2, "cmd: wrong\n")(words)


def never_ends(words):
    while True:
        pass


BROKEN = {
    "a traceback": raises,
    "a traceback that is printed": ends(2, "Traceback (most recent call last):\ncmd: wrong\n"),
    "two lines": ends(2, "cmd: wrong\nand more\n"),
    "no line": ends(2),
    "nothing after its name": ends(2, "cmd: \n"),
    "another's name": ends(2, "wrong\n"),
    "a control character": ends(2, "cmd: \x1b[2Jwrong\n"),
    "text that turns": ends(2, "cmd: \u202ewrong\n"),
    "a fault of the machine, which has none": ends(1, "cmd: No space left on device\n"),
    "a code that no command has": ends(3, "cmd: wrong\n"),
    "a file that is written and then refused": writes,
    "an endless loop": never_ends,
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_promise_is_noticed(how, here, monkeypatch):
    monkeypatch.setattr(judging, "HANG", 0.2)
    with pytest.raises((AssertionError, KeyError)):
        judge(BROKEN[how], [], prog="cmd", folder=here)


def test_a_kept_promise_is_none(here):
    assert judge(ends(0, out="done\n"), [], prog="cmd", folder=here).out == "done\n"
    assert judge(ends(2, "cmd: wrong\n"), [], prog="cmd", folder=here).code == 2
    assert judge(lambda words: 0, [], prog="cmd", folder=here).code == 0


def test_a_check_is_run_at_once_with_so_many_inputs_always_the_same():
    seen = []
    for _ in range(2):

        @tried("short", short=7, long=500, number=st.integers(0, 10**9))
        def _(number):
            seen.append(number)

    assert len(seen) == 14
    assert len(set(seen)) == 7
    assert seen[:7] == seen[7:]
    with pytest.raises(ZeroDivisionError):

        @tried("short", short=3, long=500, number=st.integers(1, 2))
        def _(number):
            return number / 0

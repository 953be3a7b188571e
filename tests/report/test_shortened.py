"""Names of rows say once what all runs changed; a row that was only run with changes has no empty line."""

import pytest

from sbn.report.measures import parse
from sbn.report.shortened import names, shortest, without_empty
from sbn.report.tables import Line

DEPTH, SHORT = {"model.depth": 10}, {"model.depth": 10, "duration": "4 epochs"}


def line(row, overrides, mean=90.0, notes=(), reading=""):
    measure = parse("test/main/accuracy")
    return Line(row, overrides, measure, mean, None, int(mean is not None), None, None, None, "", notes, reading)


def test_overrides_that_all_changed_runs_have_are_said_once():
    lines = [line("a", {}), line("a", DEPTH), line("b", SHORT, reading="other")]
    short = names(lines)
    assert short.common == "model.depth=10"
    assert [short.name(each) for each in lines] == ["a", "a [*]", "b@other [*, duration=4 epochs]"]


@pytest.mark.parametrize("others", [[], [line("b", {"optim.lr": 0.1})]])
def test_one_changed_row_or_nothing_in_common_is_named_in_full(others):
    lines = [line("a", DEPTH), *others]
    assert names(lines).common == ""
    assert names(lines).name(lines[0]) == "a [model.depth=10]"


def test_a_row_without_runs_keeps_its_line_unless_it_was_run_with_changes():
    ours, never, changed = line("a", {}, None), line("b", {}, None), line("a", DEPTH)
    assert without_empty([ours, changed, never]) == [changed, never]


def test_a_row_whose_unchanged_runs_failed_keeps_its_line():
    failed = line("a", {}, None, notes=("seed 1 failed: out of memory",))
    assert without_empty([failed, line("a", DEPTH)])[0] == failed


def test_long_overrides_become_letters_that_are_explained_below():
    many = {f"optim.args.b{number}": 0.9 for number in range(4)}
    lines = [line("a", DEPTH), line("b", DEPTH | many), line("c", DEPTH | many), line("d", DEPTH | {"optim.lr": 0.1})]
    short = names(lines, longest=20)
    assert [short.name(each) for each in lines] == ["a [*]", "b [*, a]", "c [*, a]", "d [*, optim.lr=0.1]"]
    assert short.explained == {"*": "model.depth=10", "a": ", ".join(f"{name}=0.9" for name in many)}
    assert names(lines).name(lines[1]) == f"b [*, {short.explained['a']}]"


def test_figures_name_overrides_where_they_tell_rows_apart():
    lines = [
        line("a", DEPTH),
        line("b", DEPTH | {"optim.lr": 0.1}),
        line("b", DEPTH),
        line("b", DEPTH, reading="other"),
    ]
    assert list(shortest(lines).values()) == ["a", "b [*, optim.lr=0.1]", "b [*]", "b@other"]
    assert list(shortest(lines[:2]).values()) == ["a", "b"]

"""Names of rows say once what all runs changed; a row that was only run with changes has no empty line."""

import pytest

from sbn.report.measures import parse
from sbn.report.shortened import names, without_empty
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

"""Names of rows in a reading, what they resolve to, and what is wrong with one that is refused."""

import pathlib

import pytest

from sbn.config import command_line, identity, rows, tree
from sbn.config.errors import ConfigError
from sbn.config.rows import Choice, Experiment, Paper, Row, Table
from sbn.config.table_checks import check_tables

STATISTICS = Choice("statistics", "8 GPUs", "groups", "of each", {"whole": {"norm.group_size": None}})
LOSSES = Choice("losses", "nothing", "mean", "it is", {"sum": {"batch_size": 8, "views.main.weight": 2.0}})
LARGER = Choice("batch", "nothing", "of_16", "it is", {"of_32": {"batch_size": 32}})
ROW = Row(
    {"norm.group_size": 4, "batch_size": 16},
    (Paper(1.0, "test/main/accuracy"), Paper(2.0, "test/main/error", of="t/plain")),
    choices=(STATISTICS, LOSSES, LARGER),
)


def experiment(**more):
    table = {"row": ROW, "plain": Row({}), "shows": Row({}, runs_of="t/row"), **more}
    table["after"] = Row({"stages": ("second",)}, needs={"init.from": "t/row"})
    made = Experiment("mine", pathlib.Path("mine.py"), {}, {"t": Table("A table", table)})
    check_tables(made)
    return made


E = experiment()


def test_a_reading_is_the_row_with_its_changes():
    stated, flat = (rows.flat_config(E, name, {}) for name in ("t/row", "t/row@whole"))
    assert tree.difference(flat, stated) == {"norm.group_size": (None, 4)}
    both = rows.flat_config(E, "t/row@whole+sum", {})
    assert (both["norm.group_size"], both["batch_size"], both["views.main.weight"]) == (None, 8, 2.0)


@pytest.mark.parametrize(
    ("name", "one"),
    [
        ("t/row", "t/row"),
        ("t/row@groups", "t/row"),
        ("t/row@mean+groups+of_16", "t/row"),
        ("t/row@sum+whole", "t/row@whole+sum"),
        ("t/row@of_32+mean", "t/row@of_32"),
        ("t/after@sum", "t/after@sum"),
        ("base", "base"),
    ],
)
def test_every_combination_has_one_name(name, one):
    assert E.canonical(name) == one


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("t/row@whol", "unknown reading of t/row 'whol'; did you mean 'whole'"),
        ("t/row@", "unknown reading of t/row ''"),
        ("t/row@whole@sum", "unknown reading of t/row 'whole@sum'"),
        ("t/row@whole+", "unknown reading of t/row ''"),
        ("t/row@whole+groups", "'whole' and 'groups' are two readings of one choice of t/row, statistics: name one"),
        ("t/row@whole+whole", "'whole' of t/row is given twice"),
        ("t/row@sum+of_32", "'sum' and 'of_32' of t/row both change batch_size: name one of them"),
        ("t/plain@whole", "t/plain has no reading 'whole', and no other readings"),
        ("t/raw@whole", "unknown row 't/raw'; did you mean 't/row'"),
    ],
)
def test_a_name_that_means_nothing_is_refused_with_the_nearest(name, message):
    with pytest.raises(ConfigError) as error:
        E.row(name)
    assert message in str(error.value)


def test_what_a_row_shows_or_goes_on_from_is_in_the_same_reading():
    assert E.row("t/shows@whole").runs_of == "t/row@whole"
    assert E.row("t/after@sum+whole").needs == {"init.from": "t/row@whole+sum"}
    assert E.needed("t/after@sum", root="runs", seed=3)["init.from"].parts[-3:] == ("t", "row@sum", "seed3")


def test_numbers_that_another_rows_runs_measure_are_of_the_row_as_it_stands():
    assert [paper.value for paper in E.row("t/row@whole").paper] == [1.0]
    assert [paper.value for paper in E.row("t/row@groups").paper] == [1.0, 2.0]


# --- overrides ---


@pytest.mark.parametrize(
    ("name", "overrides", "row", "left"),
    [
        ("t/row", {"norm.group_size": None}, "t/row@whole", {}),  # what a reading says, by hand
        ("t/row@whole", {"norm.group_size": None}, "t/row@whole", {}),
        ("t/row", {"batch_size": 8, "views.main.weight": 2.0, "optim.lr": 0.3}, "t/row@sum", {"optim.lr": 0.3}),
        ("t/row", {"batch_size": 8}, "t/row", {"batch_size": 8}),  # a part of it is no reading
        ("t/row", {"batch_size": 32}, "t/row@of_32", {}),
        ("t/row", {"norm.group_size": 2}, "t/row", {"norm.group_size": 2}),  # none of its readings
        ("t/row@whole", {"norm.group_size": 2}, "t/row@whole", {"norm.group_size": 2}),
        ("t/row@sum", {"batch_size": 4}, "t/row@sum", {"batch_size": 4}),
        ("t/row@whole", {"batch_size": 32}, "t/row@whole+of_32", {}),
        ("t/plain", {"norm.group_size": None}, "t/plain", {}),
    ],
)
def test_the_values_say_which_reading_a_config_is(name, overrides, row, left):
    asked = identity.asked(E, name, overrides)
    assert (asked.row, asked.overrides) == (row, left)
    assert rows.flat_config(E, row, left) == asked.flat == rows.flat_config(E, name, overrides)


@pytest.mark.parametrize(
    ("name", "overrides", "message"),
    [
        (
            "t/row@whole",
            {"norm.group_size": 4},
            "norm.group_size=4 contradicts the reading that t/row@whole names: write t/row@groups, ",
        ),
        ("t/row@groups", {"norm.group_size": None}, "norm.group_size=None contradicts the reading that t/row@groups"),
    ],
)
def test_an_override_that_contradicts_the_reading_that_is_named_is_refused(name, overrides, message):
    with pytest.raises(ConfigError) as error:
        identity.asked(E, name, overrides)
    assert message in str(error.value)


# --- the command line, on a real table ---

CN = "consistent:table1/resnet32_transformed_bn"


def test_a_command_line_takes_a_reading_and_the_run_is_called_by_it():
    request = command_line.request(f"{CN}@sequential,seed=3", {"optim.lr": "0.2"})
    assert request.row == "table1/resnet32_transformed_bn@sequential"
    assert (request.config.norm.sequential, request.config.seed) == (True, 3)
    assert request.overrides == {"optim.lr": 0.2}
    by_hand = command_line.request(f"{CN},seed=3", {"norm.sequential": "True", "optim.lr": "0.2"})
    assert by_hand == request


def test_a_command_line_that_contradicts_its_reading_or_misspells_it_is_told_in_one_line():
    with pytest.raises(ConfigError, match=r"norm.sequential=False contradicts the reading .*@one_batch"):
        command_line.request(f"{CN}@sequential", {"norm.sequential": "False"})
    with pytest.raises(ConfigError, match="did you mean 'sequential'"):
        command_line.request(f"{CN}@seqential", {})


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ((Choice("a b", "", "one", "", {"two+": {}}),), "'two\\+' is not a valid name of a reading"),
        ((Choice("a", "", "one", ""), Choice("b", "", "one", "")), "two readings are called 'one'"),
        (("statistics",), "a choice of t/mine is str, not a Choice"),
        ([STATISTICS], "the choices of t/mine is list, not a tuple"),
    ],
)
def test_a_file_whose_readings_could_not_be_named_is_refused(choices, message):
    with pytest.raises(ConfigError, match=message):
        experiment(mine=Row({}, choices=choices))

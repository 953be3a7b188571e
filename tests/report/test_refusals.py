"""Runs whose stored config is not the row's with their own overrides."""

import pytest

from sbn.config import tree
from sbn.config.rows import Paper, Row, Table, load_experiment
from sbn.report import report
from sbn.report.collect import find_runs
from sbn.report.refusals import refuse
from tests.report.work_dirs import MAIN, stored_config, write_run


def judge(file, tmp_path, **changes):
    write_run(tmp_path / "runs", "run", 0.5, **changes)
    return refuse(load_experiment(file), find_runs(tmp_path / "runs").runs)


def altered(row="table3/baseline", *, seed=0, overrides=None, **changes):
    """The config that a run of `row` stores, with `changes` of dotted keys ('__' for the dot)."""
    flat = tree.flatten(stored_config(row, seed, overrides or {}))
    return tree.to_config({**flat, **{name.replace("__", "."): value for name, value in changes.items()}}).to_dict()


@pytest.mark.parametrize("overrides", [{}, {"optim.lr": 0.05}, {"branches": ["main", "aux"], "norm.kind": "shared"}])
def test_a_run_of_its_row_with_its_own_overrides_counts(file, tmp_path, overrides):
    kept, refused = judge(file, tmp_path, overrides=overrides, seed=3)
    assert (len(kept), refused) == (1, [])


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"optim__lr": 0.2}, "optim.lr: 0.2 there, 0.1 in the row"),
        ({"seed": 5}, "seed: 5 there, 0 in the row"),
        ({"views__main__augment": "flip"}, "views.main.augment: 'flip' there"),
        (
            {"branches": ("main", "aux"), "views__aux__augment": "flip"},
            "views.aux.augment: 'flip' there, '(not set)' in",
        ),
        ({"optim__gone": 1}, "optim.gone: 1 there, '(not set)' in the row"),
        ({"stage__train__optim__lr": 1.0}, "stage.train.optim.lr: 1.0 there"),
    ],
)
def test_any_other_config_is_refused_by_name_with_the_difference(file, tmp_path, changed, told):
    kept, (line,) = judge(file, tmp_path, config=altered(**changed))
    assert kept == []
    assert line.startswith(f"{tmp_path / 'runs' / 'run'}: refused, it is not a run of table3/baseline")
    assert told in line
    assert "\n" not in line


def test_a_view_that_the_run_never_trained_on_makes_it_no_other_run(file, tmp_path):
    kept, refused = judge(file, tmp_path, config=altered(views__aux__augment="flip"))
    assert (len(kept), refused) == (1, [])


def test_overrides_that_the_config_does_not_show_are_refused(file, tmp_path):
    kept, (line,) = judge(file, tmp_path, overrides={"optim.lr": 0.05}, config=altered())
    assert kept == []
    assert "optim.lr: 0.1 there, 0.05 in the row" in line


@pytest.mark.parametrize("overrides", [{"gone.key": 1}, {"optim.lr": "fast"}])
def test_overrides_that_no_row_takes_are_refused(file, tmp_path, overrides):
    kept, (line,) = judge(file, tmp_path, overrides=overrides)
    assert kept == []
    assert next(iter(overrides)) in line


def test_what_says_only_when_something_is_written_may_differ(file, tmp_path):
    config = altered(log__every="5 steps", data__dir="/there", stage__train__eval__every="1 epochs")
    kept, refused = judge(file, tmp_path, config=config)
    assert (len(kept), refused) == (1, [])


def test_keys_that_were_not_there_yet_have_their_defaults(file, tmp_path):
    config = altered()
    del config["optim"]["lr"]
    del config["norm"]
    assert judge(file, tmp_path, config=config)[1] == []
    overrides = {"optim.lr": 0.05}  # and the default is not what was run
    config = altered(overrides=overrides)
    del config["optim"]["lr"]
    kept, (line,) = judge(file, tmp_path / "set", overrides=overrides, config=config)
    assert kept == []
    assert "optim.lr: 0.1 there, 0.05 in the row" in line


def test_a_default_that_was_spelt_out_before_is_the_same(file, tmp_path):
    assert judge(file, tmp_path, config=altered(model__shortcut="pool_pad"))[1] == []
    assert judge(file, tmp_path / "other", config=altered(model__shortcut="conv"))[0] == []


def test_the_run_that_a_run_began_from_lies_where_it_lies(file, tmp_path):
    table = Table("t", {"baseline": Row({}, (Paper(1.0, MAIN),), needs={"init.from": "table3/ours"}), "ours": Row({})})
    file.write_text(f"from sbn.config.rows import Paper, Row, Table\nBASE = {{}}\nTABLES = {{'table3': {table!r}}}\n")
    assert judge(file, tmp_path, config=altered(init__from="runs/ours/seed0"))[1] == []


def test_runs_of_rows_that_are_not_there_pass(file, tmp_path):
    kept, refused = judge(file, tmp_path, row="table3/renamed", config={"optim": {"lr": 9}})
    assert (len(kept), refused) == (1, [])


def test_many_differences_are_counted(file, tmp_path):
    config = altered(optim__lr=0.2, batch_size=1, model__depth=10, model__width=1, seed=4, norm__kind="none")
    _, (line,) = judge(file, tmp_path, config=config)
    assert line.count(" there, ") == 4
    assert line.endswith("; and 2 more)")


def test_the_report_leaves_refused_runs_out_and_names_them(file, tmp_path):
    write_run(tmp_path / "runs", "good", 0.95)
    write_run(tmp_path / "runs", "bad", 0.5, seed=1, config=altered(seed=1, optim__lr=0.7))
    printed, notes = report(f"{file}:table3", root=tmp_path / "runs", format="csv")
    assert printed.splitlines()[1].split(",")[7:10] == ["95.0", "", "1"]
    assert [note for note in notes if "refused" in note] == [
        f"{tmp_path / 'runs/bad'}: refused, it is not a run of table3/baseline with its overrides "
        "(optim.lr: 0.7 there, 0.1 in the row)"
    ]

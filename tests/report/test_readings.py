"""Runs in different readings of a row stand in lines of their own, whatever they were called when they were made."""

import csv
import io
import json

import pytest

from sbn.config import rows, tree
from sbn.config.errors import ConfigError
from sbn.report import report
from sbn.report.collect import find_runs
from sbn.report.compare import load_side
from sbn.report.refusals import refuse
from tests.report.work_dirs import MAIN, write_run

EXPERIMENT = """
from sbn.config.rows import Choice, Paper, Row, Table

STATISTICS = Choice("statistics", "'8 GPUs' <&", "groups", "each has its own", {"whole": {"norm.group_size": None}})
PASSES = Choice("passes", "nothing", "one_batch", "it is one norm", {"sequential": {"norm.sequential": True}})
BASE = {"branches": ("main", "aux"), "norm.group_size": 16}
BN = {"norm.kind": "shared", "norm.sequential": False}
def number(value):
    return (Paper(value, "test/main/accuracy"),)
TABLES = {
    "t": Table("Two norms", {
        "bn": Row(BN, number(89.7), choices=(STATISTICS, PASSES)),
        "cn": Row({}, number(93.3), choices=(STATISTICS,)),
        "other": Row({"optim.lr": 0.2}, number(90.0)),
    }),
    "again": Table("Shown again", {"bn": Row({}, number(89.7), runs_of="t/bn")}),
}
PAPER = "A paper"
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(EXPERIMENT)
    return path


@pytest.fixture
def run(file, tmp_path):
    """Writes a run of `config`, a row in a reading with overrides, that is stored as one of `row`."""
    experiment = rows.load_experiment(file)
    number = iter(range(100))

    def write(config, accuracy, *, row=None, seed=0, stored=None, **overrides):
        flat = rows.flat_config(experiment, config, {**overrides, "seed": seed})
        write_run(
            tmp_path / "runs",
            f"{next(number)}",
            accuracy,
            row=row or config,
            seed=seed,
            overrides=overrides if stored is None else stored,
            config=tree.to_config(flat).to_dict(),
        )

    return write


def lines(file, tmp_path, table="t"):
    printed, notes = report(f"{file}:{table}", root=tmp_path / "runs", format="csv")
    found = {}
    for line in csv.DictReader(io.StringIO(printed)):
        if line["mean"]:
            found[line["row"], line["reading"], line["overrides"]] = line
    return found, notes


def test_readings_are_never_averaged_and_stand_below_their_row(file, tmp_path, run):
    run("t/bn", 0.5)
    run("t/bn", 0.6, seed=1)
    run("t/bn@sequential", 0.3)
    run("t/bn@whole+sequential", 0.4, seed=1)
    found, notes = lines(file, tmp_path)
    assert {key[1]: (float(line["mean"]), line["runs"]) for key, line in found.items()} == {
        "": (pytest.approx(55), "2"),
        "sequential": (pytest.approx(30), "1"),
        "whole+sequential": (pytest.approx(40), "1"),
    }
    assert found["bn", "", ""]["notes"].startswith("read as groups, one_batch")
    assert not [note for note in notes if "refused" in note]
    text, _ = report(f"{file}:t", root=tmp_path / "runs", format="text")
    assert [line.split()[0] for line in text.splitlines()[3:6]] == ["bn", "bn@sequential", "bn@whole+sequential"]


def test_runs_of_before_are_of_the_reading_that_their_config_has(file, tmp_path, run):
    """Stored under the plain name, when the row took another reading: one seed each, old and new, and none is lost."""
    run("t/bn", 0.5)
    run("t/bn@whole+sequential", 0.3, row="t/bn")
    run("t/bn@sequential", 0.2, row="t/bn", stored={"norm.group_size": 16, "norm.sequential": True})
    found, notes = lines(file, tmp_path)
    assert {key: float(line["mean"]) for key, line in found.items()} == {
        ("bn", "", ""): pytest.approx(50),
        ("bn", "whole+sequential", ""): pytest.approx(30),
        ("bn", "sequential", ""): pytest.approx(20),  # by hand, and so is no override
    }
    assert not [note for note in notes if "refused" in note or "only that is counted" in note]


def test_the_same_run_under_two_names_counts_once(file, tmp_path, run):
    run("t/bn@sequential", 0.3)
    run("t/bn@sequential", 0.3, row="t/bn")
    run("t/bn@sequential", 0.3, row="again/bn")  # a row that trained once, and shows another's runs today
    found, notes = lines(file, tmp_path)
    assert found["bn", "sequential", ""]["runs"] == "1"
    assert sum("only that is counted" in note for note in notes) == 2


def test_a_config_of_no_reading_is_refused_and_one_that_says_so_is_an_override(file, tmp_path, run):
    run("t/bn", 0.5, stored={}, **{"norm.group_size": 4})
    run("t/bn", 0.6, seed=1, **{"norm.group_size": 4})
    run("t/bn@sequential", 0.7, seed=2, **{"norm.group_size": 4})
    run("t/cn", 0.7, row="t/cn@sequential")
    found, notes = lines(file, tmp_path)
    assert set(found) == {("bn", "", "norm.group_size=4"), ("bn", "sequential", "norm.group_size=4")}
    refused = [note for note in notes if "refused" in note]
    assert "norm.group_size: 4 there, 16 in the row" in refused[0]
    assert "unknown reading of t/cn 'sequential'" in refused[1]


def test_a_row_that_shows_anothers_runs_shows_them_by_reading(file, tmp_path, run):
    run("t/bn", 0.5)
    run("t/bn@sequential", 0.3)
    found, _ = lines(file, tmp_path, "again")
    assert {key[:2]: float(line["mean"]) for key, line in found.items()} == {
        ("bn", ""): pytest.approx(50),
        ("bn", "sequential"): pytest.approx(30),
    }


def test_a_comparison_that_comes_out_otherwise_in_another_reading_is_marked(file, tmp_path, run):
    run("t/bn", 0.6)
    run("t/bn@sequential", 0.5)
    run("t/cn", 0.55)
    run("t/other", 0.4)
    found, _ = lines(file, tmp_path)
    told = {key[:2]: line["notes"] for key, line in found.items()}
    assert "the reading decides: +5.00 to cn here, -5.00 @sequential" in told["bn", ""]
    assert "the reading decides: -5.00 to cn here, +5.00 as bn stands" in told["bn", "sequential"]
    assert "to other" not in told["bn", ""] + told["bn", "sequential"]  # below both
    page, _ = report(f"{file}:t", root=tmp_path / "runs", format="html")
    assert page.count('<tr class="note warned">') == 2


def test_rows_are_compared_only_where_they_read_what_they_share_alike(file, tmp_path, run):
    run("t/bn", 0.6)
    run("t/bn@whole", 0.5)
    run("t/cn", 0.55)
    found, _ = lines(file, tmp_path)
    assert not any("the reading decides" in line["notes"] for line in found.values())  # cn over the whole batch?
    run("t/cn@whole", 0.58)
    found, _ = lines(file, tmp_path)
    assert "-8.00 @whole" in found["bn", "", ""]["notes"]
    assert "as cn stands" in found["cn", "whole", ""]["notes"]


def test_compare_takes_a_reading_and_never_mixes(file, tmp_path, run):
    run("t/bn", 0.5)
    run("t/bn@sequential", 0.3, row="t/bn")
    found = find_runs(tmp_path / "runs")
    for name, accuracy in (("t/bn", 0.5), ("again/bn@sequential", 0.3), ("t/bn@sequential", 0.3)):
        side, _ = load_side(f"{file}:{name}", found)
        assert [one.metrics[MAIN] for one in side.runs] == [accuracy]
    with pytest.raises(ConfigError, match=r"no runs of mine:t/bn@whole but of t/bn, t/bn@sequential"):
        load_side(f"{file}:t/bn@whole", found)
    with pytest.raises(ConfigError, match="did you mean 'sequential'"):
        load_side(f"{file}:t/bn@sequental", found)


def test_what_is_open_stands_beside_the_numbers_as_text(file, tmp_path, run):
    run("t/bn", 0.5)
    page, _ = report(f"{file}:t", root=tmp_path / "runs", format="html")
    assert (
        "statistics: &#x27;8 GPUs&#x27; &lt;&amp;. Read as groups: each has its own; other readings: @whole (bn, cn)"
        in page
    )
    markdown, _ = report(f"{file}:t", root=tmp_path / "runs", format="markdown")
    assert "* passes: nothing. Read as one_batch: it is one norm; other readings: @sequential (bn)" in markdown


def test_a_run_that_began_from_another_reading_than_its_row_needs_is_refused(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(EXPERIMENT.replace('"other": Row(', '"after": Row({}, needs={"init.from": "t/bn"}), "other": Row('))
    experiment = rows.load_experiment(file)
    for seed, (row, first) in enumerate(
        [("t/after", "t/bn"), ("t/after", "t/bn@whole"), ("t/after@whole", "t/bn@whole")]
    ):
        flat = rows.flat_config(experiment, row, {"seed": seed})
        source = {"experiment": "mine", "row": first, "seed": seed, "overrides": {}, "stages": {"train": [0, 5]}}
        init = {"from": "somewhere", "step": 5, "stages": 1, "source": source}
        config = tree.to_config(flat).to_dict()
        write_run(tmp_path / "runs", f"{seed}", 0.5, row=row, seed=seed, config=config, init=init)
    kept, refused = refuse(experiment, find_runs(tmp_path / "runs").runs)
    assert [one.row for one in kept] == ["t/after", "t/after@whole"]
    assert "a run of mine:t/bn@whole, and needs one of mine:t/bn" in refused[0]


def test_a_run_that_failed_is_told_at_the_reading_that_its_config_has(file, tmp_path, run):
    run("t/bn", 0.5)
    run("t/bn@sequential", 0.4, seed=1)
    folder = tmp_path / "runs/mine/t/bn/seed2"
    folder.mkdir(parents=True)
    config = rows.flat_config(rows.load_experiment(file), "t/bn@sequential", {"seed": 2})
    (folder / "config.json").write_text(json.dumps(tree.to_config(config).to_dict()))
    (folder / "progress.json").write_text(json.dumps({"failed": "loss is nan at step 3"}))
    found, _ = lines(file, tmp_path)
    assert "seed 2 failed: loss is nan at step 3" in found["bn", "sequential", ""]["notes"]
    assert "failed" not in found["bn", "", ""]["notes"]

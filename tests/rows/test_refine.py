"""experiments/refine.py against the facts of its paper, entry by entry: numbers, and what is trained once."""

import pytest

from sbn.config.errors import ConfigError
from tests.rows.refine_entries import ENTRIES, ROWS, config_of, ids, is_experiment, name_of, runnable

MAIN, TOP5, MEDIAN = "test/main/accuracy", "test/main/top5_accuracy", "median_last_10"
AUGMENTED, CLEAN = "train_augmented/main/cross_entropy", "train_clean/main/cross_entropy"
# Where the facts don't say how many runs were averaged: as Table 1, whose numbers Table 3 repeats
RUNS = {"Table 2": 3, "Table 3": 3, "Figure 1": 3, "Figure 3": 3, "text 4.1": 3}


def test_every_entry_has_its_row_and_every_row_an_entry():
    assert len(ENTRIES) == 109
    found = [name_of(entry["id"]) for entry in ENTRIES if is_experiment(entry)]
    assert len(found) == len(set(found)) == 108
    assert {*found, "base"} == {name for name in ROWS if not name.startswith("ours/")}


def papers_of(entry):
    """The (value, metric, stage, statistic, scale) that an entry's numbers are."""
    values, table = entry["paper_values"] or {}, entry["table"]
    both = [("augmentation", "train"), ("refinement", "refine")]
    if table == "Table 2":
        named = [("stage1", "train"), ("refined", "refine")]
        found = [(values[f"{a}_aug"], AUGMENTED, stage, "last", 1000) for a, stage in named]
        found += [(values[f"{a}_clean"], CLEAN, stage, "last", 1000) for a, stage in named]
    elif table == "Table 4":
        found = [
            (values[f"{a}_{kind}"], MAIN, stage, statistic, None)
            for kind, statistic in (("best", "best"), ("last", "last"))
            for a, stage in both
        ]
    elif table == "Table 5":
        found = [
            (values[f"{a}_{top}"], metric, stage, "last", None)
            for top, metric in (("top1", MAIN), ("top5", TOP5))
            for a, stage in both
        ]
    else:
        median = "median of last 10" in entry.get("reporting", "") or table == "Table 3"
        metric = "test/main/map" if entry["metric"] == "mAP" else MAIN
        found = [(values.get(a), metric, stage, MEDIAN if median else "last", None) for a, stage in both]
    return {paper for paper in found if paper[0] is not None}


@ids(is_experiment)
def test_a_row_has_the_papers_numbers_and_runs(entry):
    row = ROWS[name_of(entry["id"])]
    stated = [(paper.value, paper.metric, paper.stage, paper.statistic, paper.scale) for paper in row.paper]
    assert set(stated) == papers_of(entry)
    assert len(stated) == len(set(stated))
    assert row.runs == entry.get(
        "runs", None if row.waits_for or entry["model"] == "pdarts" else RUNS.get(entry["table"])
    )
    assert entry["table"].removeprefix("text").strip() in row.where
    if qualitative := (entry["paper_values"] or {}).get("qualitative"):
        assert row.runs_of or " ".join(qualitative.split()[:2]) in row.note


@ids(is_experiment)
def test_what_the_facts_reuse_is_not_trained_again(entry):
    row = ROWS[name_of(entry["id"])]
    if "reuse" in entry:
        assert row.runs_of == name_of(entry["reuse"])
        if "checkpoint" in entry:
            assert row.stages == ({"stage1": "train", "stage2": "refine"}[entry["checkpoint"]],)
            assert row.evals == ("spectra",)
    elif "reuse_stage1" in entry:
        first = name_of(entry["reuse_stage1"])
        assert row.runs_of == first or (row.needs == {"init.from": first} and row.changes["init.stage"] == "train")
        assert bool(row.runs_of) == (entry["stage2"] == ENTRIES[2]["stage2"])  # Table 1's own refinement
    elif "pretrained_from" in entry:
        assert row.needs == {"init.from": name_of(entry["pretrained_from"])}
    elif not entry["id"].startswith("refine_f4_"):
        assert not row.runs_of
        assert not row.needs


@ids(lambda entry: is_experiment(entry) and not runnable(entry) and entry["model"] != "pdarts")
def test_what_can_not_be_run_yet_says_what_it_waits_for(entry):
    with pytest.raises(ConfigError, match="can't be run yet: it waits for object detection"):
        config_of(name_of(entry["id"]))

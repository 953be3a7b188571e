"""experiments/refine.py against the facts of its paper, entry by entry: numbers, and what is trained once."""

from tests.rows.refine_entries import ENTRIES, ROWS, config_of, ids, is_experiment, name_of

MAIN, TOP5, MEDIAN = "test/main/accuracy", "test/main/top5_accuracy", "median_last_10"
AUGMENTED, CLEAN = "train_augmented/main/cross_entropy", "train_clean/main/cross_entropy"
# Where the facts don't say how many runs were averaged: as Table 1, whose numbers Table 3 repeats
RUNS = {"Table 2": 3, "Table 3": 3, "Figure 1": 3, "Figure 3": 3, "text 4.1": 3}


def test_every_entry_has_its_row_and_every_row_an_entry():
    assert len(ENTRIES) == 111
    found = [name_of(entry["id"]) for entry in ENTRIES if is_experiment(entry)]
    assert len(found) == len(set(found)) == 110
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
    elif table == "Table 6":
        found = [(values["detector"], "test/main/map", "", "last", None)]
    elif table == "Table 5":
        found = [
            (values[f"{a}_{top}"], metric, stage, "last", None)
            for top, metric in (("top1", MAIN), ("top5", TOP5))
            for a, stage in both
        ]
    else:
        median = "median of last 10" in entry.get("reporting", "") or table == "Table 3"
        found = [(values.get(a), MAIN, stage, MEDIAN if median else "last", None) for a, stage in both]
    return {paper for paper in found if paper[0] is not None}


@ids(is_experiment)
def test_a_row_has_the_papers_numbers_and_runs(entry):
    row = ROWS[name_of(entry["id"])]
    stated = [(paper.value, paper.metric, paper.stage, paper.statistic, paper.scale) for paper in row.paper]
    assert set(stated) == papers_of(entry)
    assert len(stated) == len(set(stated))
    assert row.runs == entry.get(
        "runs", None if entry["model"] in ("pdarts", "faster_rcnn_r50_fpn") else RUNS.get(entry["table"])
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
        assert row.changes["init.stage"] == entry["pretrained_stage"]
    elif not entry["id"].startswith("refine_f4_"):
        assert not row.runs_of
        assert not row.needs


@ids(lambda entry: is_experiment(entry) and entry["table"] == "Table 6")
def test_a_detector_trains_as_the_facts_say(entry):
    config, wanted = config_of(name_of(entry["id"])), entry["detection"]
    assert (config.task, config.data.name, config.model.name) == ("detection", "voc/2007", "imagenet_resnet")
    assert (config.data.train_split, config.data.test_split) == ("train+validation", "test")
    assert (config.duration, config.batch_size, config.model.depth) == (f"{wanted['epochs']} epochs", 16, 50)
    assert config.schedule.boundaries == tuple(f"{epoch} epochs" for epoch in wanted["milestones"])
    assert (config.schedule.kind, config.schedule.factor) == ("step", wanted["gamma"])
    for key, name in (("lr", "lr"), ("momentum", "momentum"), ("weight_decay", "weight_decay"), ("clip_norm",) * 2):
        assert config.optim[key] == wanted[{"clip_norm": "grad_clip_norm"}.get(name, name)]
    assert not config.optim.nesterov
    size = f"fit({wanted['short_side']}, {wanted['long_side']}, 32, turned=True)"
    assert (config.eval.augment, config.views.main.augment) == (size, f"{size}|flip")
    assert config.norm.frozen  # all of it, and the stem and the first stage's weights
    assert config.optim.frozen == ("stem*", *(f"stage{k + 1}*" for k in range(wanted["frozen_stages"])))

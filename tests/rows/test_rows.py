"""Every row of every experiment builds, trains two steps of a tiny version of itself, and says what its paper says."""

import json
import os
import pathlib

import numpy as np
import pytest

from sbn.augment import pipeline
from sbn.config import rows, tree
from sbn.config.schema import BY_NAME, NEUTRAL
from sbn.data.encoded import EncodedImages
from sbn.report.measures import parse
from sbn.train.plan import NOTHING_BEFORE, Before, make_plan
from sbn.train.views import make_views
from tests import facts
from tests.conftest import ROOT
from tests.rows import programs
from tests.rows.programs import FILES, ROWS, config_of, flat_of

HERE = pathlib.Path(__file__).relative_to(ROOT)
FACTS = facts.load("split_bn")
every_row = pytest.mark.parametrize(("path", "name"), ROWS, ids=[f"{path.stem}:{name}" for path, name in ROWS])
PROGRAMS = programs.programs()
SIDES = {"cifar10": 32, "cifar100": 32, "tiny_imagenet": 64}


@pytest.mark.parametrize("alike", programs.marked(PROGRAMS))
def test_rows_train_two_steps_and_evaluate(alike, tmp_path):
    """The first of those that are one program when they are small, which it says for all of them."""
    result = programs.train_small(*alike[0], tmp_path)
    spans = result["stages"].values()
    assert sum(stop - start for start, stop in spans) == max(2, len(spans))
    for path, name in alike:
        named = programs.load(path).rows()
        # its own numbers, and those that other rows say it measures, unless an evaluator of their own does
        measured = [paper for paper in named[name].paper if not paper.of]
        measured += [paper for row in named.values() for paper in row.paper if paper.of == name]
        measured += [p for row in named.values() for p in row.paper if row.runs_of == name and not (row.evals or p.of)]
        measured += [parse(text) for text in named[name].metrics]
        for number in measured:
            assert number.metric in result["metrics"]
            assert not number.stage or number.stage in config_of(path, name).stages


def test_every_row_that_trains_has_its_program():
    assert sorted(row for alike in PROGRAMS for row in alike) == sorted(ROWS)


@every_row
def test_a_row_fits_its_schedules_and_its_images(path, name):
    config = config_of(path, name)
    data = config.data
    if config.task == "translation":
        for stage in plan_of(path, name).stages:
            pipelines = [pipeline.parse(stage.config.views[view].augment) for view in stage.config.branches]
            assert {op.inputs for ops in pipelines for op in ops} <= {"tokens"}
        return
    if side := SIDES.get(data.name) or data.image_size:
        images = np.zeros((1, side, side, 3), np.uint8)
    else:  # in files, of all sizes
        images = EncodedImages.__new__(EncodedImages)
        images.least = 64
    for stage in plan_of(path, name).stages:
        make_views(stage, images)


def plan_of(path, name):
    """The plan of a row's run, its steps counted on from the stage that it goes on from."""
    config, before = config_of(path, name), NOTHING_BEFORE
    for other in programs.load(path).rows()[name].needs.values():
        first = plan_of(path, other).stages
        last = next(stage for stage in first if stage.name == (config.init.stage or first[-1].name))
        before = Before(last.stop, last.index + 1)
    steps = None if config.batch_tokens is None else 400
    return make_plan(config, examples=50_000, before=before, steps_per_epoch=steps)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_rows_that_train_nothing_name_rows_that_do_and_evaluators_that_are(path):
    named = rows.load_experiment(path).rows()
    for row in named.values():
        assert not row.runs_of or named[row.runs_of].trains
        assert all(named[paper.of].trains for paper in row.paper if paper.of)
        assert set(row.evals) <= set(BY_NAME["eval.evals"].choices)
        if row.runs_of:
            assert set(row.stages) <= set(config_of(path, row.runs_of).stages)
            assert row.evals or row.paper or row.metrics
            assert all(change.startswith("eval.") for change in row.changes)
            tree.changed(tree.defaults(), row.changes)
        assert not row.during or (row.runs_of and NEUTRAL.issuperset(row.during))
        tree.changed(tree.defaults(), row.during)


@pytest.mark.parametrize("path", [path for path in FILES if programs.load(path).paper], ids=lambda path: path.stem)
def test_a_file_names_the_paper_by_its_title(path):
    assert programs.load(path).paper == facts.TITLES[path.stem]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_a_row_goes_on_from_is_a_stage_that_is_trained(path):
    named = rows.load_experiment(path).rows()
    for name, row in named.items():
        assert set(row.needs.values()) <= set(named)
        if row.trains and row.needs:
            assert all(BY_NAME[key].optional for key in row.needs)
            first, second = config_of(path, row.needs["init.from"]), config_of(path, name)
            assert second.init.stage in (None, *first.stages)


@every_row
def test_rows_stay_what_they_were(path, name):
    """A changed default changes published rows: it has to show. To accept it, write the snapshots anew."""
    snapshot = pathlib.Path(__file__).parent / "snapshots" / path.stem / f"{name.replace('/', '.')}.json"
    made = json.loads(json.dumps(tree.flatten(config_of(path, name))))
    if os.environ.get("SBN_WRITE_SNAPSHOTS"):
        snapshot.parent.mkdir(parents=True, exist_ok=True)
        snapshot.write_text(json.dumps(made, indent=0) + "\n")
    assert snapshot.exists(), (
        f"no snapshot of {path.stem}:{name}: SBN_WRITE_SNAPSHOTS=1 python -m pytest {HERE} writes it"
    )
    assert made == json.loads(snapshot.read_text())


def test_every_snapshot_is_of_a_row():
    there = {
        f"{path.parent.name}:{path.stem}" for path in (pathlib.Path(__file__).parent / "snapshots").rglob("*.json")
    }
    assert there == {f"{path.stem}:{name.replace('/', '.')}" for path, name in ROWS}


# --- against the facts of the paper ---

METHOD = {"standard": "standard", "cutout": "cutout", "randaugment": "randaugment", "weak_augment": "weak_augment"}
TABLE3 = {
    "splitbn_t3_1_flips_and_crops": "baseline",
    "splitbn_t3_2_randaugment": "randaugment",
    "splitbn_t3_3_two_ra_batches": "two_randaugment",
    "splitbn_t3_4_two_ra_batches_split_bn": "two_randaugment_split",
    "splitbn_t3_5_weak_no_split": "weak_one_norm",
    "splitbn_t3_6_weak_shared_affine": "shared_affine",
    "splitbn_t3_7_weak_augment": "weak_augment",
}
CROP_FLIP, CUTOUT = "crop(4)|flip", "crop(4)|flip|cutout(16)"
PIPELINES = {
    "none": "",
    "flip": "flip",
    "flip_crop": CROP_FLIP,
    "flip+crop": CROP_FLIP,
    "flip+crop+cutout16": CUTOUT,
    "cutout": CUTOUT,
    "cutout(+flip+crop)": CUTOUT,
    "gaussian": f"{CROP_FLIP}|gaussian(0.1, 'uniform')",
    "augmix": f"{CROP_FLIP}|augmix(3, 3, -1)",
    "adversarial": f"{CROP_FLIP}|adversarial(1, 1, 1)",
    "flip+crop+autoaugment+cutout16": f"autoaugment('cifar10_code')|{CUTOUT}",
}


def row_name(entry):
    if entry["table"] == "Table 1":
        return "table1/" + entry["id"].removeprefix("splitbn_t1_")
    if entry["table"] == "Table 2":
        return "table2/" + entry["id"].removeprefix("splitbn_t2_")
    if entry["table"] == "Table 4":
        return "table4/" + entry["id"].removeprefix("splitbn_t4_")
    return "table3/" + TABLE3[entry["id"]]


def spec_entries():
    entries = [e for e in FACTS if e["table"] in ("Table 1", "Table 2", "Table 3", "Table 4")]
    return [e for e in entries if e["dataset"].startswith("cifar")]


@pytest.mark.parametrize("entry", spec_entries(), ids=lambda entry: entry["id"])
def test_a_row_has_the_papers_settings_and_number(entry):
    experiment = rows.load_experiment(ROOT / "experiments/split_bn.py")
    name = row_name(entry)
    row = experiment.rows()[name]
    config = config_of(experiment.path, row.runs_of or name)
    values = entry["paper_values"]
    paper, *others = row.paper
    assert paper.value == values.get("top1", values.get("implied_top1"))
    assert paper.std == values.get("std")
    assert row.runs == entry["runs"]
    assert row.where.startswith(entry["table"])
    assert [(other.value, other.metric, other.of) for other in others] == [
        (values["affinity"], f"test/main/affinity/{config.views.main.augment or 'none'}", "table1/clean_model")
        for _ in range("affinity" in values)
    ]

    setup, ra = entry["setup"], entry.get("randaugment")
    if entry["table"] == "Table 4":
        ra = {"N": 3, "M": 4}  # as in the other tables: the same numbers stand there
    strong = f"randaugment({ra['N']}, {ra['M']})|{CUTOUT}" if ra else None
    assert len(config.branches) == setup["branches"]
    choices = {**PIPELINES, "randaugment": strong}
    if "sigma" in entry.get("aug_params", {}):
        choices["gaussian"] = f"{CROP_FLIP}|gaussian({entry['aug_params']['sigma']})"
    expected = [choices[setup[f"{view}_aug"]] for view in ("main", "aux")[: setup["branches"]]]
    if entry["id"] == "splitbn_t3_1_flips_and_crops":
        expected = [CUTOUT]  # 94.9 is Table 2's Cutout: see the row's note
    assert [pipeline.parse(config.views[view].augment) for view in config.branches] == [
        pipeline.parse(text) for text in expected
    ]
    if setup["branches"] == 2:
        kind = {(True, False): "split", (True, True): "split_stats", (False, True): "shared"}[
            setup["split_stats"], setup["shared_affine"]
        ]
        assert config.norm.kind == kind
        assert all(config.views[view].weight is None for view in config.branches)  # the mean of the losses
    assert config.data.name == entry["dataset"]
    assert f"wrn{config.model.depth}_{config.model.width}" == entry["model"]

    recipe = entry.get(
        "train", {"epochs": 200, "batch_size": 128, "lr": 0.1, "weight_decay": 5e-4, "momentum": 0.9, "nesterov": True}
    )
    assert (config.batch_size, config.optim.lr, config.optim.weight_decay) == (
        recipe["batch_size"],
        recipe["lr"],
        recipe["weight_decay"],
    )
    assert (config.optim.momentum, config.optim.nesterov, config.schedule.kind) == (
        recipe["momentum"],
        recipe["nesterov"],
        "cosine",
    )
    assert make_plan(config, examples=50_000).total == recipe["epochs"] * 390


def test_no_config_is_trained_twice_under_two_names():
    """But by rows that need other runs, whose beginnings differ."""
    for path in FILES:
        experiment = programs.load(path)
        there = {}
        for name, row in experiment.rows().items():
            if row.trains and not row.needs and name != "base":
                there.setdefault(repr(sorted(flat_of(path, name).items())), []).append(name)
        assert [names for names in there.values() if len(names) > 1] == []


def test_the_clean_model_is_trained_without_augmentation_and_measures_every_affinity():
    experiment = rows.load_experiment(ROOT / "experiments/split_bn.py")
    config = config_of(experiment.path, "table1/clean_model")
    assert [config.views[view].augment for view in config.branches] == [""]
    asked = {p.metric for row in experiment.rows().values() for p in row.paper if p.of == "table1/clean_model"}
    assert asked == {f"test/main/affinity/{text}" for text in config.eval.affinity.pipelines}
    assert len(asked) == 7

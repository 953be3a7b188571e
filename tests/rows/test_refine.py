"""experiments/refine.py against the facts of its paper, entry by entry."""

import math

import pytest

from sbn.augment import pipeline, policy_draws
from sbn.augment.policies import SUBPOLICIES
from sbn.config import rows, tree
from sbn.config.checks import check
from sbn.config.errors import ConfigError
from sbn.train.plan import NOTHING_BEFORE, Before, make_plan
from sbn.train.schedules import make_schedule
from tests import facts
from tests.conftest import ROOT

EXPERIMENT = rows.load_experiment(ROOT / "experiments/refine.py")
ROWS = EXPERIMENT.rows()
ENTRIES = facts.load("refine")
EXAMPLES = {"cifar10": 50_000, "cifar100": 50_000, "tiny_imagenet": 100_000, "imagenet2012": 1_281_167}
MAIN, TOP5, MEDIAN = "test/main/accuracy", "test/main/top5_accuracy", "median_last_10"
AUGMENTED, CLEAN = "train_augmented/main/cross_entropy", "train_clean/main/cross_entropy"

PREFIXES = {
    **{f"refine_t{n}_": f"table{n}/" for n in range(1, 7)},
    "refine_f1_": "figure1/",
    "refine_f3_": "figure3/",
    "refine_f4_remove": "figure4/removed_at_",
    "refine_text_refine_noaug_": "no_augmentation/",
    "refine_text_T2_": "refine_epochs/",
    "refine_text_gradual_": "fading/",
    "refine_text_pdarts_": "pdarts/",
}
MODELS = {
    "preactresnet18": {"name": "preact_resnet", "depth": 18, "width": None, "stem_stride": 1, "final_norm": False},
    "wrn28_10": {"name": "wide_resnet", "depth": 28, "width": 10, "shortcut": "conv", "initialiser": "he_fan_in"},
    "shakeshake26_2x96d": {"name": "shake_shake", "depth": 26, "width": 96},
    "resnet50": {"name": "imagenet_resnet", "depth": 50},
    "resnet101": {"name": "imagenet_resnet", "depth": 101},
}
# How the facts read the two policies: grey where images were moved away, the released code's levels, in proportion to
# the side, and 4 to 8 bits for ImageNet's
POLICY = {
    "cifar10": "autoaugment('cifar10', fill=128, levels='scaled')",
    "imagenet": "autoaugment('imagenet', fill=128, levels='scaled_4_to_8')",
}
# Images that share statistics, where the paper trained on several GPUs
GROUPS = {"shakeshake26_2x96d": 128 // 2, "resnet50": 256 // 8, "resnet101": 256 // 8}
# Where the facts don't say how many runs were averaged: as Table 1, whose numbers Table 3 repeats
RUNS = {"Table 2": 3, "Table 3": 3, "Figure 1": 3, "Figure 3": 3, "text 4.1": 3}


def name_of(id):
    (prefix,) = [prefix for prefix in PREFIXES if id.startswith(prefix)]
    return PREFIXES[prefix] + id.removeprefix(prefix)


def is_experiment(entry):
    return entry["id"] != "refine_f2"  # a sketch


def runnable(entry):
    return is_experiment(entry) and entry["table"] != "Table 6" and entry["model"] != "pdarts"


def ids(wanted):
    return pytest.mark.parametrize("entry", [e for e in ENTRIES if wanted(e)], ids=lambda entry: entry["id"])


def test_every_entry_has_its_row_and_every_row_an_entry():
    assert len(ENTRIES) == 109
    found = [name_of(entry["id"]) for entry in ENTRIES if is_experiment(entry)]
    assert len(found) == len(set(found)) == 108
    assert {*found, "base"} == {name for name in ROWS if not name.startswith("ours/")}


# --- numbers ---


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


# --- settings ---


def config_of(name):
    return check(tree.to_config(rows.flat_config(EXPERIMENT, name, {})))


def plan_of(name):
    """The plan of the run that a row's numbers come from, and the stages that came before it, in other runs."""
    row = ROWS[name]
    if row.runs_of:
        return plan_of(row.runs_of)
    config, earlier, before = config_of(name), [], NOTHING_BEFORE
    if row.needs:
        assert row.needs.keys() == {"init.from"}
        first, first_earlier = plan_of(row.needs["init.from"])
        last = [stage.name for stage in first.stages].index(config.init.stage)
        earlier = [*first_earlier, *((stage, first) for stage in first.stages[: last + 1])]
        before = Before(earlier[-1][0].stop, len(earlier))
    plan = make_plan(config, examples=EXAMPLES[config.data.name], before=before)
    return plan, earlier


def course(name):
    """(first epoch, last epoch, config, learning rate by epoch) of the stages up to the last that a row shows."""
    plan, earlier = plan_of(name)
    stages = [*earlier, *((stage, plan) for stage in plan.stages)]
    shown = {metric.partition("@")[2].partition(":")[0] for metric in ROWS[name].metrics} - {""}
    if ROWS[name].runs_of and shown:
        last = max(at for at, (stage, _) in enumerate(stages) if stage.name in shown)
        stages = stages[: last + 1]
    spans = []
    for stage, of in stages:
        schedule, per_epoch = make_schedule(stage, of), of.steps_per_epoch
        assert stage.start % per_epoch == stage.stop % per_epoch == 0
        spans.append(
            (
                stage.start // per_epoch,
                stage.stop // per_epoch,
                stage.config,
                lambda epoch, schedule=schedule, per_epoch=per_epoch: float(schedule(epoch * per_epoch)),
            )
        )
    assert [span[0] for span in spans] == [0, *(span[1] for span in spans[:-1])]
    return spans


def augment_of(entry):
    """The pipeline of the first stage."""
    augmentation, standard = entry["augmentation"], standard_of(entry["augmentation"]["standard"])
    method = augmentation["intensive"]
    if method is None:
        return standard
    if method == "autoaugment":
        cutout = f"|cutout({augmentation['cutout']})" if augmentation["cutout"] else ""
        assert augmentation["order"] == ["standard", "policy", "cutout"]
        return f"{standard}|{POLICY[augmentation['policy']]}{cutout}"
    assert augmentation["granularity"] == "batch"
    if method == "cutmix":
        return f"{standard}|cutmix({augmentation['beta']}, {augmentation['prob']})"
    if method == "manifold_mixup":
        return f"{standard}|manifold_mixup({augmentation['gamma']}, {max(augmentation['layers'])})"
    return f"{standard}|{method}({augmentation['gamma']})"


def standard_of(text):
    return {
        "none": "",
        "pad4_crop32+hflip": "crop(4, fill=0)|flip",
        "pad4_crop64+hflip": "crop(4, fill=0)|flip",
        "random_resized_crop224+hflip": "inception_crop(224)|flip",
    }[text]


def rate_of(recipe, epoch, *, epochs):
    """The learning rate that a recipe has at the beginning of an epoch."""
    if recipe["schedule"] == "step":
        return recipe["lr"] * recipe["gamma"] ** sum(milestone <= epoch for milestone in recipe["milestones"])
    return 0.5 * recipe["lr"] * (1 + math.cos(math.pi * epoch / epochs))


def expected_at(entry, epoch):
    """(pipeline, learning rate) of an epoch, from the facts alone."""
    first, second = entry["stage1"], entry["stage2"]
    if epoch < first["epochs"]:
        return augment_of(entry), rate_of(first, epoch, epochs=first["epochs"])
    rate = rate_of(first, epoch, epochs=0) if second["schedule"] == "continue_stage1" else second["lr"]
    return standard_of(second["augmentation"]), rate


def with_recipe(entry):
    return runnable(entry) and "stage1" in entry  # Figure 3's have none: they show Table 1's


@ids(with_recipe)
def test_a_row_trains_as_the_paper_does_epoch_by_epoch(entry):
    spans = course(name_of(entry["id"]))
    recipe, second = entry["stage1"], entry["stage2"]
    assert spans[-1][1] == recipe["epochs"] + (second["epochs"] if second else 0)
    for first, stop, config, rate in spans:
        # every epoch around which anything may change, and a few more
        turns = {*(recipe["milestones"] or ()), recipe["epochs"], first, stop, (first + stop) // 2}
        for epoch in sorted({epoch + by for epoch in turns for by in (-1, 0, 1)} & set(range(first, stop))):
            augment, expected = expected_at(entry, epoch)
            # float32; a cosine counts its steps from 1, one of 390 an epoch
            assert rate(epoch) == pytest.approx(expected, rel=1e-5, abs=recipe["lr"] * 1e-4)
            assert pipeline.parse(config.views.main.augment) == pipeline.parse(augment)
        assert config.branches == ("main",)
        assert config.data.name == entry["dataset"]
        assert config.data.test_split == ("test" if entry["dataset"].startswith("cifar") else "validation")
        assert (config.batch_size, config.optim.weight_decay) == (recipe["batch_size"], recipe["weight_decay"])
        assert (config.optim.momentum, config.optim.nesterov) == (recipe["momentum"], recipe["nesterov"])
        assert config.optim.clip_norm is None
        assert config.optim.decay_norm
        assert config.norm.group_size == GROUPS.get(entry["model"])
        assert config.model.dropout == recipe["dropout"]
        for key, value in {**MODELS[entry["model"]], **entry.get("model_args", {})}.items():
            assert config.model[key] == value
        assert config.loss.label_smoothing == 0
        assert config.eval.last_epochs == 10  # a median over the last 10 epochs needs them


# Every op and argument of AutoAugment's steps that differ from the others by the data set's size or reading, by hand:
# (row, side) -> op -> level -> argument
READ = {
    ("table1/preactresnet18_cifar100_autoaugment", 32): {
        "TranslateX": {8: 8, 9: 9},
        "TranslateY": {3: 3, 9: 9},
        "Posterize": {7: 2},  # 4 - int(2.8) bits
    },
    ("table4/aa_cifar", 64): {"TranslateX": {8: 16, 9: 18}, "TranslateY": {3: 6, 9: 18}, "Posterize": {7: 2}},
    # 4 + int(0.4 * level) bits
    ("table4/aa_imagenet", 64): {"Posterize": {5: 6, 6: 6, 7: 6, 8: 7}, "Rotate": {3: 9, 8: 24, 9: 27}},
    ("table5/resnet50_autoaugment", 224): {"Posterize": {5: 6, 6: 6, 7: 6, 8: 7}, "Solarize": {3: 180, 8: 52}},
    ("table5/resnet101_autoaugment", 224): {"Posterize": {5: 6, 6: 6, 7: 6, 8: 7}},
}


@pytest.mark.parametrize(("name", "side"), READ)
def test_autoaugments_levels_are_those_of_the_facts_on_images_of_the_rows_size(name, side):
    (op,) = [op for op in pipeline.parse(config_of(name).views.main.augment) if op.name == "autoaugment"]
    table, pairs = policy_draws.of_autoaugment(op, (side, side))
    assert (len(pairs), op.fill) == (25, 128)
    found = {}
    for pair, names in zip(pairs, SUBPOLICIES[op.policy], strict=True):
        for (_, signs), (step, _, level) in zip(pair, names, strict=True):
            assert signs[0] == signs[1]
            found.setdefault(step, {})[level] = table[signs[0]].argument
    for step, arguments in READ[name, side].items():
        assert {level: found[step][level] for level in arguments} == arguments
    if "Posterize" in READ[name, side]:
        assert found["Posterize"] == READ[name, side]["Posterize"]


@ids(lambda entry: "ramp" in (entry.get("augmentation") or {}))
def test_fading_spans_the_epochs_of_the_facts(entry):
    plan, _ = plan_of(name_of(entry["id"]))
    train, refine = plan.stages
    ramp = entry["augmentation"]["ramp"]
    assert train.stop - train.fades["main"] == ramp["start_epoch"] * plan.steps_per_epoch
    assert train.stop == ramp["end_epoch"] * plan.steps_per_epoch
    assert train.config.views.main.fade_shape == ramp["shape"]
    assert refine.fades["main"] == 0


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


@ids(lambda entry: entry["model"] == "pdarts")
def test_p_darts_is_trained_as_its_code_does(entry):
    flat = tree.changed(tree.changed(tree.defaults(), EXPERIMENT.base), ROWS[name_of(entry["id"])].changes)
    recipe, second = entry["stage1"], entry["stage2"]
    assert flat["data.name"] == entry["dataset"]
    assert pipeline.parse(flat["views.main.augment"]) == pipeline.parse(augment_of(entry))
    assert (flat["duration"], flat["batch_size"]) == (f"{recipe['epochs']} epochs", recipe["batch_size"])
    assert (flat["optim.lr"], flat["schedule.kind"]) == (recipe["lr"], recipe["schedule"])
    assert (flat["optim.weight_decay"], flat["optim.clip_norm"]) == (
        recipe["weight_decay"],
        recipe["grad_clip_norm"],
    )
    assert (len(flat["stages"]) == 2) == (second is not None)
    if second:
        assert flat["stage.refine.duration"] == f"{second['epochs']} epochs"
        assert flat["stage.refine.optim.lr"] == second["lr"]
    assert (flat["model.name"], flat["model.depth"], flat["model.width"]) == ("pdarts", 20, 36)
    assert flat["loss.auxiliary"] == recipe["aux_weight"]
    # of 600 epochs, whichever stages they stand in
    first, stop = 0, 600 - (second["epochs"] if second else 0)
    for share in (flat["model.drop_path"], *([flat["stage.refine.model.drop_path"]] if second else [])):
        assert share == pytest.approx((recipe["drop_path"] * first / 600, recipe["drop_path"] * stop / 600))
        first, stop = stop, 600

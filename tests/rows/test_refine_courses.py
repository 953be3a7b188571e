"""experiments/refine.py against the facts of its paper: how every row trains, epoch by epoch."""

import math

import pytest

from sbn.augment import pipeline, policy_draws
from sbn.augment.policies import SUBPOLICIES
from sbn.config import tree
from sbn.train.schedules import make_schedule
from tests.rows.refine_entries import (
    EXPERIMENT,
    ROWS,
    config_of,
    ids,
    name_of,
    plan_of,
    runnable,
)

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

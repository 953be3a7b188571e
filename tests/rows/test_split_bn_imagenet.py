"""The ImageNet rows of Split BatchNorms against the paper's facts."""

import pytest

from sbn.augment.pipeline import parse
from sbn.config import rows, tree
from sbn.config.checks import check
from sbn.train.plan import make_plan
from tests import facts
from tests.conftest import ROOT

CROP, STRONG = "inception_crop(224)|flip", "inception_crop(224)|flip|randaugment({N}, {M}, semantics='tf')"
PIPELINES = {
    "standard": CROP,
    "autoaugment": f"{CROP}|autoaugment('imagenet_v0', fill=128, semantics='tf')",
    "cutout(pad 90)+random_resized_crop+flip": f"{CROP}|cutout(90, half_side=True)",
}
EXAMPLES = 1_281_167


def entries():
    return [entry for entry in facts.load("split_bn") if entry["id"].startswith("splitbn_t2_imagenet")]


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry["id"])
def test_a_row_has_the_papers_settings_and_numbers(entry):
    experiment = rows.load_experiment(ROOT / "experiments/split_bn.py")
    name = "table2/" + entry["id"].removeprefix("splitbn_t2_")
    row = experiment.rows()[name]
    config = check(tree.to_config(rows.flat_config(experiment, name, {})))
    values = entry["paper_values"]
    assert [(paper.value, paper.metric) for paper in row.paper] == [
        (values["top1"], "test/main/accuracy"),
        (values["top5"], "test/main/top5_accuracy"),
    ]
    assert (row.runs, row.where[:7]) == (entry["runs"], entry["table"]) == (None, "Table 2")

    setup, choices = entry["setup"], dict(PIPELINES)
    if entry["randaugment"]:
        choices["randaugment"] = STRONG.format(**entry["randaugment"])
    assert len(config.branches) == setup["branches"]
    assert [parse(config.views[view].augment) for view in config.branches] == [
        parse(choices[setup[f"{view}_aug"]]) for view in config.branches
    ]
    if setup["branches"] == 2:
        assert (setup["split_bn"], setup["split_stats"], setup["shared_affine"]) == (True, True, False)
        assert config.norm.kind == "split"
        assert all(config.views[view].weight is None for view in config.branches)

    train = entry["train"]
    assert (config.data.name, config.data.test_split, config.eval.augment) == (entry["dataset"], "validation", None)
    assert (config.model.name, f"resnet{config.model.depth}") == ("imagenet_resnet", entry["model"])
    assert config.batch_size == train["batch_size"]
    assert config.optim.lr == pytest.approx(0.1 * train["batch_size"] / 256)
    assert (config.optim.weight_decay, config.optim.momentum) == (train["weight_decay"], train["momentum"])
    assert config.schedule.boundaries == ("60 epochs", "120 epochs", "160 epochs")
    assert make_plan(config, examples=EXAMPLES).total == train["epochs"] * (EXAMPLES // train["batch_size"])


def test_what_the_paper_leaves_open_is_the_tpu_codes():
    experiment = rows.load_experiment(ROOT / "experiments/split_bn.py")
    config = check(tree.to_config(rows.flat_config(experiment, "table2/imagenet_weak_augment", {})))
    assert (config.schedule.kind, config.schedule.warmup, config.schedule.factor) == ("step", "10 epochs", 0.1)
    assert (config.optim.nesterov, config.optim.decay_norm, config.optim.clip_norm) == (True, False, None)
    assert (config.model.initialiser, config.model.zero_last_scale, config.precision) == ("tpu", True, "bfloat16")
    assert (config.norm.momentum, config.norm.epsilon, config.loss.label_smoothing) == (0.9, 1e-5, 0.0)
    # 32 cores
    assert config.batch_size // config.norm.group_size == 32

"""The rows of Consistent Normalization against the paper's facts, all of them."""

import math

import pytest

from sbn.augment.pipeline import parse
from sbn.config import rows, tree
from sbn.config.checks import check
from sbn.train.plan import make_plan
from sbn.train.schedules import make_schedule
from tests import facts
from tests.conftest import ROOT

FILE = ROOT / "experiments/consistent.py"
EXAMPLES = {"cifar10": 50_000, "imagenet2012": 1_281_167}
STANDARD, CROP = "crop(4, fill=0)|flip", "inception_crop(224)|flip"

METHODS = {
    "cifar10_bn": "bn",
    "cifar10_none": "none",
    "cifar10_a_bn": "transformed_bn",
    "cifar10_a_none": "transformed_none",
    "cifar10_a_cn": "transformed_cn",
}
SIZES = {
    "bn_s224": "bn",
    "bn_s224_192_128": "bn_3_sizes",
    "cn_s224_192_128": "cn_3_sizes",
    "cn_s320_224_192_128_96": "cn_5_sizes",
}
OTHERS = {
    "cn_t3_bn_none": "table3/bn",
    "cn_t4_bn_1x": "table4/bn_1x",
    "cn_t4_bn_3x": "table4/bn_3x",
    "cn_t4_cn_1x": "table4/cn_3_sizes",
    "cn_t6_bn": "table6/bn",
    "cn_t6_bn_gtav": "table6/bn_gta",
    "cn_t6_cn_gtav": "table6/cn_gta",
    "cn_t7_ln": "table7/ln",
    "cn_t7_cn": "table7/cn",
    "cn_t7_ln_shared_control": "table7/ln_three_lengths",
}
PICTURE = "cn_f2"  # of images alone


def row_name(entry_id):
    """The row of an entry; of Figure 1's, which is all of Table 1, None."""
    if entry_id in OTHERS:
        return OTHERS[entry_id]
    kind, _, rest = entry_id.removeprefix("cn_").partition("_")
    if kind == "t1":
        model, _, method = rest.partition("_")
        return f"table1/{model}_{METHODS[method]}"
    if kind in ("t2", "t5"):
        model, _, method = rest.partition("_")
        return f"table{kind[1]}/{model}_{SIZES[method]}"
    if kind == "t3":
        return f"table3/{rest}"
    return f"figure3/{kind[2:]}" if kind.startswith("f3") else None


def entries():
    return facts.load("consistent")


def of(*tables, reuse=None):
    found = [entry for entry in entries() if entry["table"] in tables]
    return [entry for entry in found if reuse is None or ("reuse" in entry) == reuse]


@pytest.fixture(scope="module")
def experiment():
    return rows.load_experiment(FILE)


def config_of(experiment, name):
    return check(tree.to_config(rows.flat_config(experiment, name, {})))


def augmented(entry, transform):
    """The pipeline of a transform, by the entry's own words."""
    if entry["dataset"] == "cifar10":
        return {"identity": STANDARD, "shrink16_pad32": f"{STANDARD}|resize_and_pad(16)"}[transform]
    params = entry.get("transform_params", {})
    name, _, size = transform.partition("_")
    op = {
        "identity": [],
        "scale": [f"resize({size})"],
        "blur": [f"blur({params.get('sigma')}, {params.get('kernel')})"],
        "crop": [f"random_crop_of({tuple(params.get('sizes', ()))})"],
    }[name]
    return "|".join([CROP, *op, "lighting"])


def numbers(values):
    """The paper's numbers by metric, as fractions of which a row may have them."""
    metrics = {"top1": "test/main/accuracy", "top5": "test/main/top5_accuracy", "bleu": "test/main/bleu"}
    metrics["miou_printed"] = "test/main/miou"
    return [(value, metrics[name]) for name, value in (values or {}).items() if name in metrics]


@pytest.mark.parametrize(
    "entry", of("Table 1") + of("Table 2", "Table 3", "Table 4", reuse=False), ids=lambda entry: entry["id"]
)
def test_a_row_has_the_papers_settings_and_numbers(experiment, entry):
    row = experiment.rows()[name := row_name(entry["id"])]
    config, train = config_of(experiment, name), entry["train"]
    assert [(paper.value, paper.metric) for paper in row.paper] == numbers(entry["paper_values"])
    assert row.where.startswith(entry["table"])
    assert row.runs is None  # the paper says it nowhere
    assert not entry.get("runs")

    # the identity first, whose branch is tested; the others in their order
    ordered = sorted(entry["transforms"], key=lambda transform: transform != "identity")
    assert config.branches[0] == "main"
    assert [parse(config.views[view].augment) for view in config.branches] == [
        parse(augmented(entry, transform)) for transform in ordered
    ]
    assert [config.views[view].draws for view in config.branches] == [None] + ["main"] * (len(ordered) - 1)
    scale = entry.get("loss_scale", 1)
    weights = [config.views[view].weight for view in config.branches]
    # "We firstly augment CIFAR-10 dataset" (section 3): without normalisation, both copies are examples of one batch
    set_is_augmented = entry["normalization"] == "fixup" and len(ordered) == 2
    if set_is_augmented:
        assert (weights, config.batch_size * 2) == ([None, None], train["batch_size"])
    else:
        assert weights == [float(scale)] * len(ordered) or (weights, scale) == ([None], 1)  # alone, None is 1
        assert config.batch_size == train["batch_size"]
    if len(ordered) > 1:
        kind = {"bn": "shared", "cn": "split", "fixup": "none"}[entry["normalization"]]
        assert config.norm.kind == kind
        # "as a whole" (4.1), where images of one size can be one batch
        one_size = not any(transform.startswith(("scale", "crop")) for transform in ordered)
        assert config.norm.sequential == (kind == "shared" and not one_size)
        assert entry["norm_groups"] == (len(ordered) if kind == "split" else 1)
    else:
        assert config.norm.kind == {"bn": "split", "fixup": "none"}[entry["normalization"]]

    assert config.data.name == entry["dataset"]
    assert config.optim.lr == train["lr"]
    assert (config.optim.momentum, config.optim.weight_decay) == (train["momentum"], train["weight_decay"])
    assert (config.optim.nesterov, config.optim.clip_norm) == (train.get("nesterov", False), None)
    assert config.optim.affine_lr_factor == (train.get("bias_scale_lr_factor") or 1.0)
    assert f"resnet{config.model.depth}" == entry["model"]
    assert config.model.zero_last_scale == train.get("zero_init_last_gamma", False)
    plan = make_plan(config, examples=EXAMPLES[entry["dataset"]])
    assert plan.total == train["epochs"] * (EXAMPLES[entry["dataset"]] // config.batch_size)
    if train["schedule"] == "step":
        assert config.schedule.boundaries == tuple(f"{epoch} epochs" for epoch in train["milestones"])
        assert (config.schedule.kind, config.schedule.factor) == ("step", train["gamma"])
        assert config.model.shortcut in (None, "pad")
        # "All models are trained with 8 NVIDIA V100 GPUs" (section 5)
        assert config.norm.group_size == (None if entry["normalization"] == "fixup" else train["batch_size"] // 8)
    else:
        assert (config.schedule.kind, config.schedule.warmup) == ("cosine", "5 epochs")
        assert config.eval.augment is None  # the data set's own: resize(256)|centre_crop(224)
        assert config.data.test_split == "validation"
        # "per-GPU batch 32"
        assert config.norm.group_size == 32


@pytest.mark.parametrize("entry", of("Table 3", "Table 4", reuse=True), ids=lambda entry: entry["id"])
def test_a_row_printed_again_shows_the_same_runs(experiment, entry):
    row = experiment.rows()[row_name(entry["id"])]
    assert row.runs_of == row_name(entry["reuse"])
    assert [(paper.value, paper.metric) for paper in row.paper] == numbers(entry["paper_values"])
    assert row.where.startswith(entry["table"])
    assert row.paper == experiment.rows()[row.runs_of].paper


@pytest.mark.parametrize("entry", of("Table 5"), ids=lambda entry: entry["id"])
def test_other_sizes_are_measured_in_the_runs_of_table_2_by_the_branch_of_each(experiment, entry):
    row = experiment.rows()[row_name(entry["id"])]
    assert (row.runs_of, row.evals, row.changes) == (row_name(entry["reuse"]), ("sizes",), {})
    branches = config_of(experiment, row.runs_of).branches
    assert [(paper.value, paper.metric) for paper in row.paper] == [
        (
            entry["paper_values"][f"top1_{side}"],
            f"test_{side}/{'main' if entry['normalization'] == 'bn' else f'size_{side}'}/accuracy",
        )
        for side in (192, 128)
    ]
    assert {"size_192", "size_128"} <= set(branches)


@pytest.mark.parametrize("entry", of("Figure 3"), ids=lambda entry: entry["id"])
def test_features_are_those_of_models_trained_on_both_kinds_of_images(experiment, entry):
    row = experiment.rows()[row_name(entry["id"])]
    assert (row.runs_of, row.evals) == (row_name(entry["reuse"]), ("features",))
    view = config_of(experiment, row.runs_of).branches[1]
    assert row.metrics == (f"test/{view}/overlap", f"test/{view}/wasserstein")
    assert not row.paper


@pytest.mark.parametrize("entry", of("Table 7", "extra"), ids=lambda entry: entry["id"])
def test_translation_has_the_papers_setting_and_number(experiment, entry):
    name = row_name(entry["id"])
    config, row, recipe = config_of(experiment, name), experiment.rows()[name], entry["train"]
    assert [(paper.value, paper.metric) for paper in row.paper] == numbers(entry["paper_values"])
    sizes = config.translation
    assert (sizes.layers, sizes.width, sizes.heads, sizes.hidden) == (6, 1024, 16, 4096)
    assert sizes.dropout == recipe["dropout"]
    assert (config.optim.name, config.optim.lr, config.optim.weight_decay) == ("adam", recipe["lr"], 0)
    assert (config.optim.args.b1, config.optim.args.b2, config.optim.args.eps) == (*recipe["betas"], recipe["eps"])
    assert (config.schedule.kind, config.schedule.warmup) == ("inverse_sqrt", f"{recipe['warmup']} steps")
    assert config.schedule.warmup_lr == recipe["warmup_init_lr"]
    assert config.loss.label_smoothing == recipe["label_smoothing"]
    assert config.batch_tokens == recipe["max_tokens_per_device"] * recipe["devices"] * recipe["update_freq"]
    assert config.duration == f"{recipe['updates']} steps"
    assert (config.eval.bleu.beam, config.eval.bleu.length_penalty) == (recipe["beam"], recipe["lenpen"])
    factors = {"identity": "", "source_length_x0.5": "stretch(0.5)", "source_length_x1.5": "stretch(1.5)"}
    assert [config.views[view].augment for view in config.branches] == [factors[how] for how in entry["transforms"]]
    assert [config.views[view].weight for view in config.branches] == [1.0] * len(entry["transforms"])
    assert len(tree.branch_names(config)) == entry["norm_groups"]


@pytest.mark.parametrize("entry", of("Table 6"), ids=lambda entry: entry["id"])
def test_segmentation_has_the_papers_settings_and_pspnets_recipe(experiment, entry):
    row = experiment.rows()[name := row_name(entry["id"])]
    assert [(paper.value, paper.metric) for paper in row.paper] == numbers(entry["paper_values"])
    if "miou_mean_of_rows" in (values := entry["paper_values"] or {}):
        assert f"{values['miou_mean_of_rows']:g}" in row.note
        assert round(sum(values["per_class"].values()) / 19, 2) == values["miou_mean_of_rows"]
    config, train = config_of(experiment, name), entry["train"]
    (stage,) = make_plan(config, examples=2975).stages
    assert abs(stage.stop - train["iterations"]) <= train["epochs"]  # an epoch's last, smaller batch is left out
    assert config.duration == f"{train['epochs']} epochs"
    assert (config.optim.lr, config.optim.momentum) == (train["lr"], train["momentum"])
    assert (config.optim.weight_decay, config.optim.nesterov) == (train["weight_decay"], False)
    assert (config.segmentation.output_stride, config.segmentation.auxiliary) == (8, train["aux_weight"])
    assert train["dilations"] == [2, 4]  # what an output stride of 8 is (tests/tasks/test_segmentation.py)
    assert (config.schedule.kind, config.batch_size) == ("poly", train["batch_size_per_domain"])
    crop, flip = parse(config.views.main.augment)
    assert (crop.height, crop.width, list(crop.scale)) == (train["crop"], train["crop"], train["scale"])
    assert (flip.name, flip.probability, train["flip"]) == ("flip", 0.5, True)
    assert (config.norm.group_size is None) == train["sync_norm"]
    assert len(config.branches) == len(entry["transforms"])
    assert {config.views[view].weight for view in config.branches} == {1.0}  # the sum over domains
    assert (config.norm.kind == "shared") == (len(config.branches) > entry["norm_groups"])


def test_figure_1_is_all_of_table_1(experiment):
    (entry,) = of("Figure 1")
    assert entry["reuse"] == "cn_t1_*"
    shown = {name: row for name, row in experiment.rows().items() if name.startswith("figure1/")}
    assert {row.runs_of for row in shown.values()} == {row_name(entry["id"]) for entry in of("Table 1")}
    assert all(row.paper == experiment.rows()[row.runs_of].paper for row in shown.values())


def test_no_entry_and_no_row_is_missing(experiment):
    assert len(entries()) == 43
    named = {row_name(entry["id"]) for entry in entries() if entry["id"] != PICTURE} - {None}
    rest = {name for name in experiment.rows() if name.startswith(("figure1/", "ours/"))}
    rest |= {"base", "table7/ln_dropout0.4"}
    assert named | rest == set(experiment.rows())


@pytest.mark.parametrize("steps_per_epoch", [5004])
def test_imagenets_learning_rate_is_the_papers(experiment, steps_per_epoch):
    """Linear from 0 to 0.1 in 5 epochs, then 0.05 (1 + cos(pi (t - t_w) / (T - t_w))), to 0 at the last step."""
    config = config_of(experiment, "table2/resnet50_cn_5_sizes")
    plan = make_plan(config, examples=EXAMPLES["imagenet2012"])
    assert plan.steps_per_epoch == steps_per_epoch
    (stage,) = plan.stages
    rate, warm, total = make_schedule(stage, plan), 5 * steps_per_epoch, 120 * steps_per_epoch
    for t in (1, warm // 2, warm, warm + 1, total // 2, total - 1, total):  # steps are counted from 1
        want = 0.1 * t / warm if t <= warm else 0.05 * (1 + math.cos(math.pi * (t - warm) / (total - warm)))
        assert float(rate(t - 1)) == pytest.approx(want, abs=1e-7)


def test_controls_change_what_they_say(experiment):
    """Each is a row of the paper with one thing changed."""

    def changed(name, row="table1/resnet32_transformed_cn"):
        base, other = (tree.flatten(config_of(experiment, each)) for each in (row, f"ours/{name}"))
        return {key for key in base.keys() | other.keys() if base.get(key) != other.get(key)}

    assert changed("resnet32_transformed_cn_mean_loss") == {"views.main.weight", "views.shrunk.weight"}
    assert changed("resnet32_transformed_cn_shared_affine") == {"norm.kind"}
    assert changed("resnet32_transformed_cn_of_groups") == {"norm.layer", "norm.groups", "norm.group_size"}
    assert changed("resnet32_transformed_cn_random_place") == {"views.shrunk.augment"}
    assert changed("resnet18_bn_5_sizes", "table2/resnet18_cn_5_sizes") == {"norm.kind", "norm.sequential"}
    assert changed("resnet18_cn_crop_resized", "table3/cn_crop") == {"views.crop.augment"}

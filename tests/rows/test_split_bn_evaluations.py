"""Rows of *Split BatchNorms* that evaluate the runs of others show the paper's runs and numbers; none is missing."""

import pytest

from sbn.config import rows, tree
from sbn.config.errors import ConfigError
from tests.conftest import ROOT
from tests.rows.test_rows import FACTS, row_name, spec_entries

FIGURES = {
    "splitbn_f3_cifar10_wrn28_2": "figure3/cifar10_wrn28_2",
    "splitbn_f3_cifar10_wrn28_10": "figure3/cifar10_wrn28_10",
    "splitbn_f3_imagenet2012_resnet50": "figure3/imagenet2012_resnet50",
    "splitbn_f4_main_bn": "figure4/wrn28_2",
    "splitbn_f4_average": "figure4/wrn28_2",
    "splitbn_f4_aux_bn": "figure4/wrn28_2",
    "splitbn_f5_no_augmentation": "figure5/no_augmentation",
    "splitbn_f5_weak_augment": "figure5/weak_augment",
    "splitbn_f5_randaugment": "figure5/randaugment",
}
EVALUATORS = {"Table 5": "corruptions", "Figure 3": "mix", "Figure 4": "fourier", "Figure 5": "low_pass"}
# Figure 5's entries name no run; "no augmentations" is Table 1's clean model
REUSE = {
    "splitbn_f5_no_augmentation": "table1/clean_model",
    "splitbn_f5_weak_augment": "table2/cifar10_wrn28_2_weak_augment",
    "splitbn_f5_randaugment": "table2/cifar10_wrn28_2_randaugment",
}


def evaluated_entries():
    return [e for e in FACTS if e["table"] == "Table 5" or e["id"] in FIGURES]


def evaluated_row_name(entry):
    if entry["table"] == "Table 5":
        return "table5/" + entry["id"].removeprefix("splitbn_t5_").removesuffix("_main_bn")
    return FIGURES[entry["id"]]


@pytest.mark.parametrize("entry", evaluated_entries(), ids=lambda entry: entry["id"])
def test_a_row_of_evaluations_shows_the_papers_runs_and_number(entry):
    experiment = rows.load_experiment(ROOT / "experiments/split_bn.py")
    row = experiment.rows()[evaluated_row_name(entry)]
    assert row.where.startswith(entry["table"])
    values = entry["paper_values"] or {}
    metric = "corrupted/main/mce" if "AlexNet" in entry["metric"] else "corrupted/main/uce"
    expected = [(values["corruption_error"], metric)] if "corruption_error" in values else []
    assert [(paper.value, paper.metric) for paper in row.paper] == expected
    named = experiment.rows()
    whose = REUSE.get(entry["id"]) or "table2/" + entry["reuse"].removeprefix("splitbn_t2_")
    assert row.runs_of == (named[whose].runs_of or whose)  # what Table 3 trains too, it trains
    assert row.runs == entry.get("runs", None if "imagenet" in entry["dataset"] else 10)
    assert row.evals == (EVALUATORS[entry["table"]],)
    settings = tree.to_config(tree.changed(tree.defaults(), row.changes))
    if "l2_norm" in entry.get("setup", {}):
        assert settings.eval.fourier.norm == entry["setup"]["l2_norm"]
    if "500 images" in entry["dataset"]:
        assert settings.eval.low_pass.examples == 500
    with pytest.raises(ConfigError, match=f"shows runs of {row.runs_of}.* --evals={row.evals[0]}"):
        rows.flat_config(experiment, evaluated_row_name(entry), {})


def test_no_row_of_the_tables_is_missing():
    experiment = rows.load_experiment(ROOT / "experiments/split_bn.py")
    imagenet = [entry for entry in FACTS if entry["id"].startswith("splitbn_t2_imagenet")]
    found = {*map(row_name, [*spec_entries(), *imagenet]), *map(evaluated_row_name, evaluated_entries())}
    ours = {name for name in experiment.rows() if name.startswith("ours/")}
    assert found | ours | {"base", "table1/clean_model"} == set(experiment.rows())

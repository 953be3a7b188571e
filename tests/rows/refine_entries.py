"""The rows of experiments/refine.py beside the facts of its paper: names, configs and plans."""

import pytest

from sbn.config import rows, tree
from sbn.config.checks import check
from sbn.train.plan import NOTHING_BEFORE, Before, make_plan
from tests import facts
from tests.conftest import ROOT

EXPERIMENT = rows.load_experiment(ROOT / "experiments/refine.py")
ROWS = EXPERIMENT.rows()
ENTRIES = facts.load("refine")
EXAMPLES = {
    "cifar10": 50_000,
    "cifar100": 50_000,
    "tiny_imagenet": 100_000,
    "imagenet2012": 1_281_167,
    "voc/2007": 5_011,
}
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


def name_of(id):
    (prefix,) = [prefix for prefix in PREFIXES if id.startswith(prefix)]
    return PREFIXES[prefix] + id.removeprefix(prefix)


def is_experiment(entry):
    return entry["id"] != "refine_f2"  # a sketch


def runnable(entry):
    return (
        is_experiment(entry) and entry["table"] != "Table 6" and entry["model"] != "pdarts"
    )  # these have tests of their own


def ids(wanted):
    return pytest.mark.parametrize("entry", [e for e in ENTRIES if wanted(e)], ids=lambda entry: entry["id"])


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

"""What the rows of experiments/refine.py train: networks of the published sizes, and no first stage twice."""

import json
import math

import jax
import pytest

from sbn.config import tree
from sbn.tasks.classification import make_classification
from tests.conftest import ROOT
from tests.rows.programs import config_of, load
from tests.tasks.parts import described

PATH = ROOT / "experiments/refine.py"
ROWS = load(PATH).rows()


def test_no_first_stage_is_trained_twice():
    """What begins from nothing differs in its first stage from everything else that does."""
    seen = {}
    for name, row in ROWS.items():
        if row.trains and not row.needs and name != "base":
            config = config_of(PATH, name)
            first = tree.stage_config(config, config.stages[0])
            key = json.dumps(tree.flatten(first), sort_keys=True)
            assert key not in seen, (name, seen[key])
            seen[key] = name
    assert len(seen) == 28 + 2 + 9 + 7 + 1 + 3 + 1 + 2


@pytest.mark.parametrize(
    ("name", "classes", "size", "parameters"),
    [
        ("table1/preactresnet18_cifar10_mixup", 10, 32, 11_171_146),
        ("table1/preactresnet18_cifar100_mixup", 100, 32, 11_217_316),
        ("table4/mixup_g0.2", 200, 64, 11_268_616),
        ("table1/wrn28_10_cifar10_autoaugment", 10, 32, 36_479_194),
        ("table1/shakeshake26_2x96d_cifar100_mixup", 100, 32, 26_227_572),
        ("table5/resnet50_autoaugment", 1000, 224, 25_557_032),
    ],
)
def test_networks_have_the_published_numbers_of_parameters(name, classes, size, parameters):
    task = make_classification(config_of(PATH, name), described(classes=classes, size=(size, size)))
    shapes = jax.eval_shape(task.init, jax.random.key(0))["params"]
    assert sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(shapes)) == parameters

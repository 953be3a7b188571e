"""Rows as tiny versions of themselves, and which of these are one program, so that it is trained once."""

import dataclasses
import functools
import json
import re

from sbn.augment import pipeline
from sbn.config import rows, tree
from sbn.config.checks import check
from sbn.config.schema import NEUTRAL
from sbn.config.tree import key_of
from sbn.train import train
from tests.conftest import ROOT

FILES = sorted(path for path in (ROOT / "experiments").glob("*.py") if not path.stem.startswith("_"))
load = functools.cache(rows.load_experiment)
ROWS = [(path, name) for path in FILES for name, row in load(path).rows().items() if row.trains]

# What makes any row small: little data and a small network. Views, branches, norms and stages stay the row's own.
SMALL = {
    "data.name": "shapes",
    "data.train_examples": 16,
    "data.test_examples": 8,
    "data.image_size": 32,
    "data.test_split": "test",
    "batch_size": 8,
    "eval.batch_size": 8,
    "log.tensorboard": False,
}
# depth and width of the smallest network of its kind
NETWORKS = {
    "wide_resnet": (10, 1),
    "preact_resnet": (10, 1),
    "shake_shake": (8, 2),
    "cifar_resnet": (8, 1),
    "imagenet_resnet": (10, 1),
}
FRAMED = ("imagenet2012", "imagenette")  # their pipelines make images of 224 pixels or so
# How the program goes through its data is the same whatever these say
SAME = (NEUTRAL | {"seed", "init.from", "init.stage"}) - {"eval.evals", "data.path"}


def config_of(path, name, overrides=None):
    return check(tree.to_config(rows.flat_config(load(path), name, overrides or {})))


def small(path, name):
    """What to change in a row for a version of it that takes two steps, or one a stage, if it has more stages."""
    flat = rows.flat_config(load(path), name, {})
    depth, width = NETWORKS[flat["model.name"]]
    changes = {**SMALL, "model.depth": depth, "model.width": width}
    for key, value in flat.items():
        leaf = key.removeprefix("stage.").split(".", 1)[-1] if key.startswith("stage.") else key
        if leaf == "duration":
            changes[key] = "1 steps" if len(flat["stages"]) > 1 else "2 steps"
        elif leaf == "schedule.boundaries" and value:
            changes[key] = ("0 steps",)
        elif leaf.endswith(".fade") and not value.startswith("0 "):
            changes[key] = "1 steps"
        elif leaf == "norm.group_size" and value:
            changes[key] = 4
        elif leaf.endswith(".augment") and value and flat["data.name"] in FRAMED:
            changes[key] = re.sub(r"\b(\w+_crop|resize)\((\d+)", _smaller, value)
    return changes


def _smaller(found):
    return f"{found[1]}({max(8, int(found[2]) // 7)}"


def program(path, name):
    """What decides which program a small row is, as text. Numbers with a point decide by whether they are 0."""
    row = load(path).rows()[name]
    flat = tree.flatten(config_of(path, name, small(path, name)))
    parts = {key: _part(key, value) for key, value in flat.items() if key not in SAME}
    needed = {key: program(path, other) for key, other in row.needs.items()}
    return json.dumps([parts, needed], sort_keys=True)


def _part(key, value):
    if key.endswith(".augment") and value is not None:
        return [(op.name, [_float_or_value(op, field) for field in dataclasses.fields(op)]) for op in parsed(value)]
    return bool(value) if key_of(key).kind == "float" and value is not None else value


parsed = functools.cache(pipeline.parse)


def _float_or_value(op, field):
    value = getattr(op, field.name)
    return bool(value) if field.type is float else str(value)


@functools.cache
def programs():
    """The rows of all experiments, those that are one program together: lists of (path, name)."""
    alike = {}
    for path, name in ROWS:
        alike.setdefault(program(path, name), []).append((path, name))
    return list(alike.values())


def train_small(path, name, folder):
    """Trains the small version of a row, before it those of the rows it needs; returns the result."""
    changes = small(path, name)
    for key, other in load(path).rows()[name].needs.items():
        train_small(path, other, folder / "needed")
        changes[key] = str(folder / "needed/run")
    return train(config_of(path, name, changes), folder / "run")

"""Rows as tiny versions of themselves, and which of these are one program, so that it is trained once."""

import dataclasses
import functools
import itertools
import json
import re

import pytest

from sbn.augment import pipeline
from sbn.config import rows, tree
from sbn.config.checks import check
from sbn.config.schema import NEUTRAL
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
    "data.train_split": "train",
    "data.test_split": "test",
    "batch_size": 8,
    "eval.batch_size": 8,
    "log.tensorboard": False,
    "init.stage": None,
}
# The same of rows on sentences
SMALL_SENTENCES = {
    "data.name": "reverse",
    "data.train_examples": 60,
    "data.test_examples": 8,
    "data.test_split": "test",
    "batch_tokens": 200,
    "translation.buckets": (24,),  # one program
    "translation.layers": 1,
    "translation.width": 8,
    "translation.heads": 2,
    "translation.hidden": 8,
    "precision": "float32",
    "eval.batch_size": 8,
    "log.tensorboard": False,
    "init.stage": None,
}
# Evaluators that draw what a network finds, by one more program; they have tests of their own
DRAWN = ("detections", "masks")
# depth and width of the smallest network of its kind
NETWORKS = {
    "wide_resnet": (10, 1),
    "preact_resnet": (10, 1),
    "shake_shake": (8, 2),
    "cifar_resnet": (8, 1),
    "imagenet_resnet": (10, 1),
    "pdarts": (8, 2),
}
DETECTORS = {
    "detection.channels": 8,
    "detection.hidden": 8,
    "detection.anchor_samples": 16,
    "detection.proposals_before": (20, 20),
    "detection.proposals_after": (20, 20),
    "detection.region_samples": 16,
}
ON_FILES = ("fit(", "random_scale(")  # first ops of images in files, which shapes are not
FRAMED = ("imagenet2012", "imagenette")  # their pipelines make images of 224 pixels or so
# Numbers of the update that decide by whether they are 0: with one value they compile to one program.
RATES = ("optim.lr", "optim.weight_decay", "schedule.factor", "translation.dropout", "schedule.warmup_lr")
# A run goes through its program in the same way whatever these say.
SAME = (NEUTRAL | {"seed"}) - {"eval.evals", "data.path", "model.remat", "steps_per_call"}


def flat_of(path, name):
    return rows.flat_config(load(path), name, {})


def config_of(path, name):
    return check(tree.to_config(flat_of(path, name)))


@functools.cache
def small(path, name):
    """The flat config of a version of a row that takes two steps, or one a stage if it has more stages.

    Of stages one after the other that differ in nothing but their length, it has the first.
    """
    flat = flat_of(path, name)
    whole = tree.to_config(flat)
    stages = tuple(next(group) for _, group in itertools.groupby(whole.stages, lambda stage: _but_length(whole, stage)))
    if whole.task == "translation":
        flat |= {**SMALL_SENTENCES, "stages": stages}
    else:
        depth, width = NETWORKS[flat["model.name"]]
        flat |= {**SMALL, "model.depth": depth, "model.width": width, "stages": stages}
    if whole.task == "detection":
        flat |= DETECTORS
    flat["eval.evals"] = tuple(name for name in flat["eval.evals"] if name not in DRAWN)
    flat = {key: value for key, value in flat.items() if not key.startswith("stage.") or key.split(".")[1] in stages}
    own = dict.fromkeys(key.partition(".data.")[0] for key in flat if key.startswith("views.") and ".data." in key)
    flat = {key: value for key, value in flat.items() if not key.startswith(tuple(f"{view}.data." for view in own))}
    flat |= {f"{view}.data.style": "sketch" for view in own}  # data of a view's own, whatever they are
    return {key: _smaller(key, value, flat, framed=whole.data.name in FRAMED) for key, value in flat.items()}


def _but_length(config, stage):
    return {key: value for key, value in tree.flatten(tree.stage_config(config, stage)).items() if key != "duration"}


def _smaller(key, value, flat, *, framed):
    key = ".".join(key.split(".")[2:]) if key.startswith("stage.") else key
    if key == "duration":
        return "1 steps" if len(flat["stages"]) > 1 else "2 steps"
    if key == "schedule.boundaries" and value:
        return ("0 steps",)
    if key.endswith(".fade") and not value.startswith("0 "):
        return "1 steps"
    if key == "norm.group_size" and value:
        return 4
    if key == "schedule.warmup" and not value.startswith("0 "):
        return "1 steps"
    if key == "norm.groups" and flat["norm.layer"] == "group":
        return 1
    tasks = tree.key_of(key).tasks
    if key in RATES and value and (not tasks or flat["task"] in tasks):
        return 0.01
    if key.endswith(".augment") and value and value.startswith(ON_FILES):
        return "|".join(value.split("|")[1:]) or None
    if key.endswith(".augment") and value and framed:
        return re.sub(r"\b(?:\w+_crop|resize|random_crop_of)\([(0-9, ]+", _seventh, value)
    return value


def _seventh(call):
    """The sizes that an op is called with, a seventh of each."""
    return re.sub(r"\d+", lambda number: str(max(8, int(number[0]) // 7)), call[0])


@functools.cache
def program(path, name):
    """What decides which program a small row is, as text; other strengths of its ops are no other program."""
    parts = {key: _part(key, value) for key, value in small(path, name).items() if key not in SAME}
    needs = {
        key: tree.branch_names(tree.to_config(small(path, other)))
        for key, other in load(path).rows()[name].needs.items()
    }
    return json.dumps([parts, needs], sort_keys=True)


def _part(key, value):
    if key.endswith(".augment") and value is not None:
        return [(op.name, [_strength(op, field) for field in dataclasses.fields(op)]) for op in pipeline.parse(value)]
    return value


def _strength(op, field):
    value = getattr(op, field.name)
    return bool(value) if isinstance(value, int | float) else str(value)


def programs():
    """The rows of all experiments, those that are one program together: lists of (path, name)."""
    alike = {}
    for path, name in ROWS:
        alike.setdefault(program(path, name), []).append((path, name))
    return list(alike.values())


def marked(found):
    """Programs as parameters of a test.

    One of every network and task, and of every experiment one with as many stages, after another row or not, belong to
    all runs of the tests; the rest are slow, and those of the claims, of cells, of the quick start and of segmentation.
    """
    seen, parameters = set(), []
    for alike in found:
        path, name = alike[0]
        flat = small(path, name)
        needs = bool(load(path).rows()[name].needs)
        places = {(flat["task"], flat["model.name"]), (path, len(flat["stages"]), needs)}
        # claims are the papers' rows once more, the README's own test runs the quick start, cells compile for a minute,
        # tests/e2e/test_segmentation.py and test_canvases.py train what those of their tasks are when small
        again = ("claims", "quickstart", "segmentation", "detection")
        slow = places <= seen or path.stem in again or flat["model.name"] == "pdarts"
        slow |= bool(needs and flat["task"] == "detection")
        seen |= places
        label = f"{path.stem}:{name}+{len(alike) - 1}"
        parameters.append(pytest.param(alike, id=label, marks=[pytest.mark.slow] * slow))
    return parameters


def train_small(path, name, folder):
    """Trains the small version of a row, before it those of the rows it needs; returns the result."""
    flat = dict(small(path, name))
    for key, other in load(path).rows()[name].needs.items():
        train_small(path, other, folder / "needed")
        flat[key] = str(folder / "needed/run")
    return train(check(tree.to_config(flat)), folder / "run")

"""Empirical risks against a slow sum: every image augmented at its address, mixed in NumPy, one view at a time."""

import jax
import numpy as np
import pytest

from sbn.augment import draws
from sbn.augment.device.apply import make_apply
from sbn.augment.pipeline import parse
from sbn.augment.step import mix
from sbn.config.errors import ConfigError
from sbn.data.pixels import normalise, pack
from sbn.data.spectrum import NO_STAGE
from sbn.evals.base import run
from sbn.evals.make import make_evaluators
from sbn.nn import branches
from sbn.tasks.base import stream_key
from sbn.train.setup import make_setup

M, BATCH, CLASSES = 20, 8, 10
STAGES = {
    "data.train_examples": M,
    "eval.evals": ("losses",),
    "stages": ("intensive", "refined"),
    "duration": "6 steps",
    "batch_size": BATCH,
    "branches": ("main",),
    "views.main.augment": "crop(2)|flip",
}


def made(tiny, changes=None):
    config = tiny({**STAGES, **(changes or {})})
    setup = make_setup(config)
    variables = setup.task.init(jax.random.key(1))
    variables["params"]["head"]["kernel"] *= 20  # predictions that differ from image to image
    norm = variables["params"]["final_norm"]  # and from branch to branch
    norm["bias"] += 0.1 * jax.random.normal(jax.random.key(2), norm["bias"].shape)
    return setup, variables, make_evaluators(setup.materials(config))["losses"]


def cross_entropy(logits, targets):
    logits = np.asarray(logits, np.float64)
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    return -(targets * log_p).sum(-1)


def apply_one(ops, words, ids):
    """A pipeline on packed pixels, at the address that evaluation has, by the device path's ops, eagerly."""
    apply = make_apply(ops, image_size=words.shape[1:])
    return np.asarray(
        jax.jit(lambda words, ids: apply(words, seed=0, stage=NO_STAGE, epoch=0, ids=ids, view=0))(words, ids)
    )


def logits_of(setup, variables, words, branch=0):
    """Of one branch, for packed pixels, in one batch."""
    images = normalise(words, mean=setup.task.mean, std=setup.task.std)
    model, own = setup.task.model.clone(branches=1), branches.select_branch(variables, branch)
    return jax.jit(lambda own, images: model.apply(own, images, train=False))(own, images[:, None])[:, 0]


def slow_augmented(setup, variables, text, *, mixing=None):
    """The mean loss of a view: batches in the evaluation's order, the last filled up and counted in part."""
    order, task = draws.order(0, stage=NO_STAGE, epoch=0, count=M), setup.task
    model, own = task.model.clone(branches=1), branches.select_branch(variables, 0)
    losses = []
    for index in range(-(-M // BATCH)):
        ids = np.resize(order, (3, BATCH))[index]
        words = apply_one(parse(text), pack(setup.train.images[ids]), ids)
        images = np.asarray(normalise(words, mean=task.mean, std=task.std), np.float64)
        targets, hidden = np.eye(CLASSES)[setup.train.labels[ids]], None
        if mixing:
            images, targets, hidden = mixing(task, index, images, targets)

        def tap(name, x, hidden=hidden):
            if hidden is None or name != hidden[0]:
                return x
            return np.asarray(hidden[1](np.asarray(x, np.float64)), np.float32)

        logits = model.apply(own, images[:, None].astype(np.float32), train=False, tap=tap)[:, 0]
        losses.extend(cross_entropy(logits, targets))
    return np.mean(losses[:M])


def by_mixup(task, index, images, targets):
    key = jax.random.fold_in(stream_key(0, "losses/mixup/0", index), 0)
    partner, share = map(np.asarray, mix.draw_pairing(key, 1.0, BATCH))
    share = float(share)
    return share * images + (1 - share) * images[partner], share * targets + (1 - share) * targets[partner], None


def by_manifold(task, index, images, targets):
    key = jax.random.fold_in(stream_key(0, "losses/manifold_mixup/0", index), 0)
    place_key, pair_key = jax.random.split(key)
    place = task.model.network.mixing_points[int(jax.random.randint(place_key, (), 0, 3))]
    partner, share = map(np.asarray, mix.draw_pairing(pair_key, 1.0, BATCH))
    share = float(share)

    def blend(x):
        return share * x + (1 - share) * x[partner]

    if place == "input":
        return blend(images), blend(targets), None
    return images, blend(targets), (place, blend)


MIXES = {"mixup(1)": by_mixup, "manifold_mixup(1)": by_manifold}


@pytest.mark.parametrize(("op", "path"), [("mixup(1)", "host"), ("manifold_mixup(1)", "device")])
def test_risks_are_those_of_the_stage_the_step_stands_in(tiny, op, path):
    changes = {"stage.intensive.views.main.augment": f"crop(2)|flip|{op}", "data.path": path}
    setup, variables, evaluator = made(tiny, changes)
    mixed = slow_augmented(setup, variables, "crop(2)|flip", mixing=MIXES[op])
    slow = [mixed, slow_augmented(setup, variables, "crop(2)|flip")]
    assert abs(slow[0] - slow[1]) > 0.1
    logits = logits_of(setup, variables, pack(setup.train.images))
    clean = cross_entropy(logits, np.eye(CLASSES)[setup.train.labels]).mean()
    for step, stage in ((6, 0), (7, 1)):
        found, arrays = run(evaluator, variables, step=step)
        assert not arrays
        assert list(found) == ["train_clean/main/cross_entropy", "train_augmented/main/cross_entropy"]
        # the network's float32
        assert found["train_clean/main/cross_entropy"] == pytest.approx(clean, rel=1e-5)
        assert found["train_augmented/main/cross_entropy"] == pytest.approx(slow[stage], rel=1e-4)


def test_a_network_that_knows_nothing_loses_the_logarithm_of_the_classes_whatever_is_mixed(tiny):
    """Cross-entropy with uniform predictions is log 10 for any targets that add up to 1."""
    changes = {
        "views.main.augment": "crop(2)|mixup(1)|cutmix(1, 0.5)",
        "views.aux.augment": "flip|manifold_mixup(1)",
        "branches": ("main", "aux"),
    }
    _, variables, evaluator = made(tiny, changes)
    variables["params"]["head"] = jax.tree.map(np.zeros_like, variables["params"]["head"])
    found, _ = run(evaluator, variables, step=3)
    assert set(found) == {
        *(f"train_clean/{name}/cross_entropy" for name in ("main", "aux", "mix_0.5")),
        *(f"train_augmented/{name}/cross_entropy" for name in ("main", "aux")),
    }
    np.testing.assert_allclose(list(found.values()), np.log(CLASSES), rtol=1e-6)


def test_without_ops_both_risks_are_one_and_every_view_has_its_own_branch(tiny):
    changes = {"branches": ("main", "aux"), "views.main.augment": "", "views.aux.augment": ""}
    for kind in ("split", "shared"):
        _, variables, evaluator = made(tiny, {**changes, "norm.kind": kind})
        found, _ = run(evaluator, variables, step=12)
        for view in ("main", "aux"):
            branch = view if kind == "split" else "main"
            clean = found[f"train_clean/{branch}/cross_entropy"]
            assert found[f"train_augmented/{view}/cross_entropy"] == pytest.approx(clean, rel=1e-5)
        assert ("train_clean/aux/cross_entropy" in found) == (kind == "split")
    assert found["train_augmented/main/cross_entropy"] == found["train_augmented/aux/cross_entropy"]


def test_a_part_of_the_examples_is_the_same_part_for_both_risks(tiny):
    setup, variables, evaluator = made(
        tiny, {"views.main.augment": "", "eval.losses.examples": 11, "data.path": "device"}
    )
    found, _ = run(evaluator, variables, step=12)
    assert found["train_augmented/main/cross_entropy"] == pytest.approx(
        found["train_clean/main/cross_entropy"], rel=1e-5
    )
    ids = draws.order(0, stage=NO_STAGE, epoch=0, count=M)[:11]
    logits = logits_of(setup, variables, pack(setup.train.images[ids]))
    expected = cross_entropy(logits, np.eye(CLASSES)[setup.train.labels[ids]]).mean()
    assert found["train_clean/main/cross_entropy"] == pytest.approx(expected, rel=1e-5)


def test_a_view_that_fades_is_as_strong_as_at_the_step(tiny):
    changes = {"stage.intensive.views.main.augment": "mixup(1)", "stage.intensive.views.main.fade": "6 steps"}
    _, variables, evaluator = made(tiny, changes)
    faded, whole = (run(evaluator, variables, step=step)[0] for step in (6, 1))
    assert faded["train_augmented/main/cross_entropy"] == pytest.approx(
        faded["train_clean/main/cross_entropy"], rel=1e-5
    )
    # one step in, five sixths of alpha are left: not all of mixup, and not none
    assert abs(whole["train_augmented/main/cross_entropy"] - faded["train_augmented/main/cross_entropy"]) > 0.01
    _, numbers = next(evaluator._batches(evaluator._materials.stages[0], 1))
    np.testing.assert_allclose(numbers["strength"], [5 / 6], rtol=1e-6)


def test_views_of_other_sizes_are_measured_at_their_sizes(tiny):
    changes = {
        "branches": ("main", "small"),
        "views.main.augment": "",
        "views.small.augment": "resize(8)",
        "data.path": "device",
    }
    setup, variables, evaluator = made(tiny, changes)
    found, _ = run(evaluator, variables, step=12)
    small = apply_one(evaluator._materials.stages[1].data[1].ops, pack(setup.train.images), np.arange(M))
    assert small.shape[1:] == (8, 8)
    logits = logits_of(setup, variables, small, branch=1)
    expected = cross_entropy(logits, np.eye(CLASSES)[setup.train.labels]).mean()
    assert found["train_augmented/small/cross_entropy"] == pytest.approx(expected, rel=1e-5)


def test_more_examples_than_one_can_be_asked_for_and_not_less(tiny):
    with pytest.raises(ConfigError, match=r"eval.losses.examples"):
        tiny({"eval.losses.examples": 0})
    _, _, evaluator = made(tiny, {"views.main.augment": "", "eval.losses.examples": 1000})
    assert evaluator._examples == M

"""The detection task: what its loss adds up, what its views and branches mean, and what it refuses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sbn.config.errors import ConfigError
from sbn.data import pixels
from sbn.data.examples import Feature, in_memory
from sbn.tasks import make_task
from sbn.tasks.base import StageViews, TaskData, stream_key
from sbn.tasks.detection import PARTS, frame

SMALL = {
    "task": "detection",
    "model.name": "imagenet_resnet",
    "model.depth": 10,
    "model.width": 4,
    "eval.evals": ("metrics",),
    "views.main.augment": "flip",
    "views.aux.augment": "flip",
    "detection.channels": 8,
    "detection.hidden": 8,
    "detection.anchor_scale": 2.0,
    "detection.anchor_samples": 16,
    "detection.proposals_before": (30, 20),
    "detection.proposals_after": (30, 20),
    "detection.region_samples": 16,
    "detection.detections": 8,
}
FEATURES = {
    "image": Feature("image", (64, 64, 3)),
    "boxes": Feature("boxes", (2, 4), ("cat", "dog", "owl")),
    "box_label": Feature("label", (2,), ("cat", "dog", "owl")),
    "box_difficult": Feature("array", (2,)),
}
DATA = TaskData(FEATURES, test_examples=5)
VIEWS = StageViews(("main", "aux"), (0.5, 0.5), (0, 1))


@pytest.fixture(scope="module")
def batch():
    random = np.random.default_rng(0)
    images = pixels.pack(random.integers(0, 256, (3, 64, 64, 3), dtype=np.uint8))
    images[:, 60:] = images[:, :, 50:] = 0  # filler
    boxes = np.tile(np.asarray([[5, 5, 30, 28], [20, 14, 52, 40]], np.float32), (3, 2, 1, 1))
    boxes[2, :, 1] = 0
    return {
        "inputs": {"image": jnp.asarray(np.stack([images, images[:, ::-1]], axis=1))},
        "targets": {
            "boxes": jnp.asarray(boxes),
            "box_label": jnp.asarray([[0, 2], [1, 1], [2, 0]]),
            "box_difficult": jnp.asarray([[0, 0], [0, 1], [0, 0]]),
        },
        "id": jnp.asarray([4, 9, 1]),
    }


@pytest.fixture(scope="module")
def made(tiny):
    """A task, fresh variables, and its compiled loss."""
    task = make_task(tiny(SMALL), DATA)
    variables = task.init(jax.random.key(0))

    @jax.jit
    def loss(variables, batch):
        return task.loss(variables, batch, views=VIEWS, numbers={}, keys=lambda stream: stream_key(0, stream))

    return task, variables, loss


def test_the_loss_adds_up_the_parts_of_every_view_by_its_weight(made, batch):
    _, variables, loss = made
    found = loss(variables, batch)
    assert found.weight == 3
    values = {name: float(value) for name, (value, _) in found.metrics.items()}
    for view in VIEWS.names:
        assert values[f"{view}/loss"] == pytest.approx(sum(values[f"{view}/{part}"] for part in PARTS), rel=1e-6)
    assert float(found.sum) == pytest.approx((values["main/loss"] + values["aux/loss"]) / 2, rel=1e-6)


def test_every_view_moves_the_statistics_of_its_own_branch(made, batch):
    _, variables, loss = made
    stats = loss(variables, batch).batch_stats["stem_norm"]["mean"]
    assert stats.shape == (2, 4)
    assert (np.asarray(stats[0]) != np.asarray(stats[1])).any()
    assert (np.asarray(stats) != np.asarray(variables["batch_stats"]["stem_norm"]["mean"])).all()


def test_difficult_objects_are_not_learned(made, batch):
    _, variables, loss = made
    gone = batch["targets"]["boxes"].at[1, :, 1].set(0)
    other = {**batch, "targets": {**batch["targets"], "boxes": gone}}
    np.testing.assert_allclose(loss(variables, batch).sum, loss(variables, other).sum, rtol=1e-6)
    easy = {**batch, "targets": {**batch["targets"], "box_difficult": jnp.zeros((3, 2), jnp.int32)}}
    assert float(loss(variables, easy).sum) != float(loss(variables, batch).sum)


@pytest.mark.slow  # tests/tasks/test_detector.py compares them
def test_detections_of_every_branch_lie_within_the_image(made, batch):
    task, variables, _ = made
    found = jax.jit(task.outputs)(variables, {"image": batch["inputs"]["image"][:, 0]})
    assert found.shape == (3, 2, 8, 6)
    boxes, scores = found[..., :4], found[..., 4]
    assert (boxes >= 0).all()
    assert (boxes[..., 2] <= 60).all()
    assert (boxes[..., 3] <= 50).all()
    assert (np.diff(scores, axis=-1) <= 0).all()


def test_what_is_image_ends_where_the_filler_begins():
    """Also where a flip has taken it to the other side, and where there is nothing else."""
    packed = np.full((4, 4, 6), 255 << 24, np.int64).astype(np.int32)
    packed[0, 3:], packed[0, :, 4:] = 0, 0
    packed[2] = packed[0, :, ::-1]
    packed[3] = 0
    np.testing.assert_array_equal(frame(jnp.asarray(packed)), [[0, 0, 3, 4], [0, 0, 4, 6], [0, 2, 3, 6], [0, 0, 0, 0]])


def test_a_stage_may_freeze_normalisation(tiny, made):
    task, _, _ = made
    frozen = task.for_stage(tiny({**SMALL, "norm.frozen": True}))
    assert frozen.model.network.frozen_norm
    assert not task.model.network.frozen_norm


@pytest.mark.parametrize(
    ("changes", "features", "told"),
    [
        ({}, {"image": FEATURES["image"], "label": Feature("label")}, "needs examples with 'boxes'"),
        ({"model.name": "wide_resnet", "model.depth": 10}, FEATURES, "imagenet_resnet"),
        ({"detection.proposals_after": (10,)}, FEATURES, "proposals_after = (10,) has 1 numbers"),
    ],
)
def test_what_can_not_be_right_is_refused(tiny, changes, features, told):
    with pytest.raises(ConfigError) as error:
        make_task(tiny({**SMALL, **changes}), TaskData(features))
    assert told in str(error.value)


@pytest.mark.parametrize("what", ["none", "difficult ones"])
def test_images_without_any_object_that_counts_are_refused(tiny, what):
    boxes = np.zeros((2, 1, 4), np.float32) + (np.float32([0, 0, 5, 5]) if what == "difficult ones" else 0)
    arrays = {
        "image": np.zeros((2, 32, 32, 3), np.uint8),
        "boxes": boxes,
        "box_label": np.zeros((2, 1), np.int32),
        "box_difficult": np.ones((2, 1), np.uint8),
    }
    config = tiny({**SMALL, "data.name": "shapes"})
    task = make_task(config, DATA)
    with pytest.raises(ConfigError, match=r"of the 2 images of a split .* none contains an object that counts"):
        task.batching(in_memory(arrays, name="cells", classes=("cat",)), config, multiple=1)
    counted = in_memory({**arrays, "box_difficult": 1 - arrays["box_difficult"]}, name="cells", classes=("cat",))
    if boxes.any():
        assert task.batching(counted, config, multiple=1) is None


def test_a_mean_of_two_branches_is_refused(tiny):
    # Boxes of two branches are no pairs: there is nothing to take a mean of
    with pytest.raises(ConfigError, match=r"eval.mix.* has no effect with task = 'detection'"):
        tiny({**SMALL, "eval.mix": (0.25,)})


def test_what_is_measured_is_a_key(tiny):
    data = TaskData({**FEATURES, "image_size": Feature("array", (2,))}, test_examples=5)
    assert list(make_task(tiny(SMALL), data).metrics()) == ["map"]
    both = make_task(tiny({**SMALL, "eval.average_precision": ("voc", "coco"), "eval.augment": "fit(64, 64)"}), data)
    assert list(both.metrics()) == ["map", "coco_map"]
    assert both.targets == ("boxes", "box_label", "box_difficult", "image_size")
    # A box of what the network sees, in the pixels of an image that is twice as large
    np.testing.assert_array_equal(
        both.original(np.ones((1, 1, 4)) * [2, 3, 9, 8], np.asarray([[128, 128]])), [[[4, 6, 18, 16]]]
    )


def test_ops_that_change_images_within_the_step_are_refused(tiny):
    from sbn.augment.pipeline import parse

    task = make_task(tiny(SMALL), DATA)
    with pytest.raises(ConfigError, match=r"views\.main\.augment: mixup"):
        task.check_views(StageViews(("main",), (1.0,), (0,), (tuple(parse("mixup(0.2)")),)))

"""Faster R-CNN against torchvision's, at rest and op for op, and what must hold of its losses."""

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sbn.models.faster_rcnn import FasterRCNN
from sbn.models.regions import Drawn, Settings, losses, proposal_losses, propose
from sbn.models.resnet import ImageNetResNet
from sbn.nn.anchors import make_anchors
from sbn.nn.branched import Branched
from sbn.tasks.detection import PARTS

SIZE = (96, 128)
TORCHVISION = Settings(
    anchor_scale=2.0,
    rounded_anchors=True,
    anchors_inside=False,
    anchor_best=0.0,
    proposals_before=(60, 60),
    proposals_after=(40, 40),
    region_beta=1 / 9,
    offset_limits=(-np.inf, float(np.log(1000 / 16))),
    detections=20,
)
SMALL = Settings(
    anchor_scale=2.0,
    anchor_samples=32,
    proposals_before=(40, 20),
    proposals_after=(40, 20),
    region_samples=16,
    detections_before=20,
    detections=10,
)


class Body(nn.Module):
    """The backbone of the reference: five convolutions of stride 2."""

    @nn.compact
    def __call__(self, x, *, train, tap):
        x = nn.relu(nn.Conv(4, (3, 3), strides=2, padding=1, use_bias=False, name="stem")(x))
        for k, channels in enumerate((4, 6, 8, 8), start=1):
            x = tap(f"stage{k}", nn.relu(nn.Conv(channels, (3, 3), strides=2, padding=1, name=f"stage{k}")(x)))
        return x


def yx(array):
    """torchvision's (x, y, ...) pairs, four numbers to a box, as (y, x, ...)."""
    return array.reshape(*array.shape[:-1], -1, 4)[..., [1, 0, 3, 2]].reshape(array.shape)


@pytest.fixture(scope="module")
def reference(tasks_dir):
    return dict(np.load(tasks_dir / "golden/torchvision_faster_rcnn_tiny.npz"))


@pytest.fixture(scope="module")
def params(reference):
    weights = {name.removeprefix("weights/"): array for name, array in reference.items() if "weights/" in name}

    def bias(name):
        return {"bias": weights[f"{name}.bias"]} if f"{name}.bias" in weights else {}

    def conv(name):
        return {"kernel": weights[f"{name}.weight"].transpose(2, 3, 1, 0), **bias(name)}

    def dense(name):
        return {"kernel": weights[f"{name}.weight"].T, **bias(name)}

    def swapped(layer):
        return {name: yx(array) for name, array in layer.items()}

    first = dense("roi_heads.box_head.fc6")
    first["kernel"] = first["kernel"].reshape(8, 7, 7, 16).transpose(1, 2, 0, 3).reshape(-1, 16)
    offsets = swapped(dense("roi_heads.box_predictor.bbox_pred"))
    body = {f"stage{k}": conv(f"backbone.body.layer{k}.0") for k in (1, 2, 3, 4)}
    lateral = {f"lateral{k + 2}": conv(f"backbone.fpn.inner_blocks.{k}.0") for k in range(4)}
    level = {f"level{k + 2}": conv(f"backbone.fpn.layer_blocks.{k}.0") for k in range(4)}
    return {
        "stem": conv("backbone.body.stem.0"),
        **body,
        "pyramid": {**lateral, **level},
        "proposals": {
            "conv": conv("rpn.head.conv.0.0"),
            "objectness": conv("rpn.head.cls_logits"),
            "offsets": swapped(conv("rpn.head.bbox_pred")),
        },
        "box_head": {
            "dense1": first,
            "dense2": dense("roi_heads.box_head.fc7"),
            "classes": dense("roi_heads.box_predictor.cls_score"),
            "offsets": {name: array[..., 4:] for name, array in offsets.items()},  # none for background
        },
    }


def test_detections_are_torchvisions_and_so_is_every_step_to_them(reference, params):
    net = FasterRCNN(Body(), 3, TORCHVISION, channels=8, hidden=16)
    image, size = (
        jnp.asarray(reference["image_chw"].transpose(1, 2, 0))[None],
        jnp.asarray([(0, 0, *SIZE)], jnp.float32),
    )
    run = jax.jit(lambda params: net.apply({"params": params}, image, size, train=False, capture_intermediates=True))
    found, state = run(params)
    steps = {name: value["__call__"][0] for name, value in state["intermediates"].items() if "__call__" in value}
    # Float32 sums over up to 72 channels and taps, of numbers of about 1 to 10
    for level, name in zip(steps["pyramid"], ("0", "1", "2", "3", "pool"), strict=True):
        np.testing.assert_allclose(level.transpose(0, 3, 1, 2), reference[f"fpn/{name}"], atol=3e-5)
    objectness = [reference[f"rpn/objectness{k}"][0].transpose(1, 2, 0).reshape(-1) for k in range(5)]
    np.testing.assert_allclose(steps["proposals"][0][0], np.concatenate(objectness), atol=3e-5)
    np.testing.assert_allclose(steps["box_head"][0][0], reference["head_logits"], atol=2e-4)
    np.testing.assert_array_equal(found[0, :, 5] + 1, reference["labels"])
    np.testing.assert_allclose(found[0, :, 4], reference["scores"], atol=5e-5)
    np.testing.assert_allclose(found[0, :, :4], yx(reference["boxes_xyxy"]), atol=2e-3)


def test_the_losses_of_regions_are_torchvisions(tasks_dir):
    reference = dict(np.load(tasks_dir / "golden/torchvision_ops.npz"))
    labels = jnp.asarray(reference["loss/labels_0_is_background"], jnp.int32)
    drawn = Drawn(jnp.zeros((32, 4)), labels, jnp.asarray(yx(reference["loss/targets"])), jnp.ones(32, bool))
    shifts = jnp.asarray(yx(reference["loss/deltas"])).reshape(32, 5, 4)[:, 1:]
    found = losses(jnp.asarray(reference["loss/logits"]), shifts, drawn, settings=TORCHVISION)
    np.testing.assert_allclose(found["classes"], reference["loss/classification"], rtol=1e-6)
    np.testing.assert_allclose(found["boxes"], reference["loss/box_beta_1_9"], rtol=1e-6)


@pytest.fixture(scope="module")
def small():
    """A detector on a small ResNet, two images with objects, and its losses as a function of what it is given."""
    net = FasterRCNN(ImageNetResNet(classes=0, depth=10, width=4), 3, SMALL, channels=8, hidden=8)
    random = np.random.default_rng(0)
    images = jnp.asarray(random.normal(size=(2, 64, 64, 3)), jnp.float32)
    boxes = jnp.asarray(
        [[[4, 6, 30, 40], [20, 20, 50, 44], [0, 0, 0, 0]], [[10, 10, 42, 30], [0, 0, 0, 0], [0, 0, 0, 0]]], jnp.float32
    )
    truth = {"boxes": boxes, "labels": jnp.asarray([[0, 2, 0], [1, 0, 0]]), "ids": jnp.asarray([11, 7])}
    frames = jnp.asarray([[0, 0, 64, 64], [0, 0, 60, 50]], jnp.float32)
    variables = jax.jit(lambda key: net.init(key, images, frames, train=False))(jax.random.key(0))
    # Statistics of the batch would tie images to each other.
    at_rest = net.clone(frozen_norm=True)

    @jax.jit
    def run(variables, images, frames, truth):
        return at_rest.apply(variables, images, frames, truth, train=True, rngs={"sampling": jax.random.key(1)})

    return net, variables, images, frames, truth, run


def assert_same(found, expected):
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=2e-5, err_msg=name)  # rounding of other shapes' programs


def test_filler_on_any_side_has_no_proposals_and_its_anchors_are_not_drawn():
    """As a flip leaves it, which takes the filler beside an image to the left."""
    frame, settings = jnp.asarray([0, 14, 60, 64], jnp.float32), dataclasses.replace(SMALL, anchor_samples=2000)
    anchors = [jnp.asarray(make_anchors([(16, 16)], [(4, 4)], [8.0]))]
    random = np.random.default_rng(0)
    scores, offsets = (jnp.asarray(random.normal(size=(768, *more)), jnp.float32) for more in ((), (4,)))
    proposed = jax.jit(lambda *parts: propose(*parts, anchors=anchors, settings=settings, train=True))
    found, valid = proposed(scores, offsets, frame)
    found = found[valid]
    assert (found[:, :2].min(axis=0) == frame[:2]).all()
    assert (found[:, 2:].max(axis=0) == frame[2:]).all()
    across = (anchors[0][:, 1] < 14) | (anchors[0][:, 0] < 0) | (anchors[0][:, 2:] > frame[2:]).any(axis=1)
    assert 0 < across.sum() < 768
    boxes, labels = jnp.asarray([[20.0, 20, 30, 40]]), jnp.asarray([1])

    def loss(scores, offsets):
        parts = proposal_losses(
            jax.random.key(0), scores, offsets, boxes, labels, frame, anchors=anchors, settings=settings
        )
        return sum(parts.values())

    by_score, by_offset = jax.jit(jax.grad(loss, argnums=(0, 1)))(scores, offsets)
    assert not by_score[across].any()
    assert not by_offset[across].any()
    assert (by_score[~across] != 0).mean() > 0.9  # all but those that overlap the object by something between
    assert by_offset.any()


def test_an_images_losses_do_not_depend_on_the_other_images_of_its_batch(small):
    _, variables, images, frames, truth, run = small
    both = run(variables, images, frames, truth)
    assert set(both) == {"objectness", "proposal_boxes", "classes", "boxes"}
    twice = [jnp.stack([x[1], x[1]]) for x in (images, frames)]
    again = run(variables, *twice, jax.tree.map(lambda x: jnp.stack([x[1], x[1]]), truth))
    assert_same({name: values[1:] for name, values in both.items()}, {name: v[:1] for name, v in again.items()})


def test_slots_without_an_object_change_no_loss_and_neither_does_the_order_of_objects(small):
    _, variables, images, frames, truth, run = small
    expected = run(variables, images, frames, truth)
    order = jnp.asarray([1, 2, 0])
    found = run(
        variables, images, frames, {**truth, "boxes": truth["boxes"][:, order], "labels": truth["labels"][:, order]}
    )
    # Where a region stands for an object does not depend on the order; which regions are drawn does for the objects
    # themselves, which stand among them. Anchors alone are drawn by place.
    assert_same(
        {name: found[name] for name in ("objectness", "proposal_boxes")},
        {name: expected[name] for name in ("objectness", "proposal_boxes")},
    )
    hidden = {**truth, "labels": truth["labels"].at[:, 2].set(-1)}
    assert_same(run(variables, images, frames, hidden), expected)


def test_an_image_without_objects_trains_on_background_alone(small):
    _, variables, images, frames, truth, run = small
    found = run(variables, images, frames, {**truth, "boxes": jnp.zeros_like(truth["boxes"])})
    for name in ("proposal_boxes", "boxes"):
        np.testing.assert_array_equal(found[name], 0)
    assert np.isfinite(found["objectness"]).all()
    assert (found["classes"] > 0).all()


def test_objects_that_are_not_to_be_learned_are_background(small):
    _, variables, images, frames, truth, run = small
    none = run(variables, images, frames, {**truth, "labels": jnp.full_like(truth["labels"], -1)})
    assert_same(none, run(variables, images, frames, {**truth, "boxes": jnp.zeros_like(truth["boxes"])}))


@pytest.mark.slow
def test_gradients_are_finite_and_reach_every_part_but_through_the_places_of_regions(small):
    _, variables, images, frames, truth, run = small

    def stages(params):
        found = run({**variables, "params": params}, images, frames, truth)
        return [sum(found[name].sum() for name in pair) for pair in (PARTS[:2], PARTS[2:])]

    _, pull = jax.vjp(stages, variables["params"])
    first, second = pull([1.0, 0.0])[0], pull([0.0, 1.0])[0]
    assert not any(leaf.any() for leaf in jax.tree.leaves(second["proposals"]))
    for part, own in jax.tree.map(jnp.add, first, second).items():
        flat = np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(own)])
        assert np.isfinite(flat).all(), part
        assert (flat != 0).any(), part


def test_the_backbones_variables_have_the_names_of_a_classifiers(small):
    _, variables, images, *_ = small
    classifier = ImageNetResNet(classes=5, depth=10, width=4)
    known = jax.eval_shape(lambda key: classifier.init(key, images, train=False), jax.random.key(0))
    shared = set(known["params"]) - {"head"}
    assert shared == {name for name in variables["params"] if name.startswith(("stem", "stage"))}
    for name in shared:
        shapes = jax.tree.map(jnp.shape, dict(variables["params"][name]))
        assert shapes == jax.tree.map(lambda leaf: leaf.shape, dict(known["params"][name]))


@pytest.mark.slow
def test_branches_of_a_detector_are_detectors_of_their_own(small):
    net, _, images, frames, truth, _ = small
    model = Branched(net, 2)
    both = model.init(jax.random.key(0), images[:, None], frames[:, None], train=False, through=(0,))
    spread = jax.tree.map(lambda x: jnp.stack([x, x], axis=1), (images, frames, truth))
    run = jax.jit(
        lambda both: model.apply(
            both, *spread, train=True, mutable=["batch_stats"], rngs={"sampling": jax.random.key(1)}
        )
    )
    found, updates = run(both)
    assert {values.shape for values in found.values()} == {(2, 2)}
    moved = jax.tree.leaves(updates["batch_stats"])
    assert all(leaf.shape[0] == 2 for leaf in moved)

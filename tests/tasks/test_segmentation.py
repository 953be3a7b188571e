"""The segmentation task: its loss against PyTorch's, what its maps and branches are, and what it refuses."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from sbn.config.errors import ConfigError
from sbn.data import pixels
from sbn.data.examples import Feature
from sbn.models.resnet import ImageNetResNet
from sbn.models.segmenter import AtrousPyramid
from sbn.nn.layers import Layers
from sbn.nn.tiles import by_tiles, corners
from sbn.nn.upsample import upsample
from sbn.tasks import make_task
from sbn.tasks.base import StageViews, TaskData, stream_key
from sbn.tasks.segmentation import UNKNOWN, classes_of, pixel_losses, predicted

SMALL = {
    "task": "segmentation",
    "model.name": "imagenet_resnet",
    "model.depth": 10,
    "model.width": 4,
    "eval.evals": ("metrics",),
    "views.main.augment": "flip",
    "views.aux.augment": "flip",
    "segmentation.dropout": 0.0,
}
NAMES = ("sky", "road", "car")
DATA = TaskData({"image": Feature("image", (32, 32, 3)), "mask": Feature("mask", (32, 32), NAMES)})
VIEWS = StageViews(("main", "aux"), (0.5, 0.5), (0, 1))


@pytest.fixture(scope="module")
def reference(tasks_dir):
    return dict(np.load(tasks_dir / "golden/torch_segmentation.npz"))


def test_the_loss_of_pixels_and_its_gradient_are_pytorchs(reference):
    logits = jnp.asarray(reference["ce/logits_nchw"].transpose(0, 2, 3, 1))
    truth = jnp.asarray(np.where(reference["ce/labels"] == 255, UNKNOWN, reference["ce/labels"]), jnp.int32)
    labelled = int((truth != UNKNOWN).sum())

    def mean(logits):
        return pixel_losses(logits, truth, align_corners=True) / labelled

    value, gradient = jax.value_and_grad(mean)(logits)
    np.testing.assert_allclose(value, reference["ce/loss"], rtol=1e-6)
    np.testing.assert_allclose(gradient.transpose(0, 3, 1, 2), reference["ce/gradient_nchw"], atol=1e-7)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("dilation", [1, 2, 4])
def test_dilated_convolutions_are_pytorchs(reference, stride, dilation):
    import flax.linen as nn

    class One(nn.Module):
        @nn.compact
        def __call__(self, x):
            from sbn.nn.initialisers import INITIALISATIONS

            return Layers(None, INITIALISATIONS["he_fan_out"], 1).conv(x, 4, "conv", stride=stride, dilation=dilation)

    kernel = jnp.asarray(reference["conv/kernel_oihw"].transpose(2, 3, 1, 0))
    found = One().apply({"params": {"conv": {"kernel": kernel}}}, reference["conv/in_nchw"].transpose(0, 2, 3, 1))
    expected = reference[f"conv/dilation{dilation}_stride{stride}"]
    np.testing.assert_allclose(found.transpose(0, 3, 1, 2), expected, atol=1e-5)  # sums of 27 float32 products


def test_an_output_stride_keeps_maps_large_and_variables_as_they_are():
    images = jax.ShapeDtypeStruct((1, 64, 96, 3), jnp.float32)
    made = {}
    for stride in (32, 16, 8):
        network = ImageNetResNet(classes=0, depth=10, width=4, output_stride=stride)
        out, variables = jax.eval_shape(
            lambda x, network=network: network.init_with_output(jax.random.key(0), x, train=False), images
        )
        assert out.shape == (1, 64 // stride, 96 // stride, 32)
        made[stride] = jax.tree.map(lambda leaf: leaf.shape, variables)
    assert made[32] == made[16] == made[8]
    with pytest.raises(ValueError, match="output stride"):
        ImageNetResNet(classes=0, depth=10, width=4, output_stride=4).init(
            jax.random.key(0), jnp.zeros((1, 32, 32, 3)), train=False
        )


@pytest.fixture(scope="module")
def made(tiny):
    """A task, its variables, its compiled loss, and a batch in which the second view sees other classes."""
    task = make_task(tiny(SMALL), DATA)
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (2, 2, 32, 32, 3), dtype=np.uint8)
    masks = random.choice([0, 1, 2, 255], (2, 2, 32, 32)).astype(np.uint8)
    packed = pixels.pack(images, pixels.marks(masks))
    batch = {"inputs": {"image": jnp.asarray(packed)}, "targets": {}, "id": jnp.arange(2)}

    @jax.jit
    def loss(variables, batch):
        return task.loss(variables, batch, views=VIEWS, numbers={}, keys=lambda stream: stream_key(0, stream))

    return task, task.init(jax.random.key(0)), loss, batch, masks


def test_classes_of_pixels_are_those_of_the_mask(made):
    *_, batch, masks = made
    expected = np.where(masks == 255, UNKNOWN, masks.astype(int))
    np.testing.assert_array_equal(classes_of(batch["inputs"]["image"]), expected)
    np.testing.assert_array_equal(classes_of(jnp.zeros((1, 2, 2), jnp.int32)), UNKNOWN)  # filler


def test_the_loss_weighs_views_and_heads(made):
    _, variables, loss, batch, masks = made
    found = loss(variables, batch)
    means = {name: float(value / weight) for name, (value, weight) in found.metrics.items()}
    by_view = [means[f"{name}/loss"] + 0.4 * means[f"{name}/auxiliary_loss"] for name in VIEWS.names]
    assert means["loss"] == pytest.approx(np.mean(by_view), rel=1e-6)
    assert found.metrics["aux/loss"][1] == (masks[:, 1] != 255).sum()
    assert found.batch_stats["head"]["norm"]["mean"].shape == (2, 8)


def test_a_batch_in_which_no_pixel_has_a_class_moves_nothing(made):
    task, variables, _, batch, _ = made
    unknown = {**batch, "inputs": {"image": batch["inputs"]["image"] | -(1 << 24)}}

    def total(params, batch):
        keys = lambda stream: stream_key(0, stream)  # noqa: E731
        own = {**variables, "params": params}
        return task.loss(own, batch, views=VIEWS, numbers={}, keys=keys).sum

    gradient = jax.jit(jax.grad(total))
    assert float(optax.tree.norm(gradient(variables["params"], unknown))) == 0.0
    assert float(optax.tree.norm(gradient(variables["params"], batch))) > 0.0


def test_every_branch_gives_every_pixel_a_class(made):
    task, variables, _, batch, _ = made
    found = jax.jit(task.outputs)(variables, {"image": batch["inputs"]["image"][:, 0]})
    assert (found.shape, found.dtype) == ((2, 2, 32, 32), jnp.uint8)
    assert found.max() < len(NAMES)


@pytest.mark.parametrize(
    ("changes", "features", "told"),
    [
        ({}, {"image": DATA.features["image"]}, "needs examples with an 'image' and one mask"),
        ({"model.name": "wide_resnet", "model.depth": 10}, DATA.features, "imagenet_resnet"),
    ],
)
def test_what_can_not_be_right_is_refused(tiny, changes, features, told):
    with pytest.raises(ConfigError) as error:
        make_task(tiny({**SMALL, **changes}), TaskData(features))
    assert told in str(error.value)


@pytest.mark.parametrize("align_corners", [True, False])
def test_bands_of_rows_are_the_whole(align_corners):
    random = np.random.default_rng(0)
    logits = jnp.asarray(random.normal(size=(2, 5, 6, 3)), jnp.float32)
    truth = jnp.asarray(random.integers(-1, 3, (2, 37, 41)), jnp.int32)

    def both(most):
        loss = lambda logits: pixel_losses(logits, truth, align_corners=align_corners, most=most)  # noqa: E731
        return jax.value_and_grad(loss)(logits), predicted(logits, (37, 41), align_corners=align_corners, most=most)

    (value, gradient), classes = both(2**20)
    (in_bands, slopes), same = both(2 * 41 * 3 * 5)  # five rows a band, two in the last
    np.testing.assert_allclose(in_bands, value, rtol=1e-6)  # sums in another order
    np.testing.assert_allclose(slopes, gradient, atol=1e-4)  # of sums of up to 3,000 numbers
    np.testing.assert_array_equal(same, classes)
    whole = upsample(logits, (37, 41), align_corners=align_corners)
    np.testing.assert_array_equal(classes, whole.argmax(-1))


def test_tiles_cover_every_pixel_and_overlap_by_a_third():
    assert corners(2048, 713) == [0, 475, 950, 1335]
    assert corners(713, 713) == [0]
    assert corners(714, 713) == [0, 1]
    images = jnp.asarray(np.random.default_rng(0).random((1, 20, 31, 3)), jnp.float32)
    found = by_tiles(lambda part: part * 2, images, tile=12, channels=3)
    np.testing.assert_allclose(found, images * 2, rtol=1e-6)  # up to nine sums
    by_hand = by_tiles(lambda part: part * 0 + part[:, :1, :1], images, tile=20, channels=3)  # two tiles, 11 apart
    expected = np.where(np.arange(31) < 11, 0, np.where(np.arange(31) < 20, 1, 2))
    first, second = images[0, 0, 0], images[0, 0, 11]
    for column in range(31):
        mean = (first, (first + second) / 2, second)[expected[column]]
        np.testing.assert_allclose(by_hand[0, 5, column], mean, rtol=1e-6)


def test_evaluation_in_tiles_is_that_of_the_tiles(made, tiny):
    _, variables, _, batch, _ = made
    images = {"image": batch["inputs"]["image"][:, 0]}
    tiled = make_task(tiny({**SMALL, "segmentation.tile": 24}), DATA)
    whole = make_task(tiny({**SMALL, "segmentation.tile": 32}), DATA)
    expected = jax.jit(made[0].outputs)(variables, images)
    np.testing.assert_array_equal(jax.jit(whole.outputs)(variables, images), expected)
    found = jax.jit(tiled.outputs)(variables, images)
    # in its corner a pixel belongs to one tile alone
    corner = jax.jit(make_task(tiny(SMALL), DATA).outputs)(variables, {"image": images["image"][:, :24, :24]})
    np.testing.assert_array_equal(found[..., :8, :8], corner[..., :8, :8])


def test_a_pyramid_is_four_convolutions_that_are_added_up(tiny):
    task = make_task(tiny({**SMALL, "segmentation.head": "aspp"}), DATA)
    variables = jax.eval_shape(task.init, jax.random.key(0))["params"]
    assert {name: leaf["kernel"].shape for name, leaf in variables["head"].items()} == {
        f"dilation{dilation}": (3, 3, 32, 3) for dilation in (6, 12, 18, 24)
    }
    maps = jnp.zeros((1, 60, 60, 2)).at[0, 30, 30].set(1.0)
    head = AtrousPyramid(1)
    ones = jax.tree.map(jnp.ones_like, head.init(jax.random.key(0), maps))
    found = head.apply(ones, maps)[0, :, :, 0] - 4  # biases
    assert found[30, 30] == 4 * 2
    assert [float(found[30, 30 + step]) for step in (6, 12, 18, 24, 7)] == [2, 2, 2, 2, 0]

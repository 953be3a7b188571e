"""Label images measured at their own size: every pixel of a file counts once, whatever the network is shown."""

import re

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import map_coordinates

from sbn.augment.pipeline import parse
from sbn.config.errors import ConfigError
from sbn.data.encoded import Encoded
from sbn.data.forms import VOID
from sbn.data.image_files import image_files
from sbn.data.own_sizes import OwnSizes
from sbn.data.pixels import normalise, pack
from sbn.evals.base import Materials
from sbn.evals.measurement import Measurement
from sbn.evals.metrics import Pairs
from sbn.evals.predictions import Predict
from sbn.tasks.base import TaskData
from sbn.tasks.segmentation import Segmentation
from sbn.train.mesh import make_mesh

SIZES = [(20, 30), (33, 17), (8, 12), (16, 24), (41, 40)]  # larger than the canvas, smaller, and as large
NAMES = ("ant", "bee", "cat")
CANVAS = (16, 24)


class Network:
    """Logits of every eighth pixel: its normalised red, green and blue."""

    branches = 1

    def apply(self, variables, images, **unused):
        return (images[:, :, ::8, ::8],)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path, random = tmp_path_factory.mktemp("own_sizes"), np.random.default_rng(0)
    for i, size in enumerate(SIZES):
        Image.fromarray(random.integers(0, 256, (*size, 3), np.uint8)).save(path / f"{i}.png")
        labels = random.choice(np.array([0, 1, 2, VOID], np.uint8), size)
        Image.fromarray(labels).save(path / f"{i}_labels.png")
    return path


@pytest.fixture(scope="module")
def read(folder):
    files = image_files(
        [folder / f"{i}.png" for i in range(len(SIZES))],
        name="own sizes",
        classes=NAMES,
        masks=[folder / f"{i}_labels.png" for i in range(len(SIZES))],
    )
    return lambda text: Encoded(files.index, parse(text), name="own sizes", beside=files.beside)


def test_labels_are_those_of_the_files_and_places_keep_borders_where_they_are(read, folder):
    found = OwnSizes(read("fit(16, 24)"), "mask")
    labels = found.targets(np.array([2, 1]))["mask"]
    assert labels.shape == (2, 41, 40)  # the largest sides there are
    for own, i in zip(labels, (2, 1), strict=True):
        height, width = SIZES[i]
        np.testing.assert_array_equal(own[:height, :width], np.asarray(Image.open(folder / f"{i}_labels.png")))
        assert (own[height:] == VOID).all()
        assert (own[:, width:] == VOID).all()
    places = found.inputs(np.array([2, 3]))  # twice as large on the canvas, and as it is
    np.testing.assert_array_equal(places["rows"][0, :8], np.arange(8) * 2 + 0.5)
    np.testing.assert_array_equal(places["columns"][1, :24], np.arange(24))
    assert places["rows"].max() <= CANVAS[0] - 1  # also beyond the images, where nothing counts


def by_hand(file, task):
    """The classes of an image's own pixels: looked up one by one in the scores of what the network is shown."""
    image = Image.open(file)
    scale = min(CANVAS[0] / image.height, CANVAS[1] / image.width)
    height, width = int(scale * image.height + 1e-9), int(scale * image.width + 1e-9)
    words = np.zeros((1, *CANVAS), np.int32)
    words[0, :height, :width] = pack(np.asarray(image.resize((width, height), Image.Resampling.BILINEAR)))
    scores = np.asarray(normalise(jnp.asarray(words), mean=task.data.mean, std=task.data.std))[0, ::8, ::8]
    places = []
    for axis, (own, scaled) in enumerate(((image.height, height), (image.width, width))):
        shown = np.clip((np.arange(own) + 0.5) * scaled / own - 0.5, 0, scaled - 1)
        old, new = scores.shape[axis], CANVAS[axis]
        aligned, borders = shown * (old - 1) / (new - 1), np.clip((shown + 0.5) * old / new - 0.5, 0, old - 1)
        places.append(aligned if task.align_corners else borders)
    grid = np.meshgrid(*places, indexing="ij")
    whole = np.stack([map_coordinates(scores[..., c], grid, order=1, mode="nearest") for c in range(3)], axis=-1)
    return whole.argmax(-1)


@pytest.mark.parametrize("align_corners", [True, False])
@pytest.mark.parametrize("batch", [2, 5])
def test_every_pixel_of_a_file_is_measured_once(tiny, read, folder, align_corners, batch):
    test = read("fit(16, 24)")
    task = Segmentation(
        Network(), ("main",), TaskData(test.features), False, "mask", 0.0, align_corners=align_corners, own_size=True
    )
    config = tiny({"task": "segmentation", "model.name": "imagenet_resnet", "eval.evals": ("metrics",)})
    mesh = make_mesh(batch_size=8)
    pairs = Pairs(test, Materials(config, task, mesh, train=None, test=test))
    predict = Predict(task, mesh, batch_size=batch)
    metric = task.metrics()["iou"]
    state = Measurement(predict, {"iou": metric})({}, {"test": (pairs, lambda: pairs)}, what="test")["test"]["iou"]
    expected = np.zeros((3, 3), int)
    for i in range(len(SIZES)):
        truth, said = np.asarray(Image.open(folder / f"{i}_labels.png")), by_hand(folder / f"{i}.png", task)
        np.add.at(expected, (truth[truth != VOID], said[truth != VOID]), 1)
    np.testing.assert_array_equal(metric.counts(state)[0], expected)


def test_what_cuts_off_is_refused(read):
    with pytest.raises(ConfigError, match=re.escape("'resize(8)|centre_crop(8)' cuts parts off")):
        OwnSizes(read("resize(8)|centre_crop(8)"), "mask")

"""What is drawn of segmentation: some test images, the classes of their pixels, and what each branch says of them."""

import jax.numpy as jnp
import numpy as np
import pytest

from sbn.config.errors import ConfigError
from sbn.data import shapes
from sbn.evals.base import Materials, run
from sbn.evals.masks import Masks
from sbn.figures.class_colours import coloured
from sbn.figures.make import make_png
from sbn.figures.masks import draw
from sbn.tasks.base import TaskData
from sbn.tasks.segmentation import Segmentation
from sbn.train.mesh import make_mesh


class Says(Segmentation):
    """Says of every pixel its red modulo 3, under the second branch always class 1."""

    def outputs(self, variables, inputs):
        red = (inputs["image"] & 255).astype(jnp.uint8) % 3
        return jnp.stack([red, jnp.ones_like(red)], axis=1)


@pytest.fixture(scope="module")
def given(tiny):
    test = shapes.examples(5, size=16, split="test")
    task = Says(
        None, ("main", "aux"), TaskData(test.features), shared=False, mask="mask", auxiliary=0, align_corners=True
    )
    config = tiny({"eval.batch_size": 2})
    with config.unlocked():
        config.eval.masks.examples = 3
    return Materials(config, task, make_mesh(batch_size=8), train=None, test=test), test


@pytest.fixture(scope="module")
def arrays(given):
    scalars, found = run(Masks(given[0]), {})
    assert not scalars
    return found


def test_images_truth_and_what_each_branch_says_are_arrays(given, arrays):
    _, test = given
    spread = [0, 2, 4]
    np.testing.assert_array_equal(arrays["test/image"], test.images[spread])
    np.testing.assert_array_equal(arrays["test/truth"], test.arrays["mask"][spread])
    np.testing.assert_array_equal(arrays["test/main/predicted"], test.images[spread][..., 0] % 3)
    assert tuple(arrays["test/classes"]) == test.features["mask"].classes


def test_counts_are_of_the_whole_test_split(given, arrays):
    _, test = given
    truth, said = test.arrays["mask"], test.images[..., 0] % 3
    expected = np.zeros((11, 11), int)
    np.add.at(expected, (truth[truth != 255], said[truth != 255]), 1)
    np.testing.assert_array_equal(arrays["test/main/confusion"], expected)
    right, both = np.diag(expected), expected.sum(0) + expected.sum(1) - np.diag(expected)
    np.testing.assert_allclose(arrays["test/main/iou"][both > 0], right[both > 0] / both[both > 0])
    assert np.isnan(arrays["test/main/iou"][both == 0]).all()


def test_a_figure_has_every_image_and_a_bar_for_each_class_and_branch(arrays):
    figure = draw(arrays)
    *pictures, bars = figure.axes
    assert [axes.get_title() for axes in pictures[::3]] == ["image", "there", "main", "aux"]
    np.testing.assert_array_equal(pictures[3].images[0].get_array(), coloured(arrays["test/truth"][0], 11))
    heights = [[bar.get_height() for bar in container] for container in bars.containers]
    np.testing.assert_allclose(heights[0], np.nan_to_num(arrays["test/main/iou"]))
    assert len(heights) == 2
    assert make_png("masks", arrays).startswith(b"\x89PNG")


def test_a_task_without_classes_of_pixels_is_refused(given):
    materials, test = given
    other = Materials(materials.config, object(), materials.mesh, train=None, test=test)
    with pytest.raises(
        ConfigError, match="'masks' is only for task = 'segmentation', and this run has task = 'classification'"
    ):
        Masks(other)

"""What is drawn of detections: the first test images, their objects, and what each branch finds in them."""

import jax.numpy as jnp
import numpy as np
import pytest

from sbn.config.errors import ConfigError
from sbn.data import shapes
from sbn.evals.base import Materials, run
from sbn.evals.detections import Detections
from sbn.tasks.base import TaskData
from sbn.tasks.detection import Detection
from sbn.train.mesh import make_mesh


class Finds(Detection):
    """Finds in every image one box of a size that says which image it is, under each branch."""

    def outputs(self, variables, inputs):
        brightest = (inputs["image"] & 255).max(axis=(1, 2)).astype(jnp.float32)
        one = jnp.stack(
            [0 * brightest, 0 * brightest, brightest, brightest, 0 * brightest + 0.5, 0 * brightest], axis=-1
        )
        return jnp.stack([one[:, None], one[:, None] * variables["scale"]], axis=1)


def materials(tiny, task_kind, examples=3):
    test = shapes.examples(5, size=16, split="test")
    task = task_kind(None, ("main", "aux"), TaskData(test.features), shared=False)
    config = tiny({"eval.batch_size": 2})
    with config.unlocked():
        config.eval.detections.examples = examples
    return Materials(config, task, make_mesh(batch_size=8), train=None, test=test), test


def test_images_objects_and_what_each_branch_finds_are_arrays(tiny):
    given, test = materials(tiny, Finds)
    scalars, arrays = run(Detections(given), {"scale": 2.0})
    assert not scalars
    np.testing.assert_array_equal(arrays["test/image"], test.images[:3])
    np.testing.assert_array_equal(arrays["test/objects"][..., :4], test.arrays["boxes"][:3])
    np.testing.assert_array_equal(arrays["test/objects"][..., 4], 1)
    np.testing.assert_array_equal(arrays["test/objects"][..., 5], test.arrays["box_label"][:3])
    assert tuple(arrays["test/classes"]) == test.features["box_label"].classes
    brightest = test.images[:3, ..., 0].max(axis=(1, 2))
    np.testing.assert_array_equal(arrays["test/main/detections"][:, 0, 3], brightest)
    np.testing.assert_array_equal(arrays["test/aux/detections"][:, 0, 3], 2.0 * brightest)


def test_a_task_that_finds_no_boxes_is_refused(tiny):
    given, _ = materials(tiny, Finds)
    other = Materials(given.config, object(), given.mesh, train=None, test=given.test)
    with pytest.raises(
        ConfigError, match="'detections' is only for task = 'detection', and this run has task = 'classification'"
    ):
        Detections(other)

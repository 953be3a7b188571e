import jax
import numpy as np
import pytest

from sbn.config.errors import ConfigError
from sbn.data import device, host
from sbn.train.setup import make_setup, make_views


def views(tiny, main, aux):
    setup = make_setup(tiny({"views.main.augment": main, "views.aux.augment": aux}))
    return setup, make_views(setup.plan.stages[0], image_size=setup.task.image_size)


def test_a_window_larger_than_the_images_is_refused_by_view_op_and_sizes(tiny):
    with pytest.raises(ConfigError) as caught:
        views(tiny, "flip", "flip|random_crop(17)")
    assert str(caught.value) == (
        "views.aux.augment = 'flip|random_crop(17)': "
        "op 2 of 2: random_crop(size) is 17; of images of (16, 16) it must be at most 16"
    )


def test_batches_have_the_size_of_their_views_on_both_paths(tiny):
    setup, made = views(tiny, "random_crop(12)|flip", "inception_crop(12)|randaugment(1, 4)")
    address = {"seed": 3, "stage": 0}
    span = {**address, "batch_size": 8, "start": 4, "stop": 6}
    prepare = device.make_prepare(made, **address, image_size=(16, 16), mesh=setup.mesh)
    resident = jax.device_put(device.resident(setup.train))
    ids = device.batches(setup.train, **span)
    for expected, fed in zip(host.batches(setup.train, made, **span), ids, strict=True):
        found = jax.jit(prepare)(fed, resident)
        assert found["pixels"].shape == (8, 2, 12, 12)
        for name in found:
            np.testing.assert_array_equal(found[name], expected[name])

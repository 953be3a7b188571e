"""A run's parts fit together, or the mistake is named before anything is compiled."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tensorflow as tf

from sbn.augment.device import apply as device_apply
from sbn.augment.host import apply as host_apply
from sbn.augment.pipeline import parse
from sbn.config.command_line import request
from sbn.config.errors import ConfigError
from sbn.data import device, host
from sbn.data.pixels import pack
from sbn.data.views import View
from sbn.train.setup import make_setup
from sbn.train.views import make_views


def views(tiny, main, aux):
    setup = make_setup(tiny({"views.main.augment": main, "views.aux.augment": aux}))
    return setup, make_views(setup.plan.stages[0], setup.train.images)


def test_a_window_larger_than_the_images_is_refused_by_view_op_and_sizes(tiny):
    with pytest.raises(ConfigError) as caught:
        views(tiny, "flip", "flip|random_crop(17)")
    assert str(caught.value) == (
        "views.aux.augment = 'flip|random_crop(17)': "
        "op 2 of 2: random_crop(size) is 17; for images of 16 x 16 pixels it must be at most 16"
    )


def test_batches_have_the_size_of_their_views_on_both_paths(tiny):
    setup, made = views(tiny, "random_crop(12)|flip", "inception_crop(12)|randaugment(1, 4)")
    address = {"seed": 3, "stage": 0}
    span = {**address, "batch_size": 8, "start": 4, "stop": 6}
    prepare = device.make_prepare(made, stage=address["stage"], image_size=(16, 16), mesh=setup.mesh)
    resident = jax.device_put(device.resident(setup.train, seed=address["seed"]))
    ids = device.batches(setup.train, **span)
    for expected, fed in zip(host.batches(setup.train, made, **span), ids, strict=True):
        found = jax.jit(prepare)(*fed, resident), fed[1]
        assert found[0]["inputs"]["image"].shape == (8, 2, 12, 12)
        jax.tree.map(np.testing.assert_array_equal, found, expected)


@pytest.mark.parametrize("path", ["host", pytest.param("device", marks=pytest.mark.slow)])
def test_views_that_share_draws_share_those_of_common_ops_alone(tiny, path):
    """AugMix's two mixtures: one crop for all three views, and chains of their own."""
    changes = {
        "branches": ("main", "aux", "aux2"),
        "views.main.augment": "crop(2)",
        "views.aux.augment": "crop(2)|augmix",
        "views.aux2.augment": "crop(2)|augmix",
        "views.aux.draws": "main",
        "views.aux2.draws": "main",
    }
    setup = make_setup(tiny(changes))
    made = make_views(setup.plan.stages[0], setup.train.images)
    assert [view.draws for view in made] == [(0,), (0, 1), (0, 2)]
    plain = [View(parse("crop(2)"), 0), *(View(parse("augmix"), number) for number in (1, 2))]
    apply = {"host": host_apply.make_apply, "device": device_apply.make_apply}[path]
    where = {"seed": 3, "stage": 0, "epoch": 1, "ids": np.arange(8, dtype=np.int32)}
    images = pack(setup.train.images[:8])

    def run(view, pixels):
        return np.asarray(apply(view.ops, image_size=(16, 16))(as_array[path](pixels), view=view.draws, **where))

    as_array = {"host": tf.constant, "device": jnp.asarray}
    cropped, mixed, mixed2 = (run(view, images) for view in made)
    np.testing.assert_array_equal(cropped, run(plain[0], images))
    np.testing.assert_array_equal(mixed, run(plain[1], cropped))
    np.testing.assert_array_equal(mixed2, run(plain[2], cropped))
    assert (mixed != mixed2).any()


def test_test_images_of_another_size_have_lost_what_has_a_place_in_them(tiny):
    view = {"eval.augment": "resize(24)"}
    assert make_setup(tiny(view)).test.images.shape[1:3] == (24, 24)
    lost = r"needs examples with .*: eval\.augment = 'resize\(24\)' changes the size of .*, which leaves them no boxes"
    with pytest.raises(ConfigError, match=lost):
        make_setup(request("detection:shapes/plain", view).config)

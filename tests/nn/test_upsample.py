"""Resizing of maps against PyTorch's results."""

import jax.numpy as jnp
import numpy as np
import pytest

from sbn.nn.upsample import upsample


@pytest.fixture(scope="module")
def reference(tasks_dir):
    return dict(np.load(tasks_dir / "golden/torch_segmentation.npz"))


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("size", [(17, 25), (10, 14), (33, 49)])
def test_maps_grow_as_pytorchs_do(reference, align_corners, size):
    maps = jnp.asarray(reference["resize/in_nchw"].transpose(0, 2, 3, 1))
    expected = reference[f"resize/align_corners{int(align_corners)}/{size[0]}x{size[1]}"].transpose(0, 2, 3, 1)
    # Two roundings of float32 numbers of about 1
    np.testing.assert_allclose(upsample(maps, size, align_corners=align_corners), expected, atol=2e-6)


def test_a_map_of_its_own_size_stays_as_it_is():
    maps = jnp.asarray(np.random.default_rng(0).normal(size=(1, 4, 6, 2)), jnp.float32)
    for align_corners in (False, True):
        np.testing.assert_array_equal(upsample(maps, (4, 6), align_corners=align_corners), maps)

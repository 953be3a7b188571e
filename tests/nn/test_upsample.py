"""Resizing of maps against PyTorch's results."""

import jax.numpy as jnp
import numpy as np
import pytest

from sbn.nn.upsample import in_bands_at, upsample


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


@pytest.mark.parametrize("align_corners", [False, True])
def test_a_map_is_looked_up_at_places_of_each_images_own(align_corners):
    random = np.random.default_rng(0)
    maps = jnp.asarray(random.normal(size=(2, 4, 6, 3)), jnp.float32)
    whole = np.asarray(upsample(maps, (33, 49), align_corners=align_corners))
    rows, columns = (np.sort(random.integers(0, side, (2, count))) for side, count in ((33, 7), (49, 5)))
    bands = in_bands_at(maps, rows + 0.0, columns + 0.0, (33, 49), align_corners=align_corners, most=2 * 5 * 3 * 3)
    assert len(bands.rows) == 3  # of three rows, the last one filled up
    found = bands.each(lambda made, beside: made, jnp.zeros((2, 7, 5)))
    found = jnp.moveaxis(found, 0, 1).reshape(2, 9, 5, 3)[:, :7]
    expected = np.stack([own[np.ix_(*at)] for own, *at in zip(whole, rows, columns, strict=True)])
    np.testing.assert_allclose(found, expected, atol=2e-6)  # places are rounded to float32, and so are products

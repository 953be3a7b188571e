"""Test images: smooth ones with edges and some grain, flat ones, and noise."""

import numpy as np
from scipy import ndimage


def pictures(count, side, seed=0):
    """Returns (count, side, side, 3) uint8; of every four one is noise, and one has flat black and white parts."""
    rng = np.random.default_rng(seed)
    images = ndimage.gaussian_filter(rng.normal(size=(count, side, side, 3)), (0, 3, 3, 0.5), mode="wrap")
    images = 128 + 500 * images + rng.normal(scale=4, size=images.shape)
    images[::4] = rng.uniform(0, 256, images[::4].shape)
    images[1::4, : side // 2, : side // 3] = 300
    images[1::4, side // 2 :, side // 3 :] = -50
    return np.clip(images, 0, 255).astype(np.uint8)

"""Images to measure with, as photographs are."""

import numpy as np


def pictures(count, side):
    """Smooth images with some noise: histograms are neither flat nor single-valued."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(20, 200, (count, 4, 4, 3)).repeat(side // 4, axis=1).repeat(side // 4, axis=2)
    return (coarse + rng.integers(0, 40, (count, side, side, 1))).astype(np.uint8)

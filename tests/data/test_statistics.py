"""Mean and deviation are those of all pixels, exactly."""

import numpy as np
import pytest

from sbn.config.errors import ConfigError
from sbn.data import statistics


def test_moments_are_exact_however_images_are_read(monkeypatch):
    images = np.random.default_rng(0).integers(0, 256, (37, 9, 7, 3), np.uint8)
    images[..., 1] //= 3
    found = statistics.measure(images)
    pixels = images.reshape(-1, 3) / 255
    np.testing.assert_allclose(found.mean, pixels.mean(0), rtol=1e-13)
    np.testing.assert_allclose(found.std, pixels.std(0), rtol=1e-13)
    monkeypatch.setattr(statistics, "_CHUNK", 5)
    assert statistics.measure(images) == found
    assert statistics.measure(images[::-1]) == found


def test_a_channel_that_is_always_the_same_is_refused():
    images = np.full((2, 3, 3, 3), 7, np.uint8)
    with pytest.raises(ConfigError, match=r"data\.std"):
        statistics.checked(*statistics.measure(images))

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
    monkeypatch.setattr(statistics, "_CHUNK", 5 * 9 * 7)
    assert statistics.measure(images) == found
    assert statistics.measure(images[::-1]) == found


def test_a_channel_that_is_always_the_same_is_refused():
    images = np.full((2, 3, 3, 3), 7, np.uint8)
    with pytest.raises(ConfigError, match=r"data\.std"):
        statistics.checked(*statistics.measure(images))


def test_what_a_run_recorded_counts_unless_it_is_damaged():
    from sbn.data import record

    assert record.channels(None) is None
    assert record.channels({"mean": None, "std": None}) is None
    assert record.channels({"mean": [0.1, 0.2, 0.3], "std": [1, 1, 1]}).mean == (0.1, 0.2, 0.3)
    with pytest.raises(ConfigError, match="damaged"):
        record.channels({"mean": [0.1, 0.2], "std": [1, 1, 1]})

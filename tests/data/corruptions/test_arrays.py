"""CIFAR-10-C's folder of arrays."""

import numpy as np
import pytest

from sbn.config.errors import ConfigError
from sbn.data.corruptions import arrays
from tests.data.corruptions import layouts


def test_severities_are_fifths_of_a_file_in_test_set_order(tmp_path):
    wanted, labels = layouts.cifar(tmp_path, ["fog", "snow"])
    found = arrays.find(tmp_path, ("snow", "fog"), name="CIFAR-10-C")
    np.testing.assert_array_equal(found.labels, labels)
    assert found.labels.dtype == np.int32
    for severity in range(1, 6):
        images = found.read("fog", severity)
        assert isinstance(images, np.memmap)
        np.testing.assert_array_equal(images, wanted["fog"][4 * severity - 4 : 4 * severity])
    assert str(tmp_path) in found.about
    assert "as released" in found.about


def test_missing_files_are_named(tmp_path):
    layouts.cifar(tmp_path, ["fog"])
    with pytest.raises(ConfigError, match=r"lacks snow\.npy, frost\.npy") as caught:
        arrays.find(tmp_path, ("fog", "snow", "frost"), name="CIFAR-10-C")
    assert str(tmp_path) in str(caught.value)


def test_files_of_another_form_are_refused(tmp_path):
    layouts.cifar(tmp_path, ["fog", "snow", "frost"])
    np.save(tmp_path / "snow.npy", np.zeros((20, 32, 32, 3)))
    np.save(tmp_path / "frost.npy", np.zeros((16, 32, 32, 3), np.uint8))
    found = arrays.find(tmp_path, ("fog",), name="CIFAR-10-C")
    with pytest.raises(ConfigError, match=r"snow\.npy holds float64"):
        found.read("snow", 1)
    with pytest.raises(ConfigError, match=r"frost\.npy holds uint8 \(16, .*not uint8 \(20,"):
        found.read("frost", 1)
    whole = (tmp_path / "fog.npy").read_bytes()
    (tmp_path / "fog.npy").write_bytes(whole[:-100])
    with pytest.raises(ConfigError, match=r"fog\.npy can't be read"):
        found.read("fog", 1)
    np.save(tmp_path / "labels.npy", np.arange(20))
    with pytest.raises(ConfigError, match="does not repeat"):
        arrays.find(tmp_path, ("fog",), name="CIFAR-10-C")

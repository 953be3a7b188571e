"""Sources hold what they say."""

import numpy as np
import pytest

from sbn.config.errors import ConfigError
from sbn.data import sources, statistics


@pytest.mark.parametrize("style", ["plain", "sketch", "clear"])
def test_shapes_has_the_asked_size_and_statistics_near_the_table(tiny, style):
    data = tiny({"data.train_examples": 2000, "data.image_size": 32, "data.style": style}).data
    source = sources.load(data, "train")
    assert source.images.shape == (2000, 32, 32, 3)
    assert source.labels.dtype == np.int32
    assert set(source.labels) == set(range(source.classes))
    pixels = source.images.reshape(2000, -1, 3) / 255
    # the mean of 2,000 images, whose means have a standard deviation of about 0.15, is good to 3 * 0.15 / sqrt(2000)
    mean, std = sources.channels(data)
    np.testing.assert_allclose(pixels.mean((0, 1)), mean, atol=0.01)
    np.testing.assert_allclose(pixels.std((0, 1)), std, atol=0.005)


def test_train_and_test_differ(tiny):
    data = tiny({"data.train_examples": 13}).data
    train, test = sources.load(data, "train"), sources.load(data, "test")
    assert train.images.shape == test.images.shape
    assert train.fingerprint() != test.fingerprint()
    assert train.fingerprint() == sources.load(data, "train").fingerprint()


@pytest.mark.parametrize("changes", [{"data.train_examples": 2 * 10**9}, {"data.image_size": 10**7}])
def test_more_images_than_memory_holds_are_refused_with_what_they_would_take(tiny, changes):
    with pytest.raises(ConfigError, match=r"data\.train_examples, .*data\.image_size.* take [\d,]+ GiB") as caught:
        sources.load(tiny(changes).data, "train")
    assert "\n" not in str(caught.value)


def test_missing_data_are_told_with_what_to_do(tiny, tmp_path):
    data = tiny({"data.name": "cifar10", "data.image_size": None, "data.dir": str(tmp_path)}).data
    with pytest.raises(ConfigError, match="TFDS_DATA_DIR") as caught:
        sources.load(data, "train")
    assert "shapes" in str(caught.value)
    assert "\n" not in str(caught.value)


def real(tiny, directory, **changes):
    plain = {"data.name": "cifar10", "data.image_size": None, "data.train_examples": None, "data.test_examples": None}
    return tiny({**plain, "data.dir": directory, **changes}).data


def test_cifar10_test_split(tiny, cifar10_dir):
    source = sources.load(real(tiny, cifar10_dir), "test")
    assert source.images.shape == (10_000, 32, 32, 3)
    np.testing.assert_array_equal(np.bincount(source.labels), np.full(10, 1000))
    again = sources.load(real(tiny, cifar10_dir), "test")
    assert again.fingerprint() == source.fingerprint()  # the order is fixed


@pytest.mark.slow  # tests/data/test_splits.py cuts splits of made data sets
def test_cifar10_splits_can_be_cut(tiny, cifar10_dir):
    data = real(
        tiny,
        cifar10_dir,
        **{"data.train_split": "test[:100]", "data.test_split": "test[100:150]", "data.train_examples": 60},
    )
    assert (len(sources.load(data, "train")), len(sources.load(data, "test"))) == (60, 50)
    with pytest.raises(ConfigError, match="70 asks for more than the 50"):
        sources.load(real(tiny, cifar10_dir, **{"data.test_split": "test[100:150]", "data.test_examples": 70}), "test")
    with pytest.raises(ConfigError, match=r"data\.test_split"):
        sources.load(real(tiny, cifar10_dir, **{"data.test_split": "tset"}), "test")


@pytest.mark.slow
def test_cifar10s_measured_mean_and_deviation_are_the_stated_ones(tiny, cifar10_dir):
    data = real(tiny, cifar10_dir)
    measured, stated = statistics.measure(sources.load(data, "train").images), sources.channels(data)
    np.testing.assert_allclose(measured.mean, stated.mean, atol=2e-6)
    np.testing.assert_allclose(measured.std, stated.std, atol=5e-6)

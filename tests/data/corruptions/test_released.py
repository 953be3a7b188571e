"""Which released set is found where."""

import pytest

from sbn.config.errors import ConfigError
from sbn.data.corruptions import released
from tests.data.corruptions import layouts


@pytest.mark.parametrize("inside", ["", "CIFAR-10-C"])
def test_arrays_are_found_in_the_folder_or_under_their_name(tmp_path, inside):
    layouts.cifar(tmp_path / inside, ["fog"])
    assert released.find("cifar10", str(tmp_path), ("fog",), classes=10).about.startswith("CIFAR-10-C as released")


def test_each_data_set_has_its_own(tmp_path, monkeypatch):
    layouts.cifar(tmp_path / "CIFAR-100-C", ["fog"], classes=100)
    layouts.imagenet(tmp_path / "ImageNet-C", ["fog"])
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    assert released.find("cifar100", None, ("fog",), classes=100).about.startswith("CIFAR-100-C")
    assert released.find("imagenet2012", None, ("fog",), classes=3).about.startswith("ImageNet-C")
    with pytest.raises(ConfigError, match="no CIFAR-10-C in"):
        released.find("cifar10", None, ("fog",), classes=10)


def test_what_is_missing_is_told_with_where_and_how(tmp_path):
    for data, words in (
        ("cifar10", ["labels.npy", "CIFAR-10-C.tar", "cifar10_corrupted/TYPE_SEVERITY"]),
        ("cifar100", ["labels.npy", "CIFAR-100-C.tar"]),
        ("imagenet2012", ["ImageNet-C", "imagenet2012_corrupted", "noise.tar"]),
    ):
        with pytest.raises(ConfigError) as caught:
            released.find(data, str(tmp_path), ("fog",), classes=10)
        for word in (*words, str(tmp_path)):
            assert word in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(ConfigError, match=r"of 'shapes' was released.*generate"):
        released.find("shapes", str(tmp_path), ("fog",), classes=10)


def test_prepared_records_are_found_too(tmp_path):
    (tmp_path / "cifar10_corrupted").mkdir()
    with pytest.raises(ConfigError, match="lacks cifar10_corrupted/fog_1"):
        released.find("cifar10", str(tmp_path), ("fog",), classes=10)

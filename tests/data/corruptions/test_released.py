"""Released sets: arrays, folders of JPEGs, and which of them is found where."""

import numpy as np
import pytest
from PIL import Image

from sbn.config.errors import ConfigError
from sbn.data.corruptions import released
from tests.data.corruptions import layouts


def test_severities_are_fifths_of_a_file_in_test_set_order(tmp_path):
    wanted, labels = layouts.cifar(tmp_path, ["fog", "snow"])
    found = released.find_arrays(tmp_path, ("snow", "fog"), name="CIFAR-10-C")
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
        released.find_arrays(tmp_path, ("fog", "snow", "frost"), name="CIFAR-10-C")
    assert str(tmp_path) in str(caught.value)


def test_files_of_another_form_are_refused(tmp_path):
    layouts.cifar(tmp_path, ["fog", "snow", "frost"])
    np.save(tmp_path / "snow.npy", np.zeros((20, 32, 32, 3)))
    np.save(tmp_path / "frost.npy", np.zeros((16, 32, 32, 3), np.uint8))
    found = released.find_arrays(tmp_path, ("fog",), name="CIFAR-10-C")
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
        released.find_arrays(tmp_path, ("fog",), name="CIFAR-10-C")


@pytest.mark.parametrize("grouped", [True, False])
def test_images_come_in_the_order_of_their_numbers_with_the_place_of_their_wnid(tmp_path, grouped):
    layouts.imagenet(tmp_path, ["fog", "pixelate"], grouped=grouped)
    assert released.present(tmp_path)
    found = released.find_folders(tmp_path, ("fog", "pixelate"), name="ImageNet-C", classes=3)
    assert found.labels.tolist() == [2, 1, 0, 2, 1, 0]
    images = found.read("pixelate", 4)
    assert images.shape == (6, 224, 224, 3)
    part = images[2:5]
    assert part.dtype == np.uint8
    # grey, of a level that JPEG keeps but for rounding
    np.testing.assert_allclose(part.reshape(3, -1).mean(axis=1), [24, 34, 44], atol=1)
    assert part.std(axis=(1, 2, 3)).max() < 1
    np.testing.assert_array_equal(images.first(4)[2:], part[:2])
    assert len(images.first(4)) == 4


def test_missing_severities_and_classes_are_named(tmp_path):
    assert not released.present(tmp_path)
    layouts.imagenet(tmp_path, ["fog"])
    with pytest.raises(ConfigError, match=r"lacks weather/snow/1|lacks snow/1") as caught:
        released.find_folders(tmp_path, ("fog", "snow"), name="ImageNet-C", classes=3)
    assert "snow/5" in str(caught.value)
    with pytest.raises(ConfigError, match="3 of the 1000 classes"):
        released.find_folders(tmp_path, ("fog",), name="ImageNet-C", classes=1000)


def test_a_severity_that_lacks_an_image_is_told_when_it_is_read(tmp_path):
    layouts.imagenet(tmp_path, ["fog"])
    lost = tmp_path / "weather/fog/3/n02/ILSVRC2012_val_00000002.JPEG"
    lost.unlink()
    found = released.find_folders(tmp_path, ("fog",), name="ImageNet-C", classes=3)
    assert len(found.read("fog", 2)) == 6
    with pytest.raises(ConfigError, match=r"do not hold the same images.*n02.ILSVRC2012_val_00000002"):
        found.read("fog", 3)


def test_images_of_another_size_and_no_images_are_told(tmp_path):
    layouts.imagenet(tmp_path, ["fog"])
    files = [tmp_path / f"weather/fog/1/n03/ILSVRC2012_val_0000000{number}.JPEG" for number in (1, 4)]
    Image.new("RGB", (100, 80)).save(files[0])
    files[1].write_bytes(b"no image")
    images = released.find_folders(tmp_path, ("fog",), name="ImageNet-C", classes=3).read("fog", 1)
    with pytest.raises(ConfigError, match=r"00000001\.JPEG has 100 x 80 pixels, not 224 x 224"):
        images[:1]
    with pytest.raises(ConfigError, match=r"00000004\.JPEG can't be read: it is not an image"):
        images[3:4]


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

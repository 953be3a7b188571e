"""ImageNet-C's folders of JPEGs."""

import numpy as np
import pytest
from PIL import Image

from sbn.config.errors import ConfigError
from sbn.data.corruptions import folders
from tests.data.corruptions import layouts


@pytest.mark.parametrize("grouped", [True, False])
def test_images_come_in_the_order_of_their_numbers_with_the_place_of_their_wnid(tmp_path, grouped):
    layouts.imagenet(tmp_path, ["fog", "pixelate"], grouped=grouped)
    assert folders.present(tmp_path)
    found = folders.find(tmp_path, ("fog", "pixelate"), name="ImageNet-C", classes=3)
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
    assert not folders.present(tmp_path)
    layouts.imagenet(tmp_path, ["fog"])
    with pytest.raises(ConfigError, match=r"lacks weather/snow/1|lacks snow/1") as caught:
        folders.find(tmp_path, ("fog", "snow"), name="ImageNet-C", classes=3)
    assert "snow/5" in str(caught.value)
    with pytest.raises(ConfigError, match="3 of the 1000 classes"):
        folders.find(tmp_path, ("fog",), name="ImageNet-C", classes=1000)


def test_a_severity_that_lacks_an_image_is_told_when_it_is_read(tmp_path):
    layouts.imagenet(tmp_path, ["fog"])
    lost = tmp_path / "weather/fog/3/n02/ILSVRC2012_val_00000002.JPEG"
    lost.unlink()
    found = folders.find(tmp_path, ("fog",), name="ImageNet-C", classes=3)
    assert len(found.read("fog", 2)) == 6
    with pytest.raises(ConfigError, match=r"do not hold the same images.*n02.ILSVRC2012_val_00000002"):
        found.read("fog", 3)


def test_images_of_another_size_and_no_images_are_told(tmp_path):
    layouts.imagenet(tmp_path, ["fog"])
    files = [tmp_path / f"weather/fog/1/n03/ILSVRC2012_val_0000000{number}.JPEG" for number in (1, 4)]
    Image.new("RGB", (100, 80)).save(files[0])
    files[1].write_bytes(b"no image")
    images = folders.find(tmp_path, ("fog",), name="ImageNet-C", classes=3).read("fog", 1)
    with pytest.raises(ConfigError, match=r"00000001\.JPEG has 100 x 80 pixels, not 224 x 224"):
        images[:1]
    with pytest.raises(ConfigError, match=r"00000004\.JPEG is no image"):
        images[3:4]

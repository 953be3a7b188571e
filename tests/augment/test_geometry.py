import numpy as np
import pytest

from sbn.augment.geometry import OUTSIDE, source_map
from tests.oracles.image_ops import pillow_op


def numbered(height, width):
    """An RGB image whose every pixel says where it is."""
    number = np.arange(height * width)
    return np.dstack([number % 256, number // 256, number * 0]).reshape(height, width, 3).astype(np.uint8)


ARGUMENTS = {
    "Rotate": [*range(-91, 92, 7), 0, 30, 45, 84, 90, -90, 120, 180, 270, 300, -360],
    "ShearX": [s * k / 100 for k in (0, 3, 12, 21, 30, 84, 100, 300) for s in (1, -1)],
    "TranslateX": [0, 1, -1, 5, -10, 19, -19, 20, 31, 32, 33, -500],
}
ARGUMENTS["ShearY"], ARGUMENTS["TranslateY"] = ARGUMENTS["ShearX"], ARGUMENTS["TranslateX"]


@pytest.mark.parametrize("size", [(32, 32), (20, 27), (33, 33), (224, 160)])
@pytest.mark.parametrize("op", ARGUMENTS)
def test_every_pixel_comes_from_where_pillow_takes_it(op, size):
    image = numbered(*size)
    for value in ARGUMENTS[op]:
        sources = source_map(op, value, image_size=size)
        assert sources.dtype == np.int32
        # blue is 0 in the image, so that 255 marks what Pillow uncovers
        moved = pillow_op(image, op, value, fill=255)
        expected = np.where(moved[..., 2] == 255, OUTSIDE, moved[..., 0] + 256 * moved[..., 1].astype(int))
        np.testing.assert_array_equal(sources.reshape(size), expected, err_msg=f"{op} {value}")


def test_directions_are_those_of_the_papers_code():
    left = source_map("TranslateX", 1, image_size=(4, 4)).reshape(4, 4)
    assert left[0].tolist() == [1, 2, 3, OUTSIDE]
    turned = source_map("Rotate", 90, image_size=(4, 4)).reshape(4, 4)
    assert turned[0].tolist() == [3, 7, 11, 15]  # counter-clockwise: the last column becomes the first row
    up = source_map("TranslateY", 1, image_size=(4, 4)).reshape(4, 4)
    assert up[:, 0].tolist() == [4, 8, 12, OUTSIDE]


def test_an_unknown_op_is_named():
    with pytest.raises(ValueError, match=r"'ShearZ'.*did you mean 'ShearX'|'ShearZ'.*did you mean 'ShearY'"):
        source_map("ShearZ", 1, image_size=(4, 4))

"""An image is decoded as Pillow does it; crops are cut out and scaled as Pillow does it, but for one rounding."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from sbn.augment.draws import bits as draw_bits
from sbn.augment.encoded_crops import crop_windows, split_crop
from sbn.augment.host.apply import make_apply
from sbn.augment.host.arrays import pack, unpack
from sbn.augment.host.encoded_crops import MARGIN, crop_all, decode
from sbn.augment.pipeline import draw_addresses, parse
from tests.data.imagenets import encode, picture, pillow

decode_part = tf.function(decode, input_signature=[tf.TensorSpec([], tf.string), tf.TensorSpec([4], tf.int32)])


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("subsampling", [0, 1, 2])  # 4:4:4, 4:2:2, 4:2:0
def test_parts_of_jpegs_are_pillows_to_the_bit_inside_the_margin(subsampling, progressive):
    rng = np.random.default_rng(subsampling)
    for height, width in ((97, 131), (33, 200)):
        data = encode(picture(rng, height, width), quality=85, subsampling=subsampling, progressive=progressive)
        whole, size = pillow(data), np.array([height, width])
        np.testing.assert_array_equal(decode_part(data, [0, 0, height, width]), whole)
        for _ in range(40):
            shape = np.minimum(rng.integers(1, size + 1), size)
            corner = rng.integers(0, size - shape + 1)
            first = np.maximum(corner - MARGIN, 0)
            end = np.minimum(corner + shape + MARGIN, size)
            got = decode_part(data, [*first, *(end - first)]).numpy()
            inner = tuple(slice(a, a + n) for a, n in zip(corner - first, shape, strict=True))
            outer = tuple(slice(a, a + n) for a, n in zip(corner, shape, strict=True))
            np.testing.assert_array_equal(got[inner], whole[outer])


@pytest.mark.parametrize(("kind", "mode"), [("JPEG", "L"), ("JPEG", "CMYK"), ("PNG", "RGB"), ("PNG", "L")])
def test_grey_and_cmyk_jpegs_and_pngs_become_rgb(kind, mode):
    data = encode(picture(np.random.default_rng(0), 50, 60), kind, mode)
    np.testing.assert_array_equal(decode_part(data, [8, 12, 30, 40]), pillow(data)[8:38, 12:52])


def framed(image, text, count, seed=5):
    framing, ops = split_crop(parse(text)), parse(text)
    address = draw_addresses(ops, image.shape[:2])[1 if framing.resize else 0]
    bits = draw_bits(seed, np.arange(count), stage=1, epoch=2, view=3, draws=address)
    frames = crop_windows(framing, bits, np.tile(image.shape[:2], (count, 1)))
    packed = [
        crop_all(tf.constant(image), [framing], [np.concatenate([part[i] for part in frames])])[0] for i in range(count)
    ]
    colours, marks = unpack(tf.stack(packed))
    assert marks.numpy().all()
    return frames, colours.numpy()


def exact(window, size):
    """Pillow's filter in float64, rounded once, halves up: what either implementation is an approximation of."""

    def weights(before, after):
        centre, reach = (np.arange(after) + 0.5) * before / after, max(before / after, 1)
        found = np.maximum(0, 1 - np.abs(np.arange(before) + 0.5 - centre[:, None]) / reach)
        return found / found.sum(axis=1, keepdims=True)

    down, across = (weights(*sides) for sides in zip(window.shape[:2], size, strict=True))
    # float64 strays from a half by 1e-13
    return np.floor(
        np.einsum("bw,awc->abc", across, np.tensordot(down, window.astype(float), 1), optimize=True) + 0.5 + 1e-9
    ).astype(int)


@pytest.mark.parametrize("size", [(97, 131), (64, 64), (200, 175), (45, 300)])
@pytest.mark.parametrize(
    "text",
    [
        "inception_crop(48)",
        "inception_crop(48, area=(0.01, 0.05))",  # enlarged
        "resize(70)|random_crop(48)",
        "resize(40)|centre_crop(33)",
    ],
)
def test_frames_are_those_of_the_batched_ops(text, size):
    image = picture(np.random.default_rng(1), *size)
    _, got = framed(image, text, 12)
    batched = make_apply(parse(text), image_size=size)
    words = batched(pack(np.stack([image] * 12)), seed=5, stage=1, epoch=2, ids=np.arange(12), view=3)
    # Pillow, and those ops with it, round to bytes after the first pass too: off by a half at most, which the second
    # one, whose weights add up to one, hands on as half a level at most. Rounded again, that is one level, no more.
    difference = np.abs(got.astype(int) - unpack(words)[0].numpy())
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.3  # a byte's rounding strays by .29, less once averaged: one in five or so


def test_an_unscaled_window_is_the_images_own_pixels():
    image = picture(np.random.default_rng(1), 60, 70)
    frames, got = framed(image, "random_crop(40)", 6)
    for (top, left), window in zip(frames.corner, got, strict=True):
        np.testing.assert_array_equal(window, image[top : top + 40, left : left + 40])


@pytest.mark.parametrize("size", [(150, 210), (48, 96), (375, 500)])
def test_inception_windows_are_cut_out_and_resized(size):
    image = picture(np.random.default_rng(2), *size)
    frames, got = framed(image, "inception_crop(64)", 12)
    for (top, left), (height, width), pixels in zip(frames.corner, frames.shape, got, strict=True):
        window = image[top : top + height, left : left + width]
        # float32 differs where the exact sum lies within 2**-12 of a half, one of 2**11 if sums are anywhere
        difference = pixels - exact(window, (64, 64))
        assert np.abs(difference).max() <= 1
        assert (difference != 0).mean() < 0.002
        of_pillow = np.asarray(Image.fromarray(window).resize((64, 64), Image.Resampling.BILINEAR)).astype(int)
        assert np.abs(pixels - of_pillow).max() <= 1


@pytest.mark.parametrize(("size", "side"), [((24, 32), 48), ((40, 40), 32), ((52, 68), 64)])
def test_sums_at_a_half_go_up(size, side):
    """Sides in simple ratios: up to a quarter of all sums lie at a half, where float32 alone decides by its error."""
    image = picture(np.random.default_rng(4), *size)
    _, got = framed(image, f"resize({side})|centre_crop({side})", 1)
    scaled = [side * length // min(size) for length in size]
    corner = [(length - side) // 2 for length in scaled]
    window = exact(image, scaled)[corner[0] : corner[0] + side, corner[1] : corner[1] + side]
    assert (got[0] != window).mean() < 0.001


def test_frames_of_one_image_do_not_depend_on_one_another():
    image = tf.constant(picture(np.random.default_rng(3), 90, 80))
    texts = ("inception_crop(24)", "random_crop(50)", "resize(40)|centre_crop(32)")
    framings = [split_crop(parse(text)) for text in texts]
    frames = [
        np.concatenate(
            [part[0] for part in crop_windows(framing, np.full((1, 22), 1 << 31, np.uint32), np.array([[90, 80]]))]
        )
        for framing in framings
    ]
    for together, framing, frame in zip(crop_all(image, framings, frames), framings, frames, strict=True):
        np.testing.assert_array_equal(together, crop_all(image, [framing], [frame])[0])


@pytest.mark.parametrize("text", ["inception_crop(24)", "random_crop(20)", "resize(25)|centre_crop(20)"])
def test_labels_of_a_mask_are_those_of_the_nearest_pixel_of_the_crop(text):
    """Window by window through Pillow's NEAREST, whose sums may fall short of a tie: a row and a column at most."""
    rng = np.random.default_rng(3)
    image = rng.integers(0, 256, (40, 52, 3)).astype(np.uint8)
    mask = rng.integers(0, 256, (40, 52)).astype(np.uint8)
    crop, count = split_crop(parse(text)), 12
    bits = rng.integers(0, 2**32, (count, crop.cut.draws_needed((40, 52))), dtype=np.uint32)
    windows = crop_windows(crop, bits, np.tile(image.shape[:2], (count, 1)))
    for number in range(count):
        where = np.concatenate([part[number] for part in windows])
        (words,) = crop_all(tf.constant(image), [crop], [where], tf.constant(mask))
        (plain,) = crop_all(tf.constant(image), [crop], [where])
        top, left, height, width, tall, wide, down, right = where
        window = Image.fromarray(np.ascontiguousarray(mask[top : top + height, left : left + width]))
        nearest = np.asarray(window.resize((wide, tall), Image.Resampling.NEAREST))
        kept = nearest[down : down + crop.size[0], right : right + crop.size[1]]
        found = words.numpy().view(np.uint8).reshape(*crop.size, 4)
        assert np.mean(found[..., 3] != np.where(kept == 0, 255, kept)) < 0.1
        np.testing.assert_array_equal(found[..., :3], plain.numpy().view(np.uint8).reshape(*crop.size, 4)[..., :3])

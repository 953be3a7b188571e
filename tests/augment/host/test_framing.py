"""An image is decoded as Pillow decodes it, part by part, and framed as Pillow crops and resizes it."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from sbn.augment.draws import bits as draw_bits
from sbn.augment.framing import make_frames, split_framing
from sbn.augment.host.apply import make_apply
from sbn.augment.host.framing import MARGIN, decode, frame_all
from sbn.augment.host.packing import pack, unpack
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
    framing, ops = split_framing(parse(text)), parse(text)
    address = draw_addresses(ops, image.shape[:2])[1 if framing.resize else 0]
    bits = draw_bits(seed, np.arange(count), stage=1, epoch=2, view=3, draws=address)
    frames = make_frames(framing, bits, np.tile(image.shape[:2], (count, 1)))
    packed = [
        frame_all(tf.constant(image), [framing], [np.concatenate([part[i] for part in frames])])[0]
        for i in range(count)
    ]
    colours, marks = unpack(tf.stack(packed))
    assert marks.numpy().all()
    return frames, colours.numpy()


# Two passes in float32 instead of Pillow's fixed point: where the exact sum is near a half, and sides in simple ratios
# put many there, each pass may round the other way.
MOST, SHARE = 2, 0.08


def close(got, expected):
    difference = np.abs(got.astype(int) - expected)
    assert difference.max() <= MOST
    assert (difference > 0).mean() <= SHARE
    assert abs((got.astype(int) - expected).mean()) < 0.02  # and to neither side


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
    close(got, unpack(words)[0].numpy())


def test_an_unscaled_window_is_the_images_own_pixels():
    image = picture(np.random.default_rng(1), 60, 70)
    frames, got = framed(image, "random_crop(40)", 6)
    for (top, left), window in zip(frames.corner, got, strict=True):
        np.testing.assert_array_equal(window, image[top : top + 40, left : left + 40])


def test_frames_are_what_pillow_crops_and_resizes():
    image = picture(np.random.default_rng(2), 150, 210)
    frames, got = framed(image, "inception_crop(64)", 12)
    for (top, left), (height, width), pixels in zip(frames.corner, frames.shape, got, strict=True):
        window = Image.fromarray(image).crop((left, top, left + width, top + height))
        close(pixels, np.asarray(window.resize((64, 64), Image.Resampling.BILINEAR)))


def test_frames_of_one_image_do_not_depend_on_one_another():
    image = tf.constant(picture(np.random.default_rng(3), 90, 80))
    texts = ("inception_crop(24)", "random_crop(50)", "resize(40)|centre_crop(32)")
    framings = [split_framing(parse(text)) for text in texts]
    frames = [
        np.concatenate(
            [part[0] for part in make_frames(framing, np.full((1, 22), 1 << 31, np.uint32), np.array([[90, 80]]))]
        )
        for framing in framings
    ]
    for together, framing, frame in zip(frame_all(image, framings, frames), framings, frames, strict=True):
        np.testing.assert_array_equal(together, frame_all(image, [framing], [frame])[0])

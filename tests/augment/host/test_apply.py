import numpy as np
import pytest
import tensorflow as tf

from sbn.augment import draws, ops
from sbn.augment.host.apply import make_apply
from sbn.augment.host.arrays import pack
from sbn.augment.pipeline import draw_addresses, parse
from tests.oracles.image_ops import images, labelled, run

ADDRESS = {"seed": 5, "stage": 1, "epoch": 3, "view": 1}
PIPELINES = [
    "none",
    "flip",
    "crop(4)|flip|cutout(16)",
    "randaugment(3, 4)|crop(4)|flip|cutout(16)",
    "crop(4)|randaugment(2, 14, ops='paper_14', fill=7)|flip(0.3)",
    "autoaugment('cifar10')|crop(4)|flip|cutout(16)",
    "flip|crop(4)|autoaugment('cifar10_code', fill=0)",
    "cutout(8)|autoaugment('cifar10_code')|autoaugment('svhn')",
    "autoaugment('imagenet', fill=128)|autoaugment('imagenet_v0', fill=9)",
    "crop(4, fill=0)|flip|autoaugment('cifar10', levels='pytorch')|autoaugment('imagenet', 128, levels='pytorch')",
    "cutout(9)|crop(5, fill=0)|crop(3)|cutout(6)|crop(2, fill=9)|autoaugment('cifar10', fill=128, levels='scaled')",
    "crop(4, fill=0)|autoaugment('imagenet', fill=128, levels='scaled_4_to_8')|cutout(8)",
    "cutout(5, half_side=True)|flip",
    "flip|resize_and_pad(16)|resize_and_pad(11, 'random', 'mean')",
    "crop(4)|resize_and_pad(9, placement='top_left', fill=77)|flip",
    "trivialaugment|flip|trivialaugment('mean')|crop(4)",
    "crop(4)|blur|flip|blur(0.4, 3)",
    "cutout(9)|randaugment(2, 3, ops='uda_cifar_15')|blur(2, 7)",  # white fillers too
    "cutout(12)|blur(3, 9)",
    "flip|crop(3, fill='reflect')|randaugment(2, 9, ops='uda_cifar_15')|randaugment(1, 5, ops='fixmatch_imagenet_16')",
    "random_crop(13)|flip|cutout(6)",
    "crop(4)|flip|random_crop(19)|crop(2, fill='reflect')|centre_crop(14)|cutout(4)|random_crop(5)",
    "inception_crop(16)|randaugment(2, 9)|flip",
    "cutout(9)|inception_crop(41, area=(0.3, 1), ratio=(0.2, 5))|random_crop(40)|resize_and_pad(9)",
    "resize(26)|centre_crop(23)|autoaugment('cifar10')",
    "random_crop(20)|resize(7)|resize(30)|trivialaugment",
]
IMAGES = {size: images(size, 60, seed=1) for size in ((32, 32), (20, 27))}


def rgbx(words):
    return tf.bitcast(words, tf.uint8).numpy()


# Square images, which say less, in every run of the tests for every sixth pipeline alone.
@pytest.mark.parametrize(
    ("text", "size"),
    [
        pytest.param(text, size, marks=[pytest.mark.slow] * (size == (32, 32) and place % 6 > 0))
        for place, text in enumerate(PIPELINES)
        for size in IMAGES
    ],
)
def test_a_pipeline_moves_pixels_and_labels_as_pillow_does_on_one_image_after_the_other(text, size):
    pipeline = parse(text)
    apply = make_apply(pipeline, image_size=size)
    ids = np.arange(60) * 991
    labels = labelled(IMAGES[size])
    for epoch, marks in enumerate((np.full_like(labels, 255), labels)):
        address = {**ADDRESS, "epoch": epoch}
        words = tf.bitcast(np.concatenate([IMAGES[size], marks[..., None]], axis=-1), tf.int32)
        found = rgbx(apply(words, ids=ids, **address))
        for image, identity, mark, result in zip(IMAGES[size], ids, marks, found, strict=True):
            np.testing.assert_array_equal(result, run(image, pipeline, identity=identity, marks=mark, **address))


@pytest.mark.parametrize(
    "text",
    [
        *(pytest.param(text, marks=[pytest.mark.slow] * (place % 12 > 0)) for place, text in enumerate(PIPELINES)),
        "gaussian(0.2)|flip",
        "patch_gaussian(9, 1, True)",
        pytest.param("crop(4)|augmix(all_ops=True)", marks=pytest.mark.slow),
        "crop(4)|gaussian(0.1, 'uniform')",
    ],
)
def test_result_depends_on_the_image_and_its_address_alone(text):
    size = (20, 27)
    apply = make_apply(parse(text), image_size=size)
    words, ids = pack(IMAGES[size]), np.arange(60)
    whole = apply(words, ids=ids, **ADDRESS).numpy()

    def check(found, which):
        np.testing.assert_array_equal(found, whole[which])

    for low in range(0, 60, 7):  # other batches
        check(apply(words[low : low + 7], ids=ids[low : low + 7], **ADDRESS), slice(low, low + 7))
    for one in (0, 31, 59):  # single images: all op families but one are empty
        check(apply(words[one : one + 1], ids=[one], **ADDRESS), slice(one, one + 1))
    backwards = ids[::-1]
    check(apply(tf.gather(words, backwards), ids=backwards, **ADDRESS), backwards)
    check(apply(words[:0], ids=ids[:0], **ADDRESS), slice(0, 0))

    # compiled, and in a data pipeline with unknown batch size and threads
    graph = tf.function(lambda epoch, ids: apply(tf.gather(words, ids), ids=ids, **{**ADDRESS, "epoch": epoch}))
    check(graph(tf.constant(3), tf.constant(ids)), slice(None))
    data = tf.data.Dataset.range(60).batch(8)
    data = data.map(lambda i: apply(tf.gather(words, i), ids=i, **ADDRESS), num_parallel_calls=4, deterministic=True)
    check(np.concatenate(list(data.as_numpy_iterator())), slice(None))


def test_views_epochs_and_seeds_augment_differently():
    size = (32, 32)
    apply = make_apply(parse("randaugment(2, 9)|crop(4)|flip"), image_size=size)
    words = pack(IMAGES[size])
    base = apply(words, ids=range(60), **ADDRESS).numpy()
    for change in ("seed", "stage", "epoch", "view"):
        other = apply(words, ids=range(60), **{**ADDRESS, change: 9}).numpy()
        # flat images look alike under most draws; textured ones do so for 1 in 81 crops at most
        assert np.mean(np.any(other[10:] != base[10:], axis=(1, 2))) > 0.9


@pytest.mark.parametrize("kind", ["fixed", "uniform"])
def test_noise_equals_float64_up_to_rounding_at_ties(kind):
    size = (32, 32)
    pipeline = (ops.Crop(4), ops.Gaussian(0.2, kind))
    found = rgbx(make_apply(pipeline, image_size=size)(pack(IMAGES[size]), ids=range(60), **ADDRESS))
    expected = np.stack([run(image, pipeline, identity=i, **ADDRESS) for i, image in enumerate(IMAGES[size])])
    np.testing.assert_array_equal(found[..., 3], expected[..., 3])
    difference = np.abs(found.astype(int) - expected)
    # float32 errs by some 3e-5 levels here, so the rounding of about that share of values falls on the other side
    assert difference.max() <= 1
    assert np.mean(difference) < 2e-4


@pytest.mark.parametrize(
    "text",
    [
        "crop(4)|patch_gaussian(9, 1)",
        "patch_gaussian(25, 0.5, random_side=True)|flip",
    ],
)
@pytest.mark.parametrize("size", IMAGES)
def test_patches_of_noise_equal_float64_up_to_rounding_at_ties(text, size):
    pipeline = parse(text)
    found = rgbx(make_apply(pipeline, image_size=size)(pack(IMAGES[size]), ids=range(60), **ADDRESS))
    expected = np.stack([run(image, pipeline, identity=i, **ADDRESS) for i, image in enumerate(IMAGES[size])])
    np.testing.assert_array_equal(found[..., 3], expected[..., 3])
    difference = np.abs(found.astype(int) - expected)
    # as above
    assert difference.max() <= 1
    assert np.mean(difference) < 2e-4


def test_noise_has_the_strength_that_was_asked_for():
    size, count = (16, 16), 200
    flat = np.full((count, *size, 3), 128, np.uint8)

    def noise(text):
        found = rgbx(make_apply(parse(text), image_size=size)(pack(flat), ids=range(count), **ADDRESS))
        return (found[..., :3].astype(float) - 128) / 255

    fixed, uniform = noise("gaussian(0.1)"), noise("gaussian(0.1, kind='uniform')")
    samples = fixed.size
    # five standard deviations of a mean and of a standard deviation; rounding adds 1/12 square level
    assert abs(fixed.mean()) < 5 * 0.1 / np.sqrt(samples)
    assert fixed.std() == pytest.approx(np.sqrt(0.01 + 1 / 12 / 255**2), abs=5 * 0.1 / np.sqrt(2 * samples))
    per_image = uniform.std(axis=(1, 2, 3))
    assert per_image.max() < 0.11
    assert per_image.min() < 0.01
    assert per_image.mean() == pytest.approx(0.05, abs=5 * 0.1 / np.sqrt(12 * count))
    # pixels and channels are independent
    r = np.corrcoef(fixed.reshape(-1, 3).T) - np.eye(3)
    assert np.abs(r).max() < 5 / np.sqrt(samples / 3)


def test_draws_are_addressed_by_the_name_of_the_op():
    size = (32, 32)
    words, pipeline = pack(IMAGES[size]), parse("cutout(4)|flip")
    found = make_apply(pipeline, image_size=size)(words, ids=range(60), **ADDRESS)
    (where,) = draw_addresses(parse("flip"), size)  # the op's own, whatever stands before it
    flips = draws.bits(ADDRESS["seed"], range(60), stage=1, epoch=3, view=1, draws=where)[:, 0] < 2**31
    cut = make_apply(pipeline[:1], image_size=size)(words, ids=range(60), **ADDRESS).numpy()
    np.testing.assert_array_equal(found, np.where(flips[:, None, None], cut[:, :, ::-1], cut))


def test_ops_of_the_training_step_are_passed_over(monkeypatch):
    class Mix(ops.Op):
        name = "mix"
        where = "batch"

        def draws_needed(self, image_size):
            return 0

    monkeypatch.setitem(ops.OPS, "mix", Mix)
    size = (20, 27)
    words = pack(IMAGES[size])
    alone = make_apply(parse("crop(4)|flip"), image_size=size)(words, ids=range(60), **ADDRESS)
    mixed = make_apply((ops.Crop(4), Mix(), ops.Flip()), image_size=size)(words, ids=range(60), **ADDRESS)
    np.testing.assert_array_equal(mixed, alone)


def test_pixels_of_the_wrong_kind_are_named():
    apply = make_apply(parse("flip"), image_size=(8, 8))
    for wrong in (tf.zeros([2, 8, 9], tf.int32), tf.zeros([2, 8, 8], tf.uint8), tf.zeros([2, 8, 8, 3], tf.int32)):
        with pytest.raises(ValueError, match=r"they must be int32 \(N, 8, 8\)"):
            apply(wrong, ids=[0, 1], **ADDRESS)
    for text in ("blur(side=9)", "resize_and_pad(5)"):
        with pytest.raises(ValueError, match=r"4 x 9 pixels it must be (below 8|at most 4)"):
            make_apply(parse(text), image_size=(4, 9))
    with pytest.raises(ValueError, match="below 4"):
        make_apply(parse("crop(4, fill='reflect')"), image_size=(4, 9))

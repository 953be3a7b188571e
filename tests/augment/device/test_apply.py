"""The device path against the slow truth and the host path, and against itself in other batches and compilations."""

import functools

import jax.numpy as jnp
import numpy as np
import pytest

from sbn.augment import ops
from sbn.augment.device.apply import make_apply
from sbn.augment.pipeline import parse
from sbn.data.pixels import pack
from tests import compiling
from tests.oracles.image_ops import images, labelled, run

COUNT = 200
PIPELINES = [
    "none",
    "flip",
    "crop(4)|flip|cutout(16)",
    "crop(2)|cutout(9)|crop(3, fill=0)|crop(3, fill='reflect')|flip|crop(2, fill=9)|cutout(5)|crop(1)",
    "randaugment(3, 4)|crop(4)|flip|cutout(16)",
    "crop(4)|randaugment(1, 14, ops='paper_14', fill=7)|flip(0.3)",
    "flip|crop(3, fill='reflect')|randaugment(2, 9, ops='uda_cifar_15')|randaugment(1, 5, ops='fixmatch_imagenet_16')",
    "crop(4)|flip|random_crop(19)|crop(2, fill='reflect')|centre_crop(14)|cutout(4)|random_crop(5)",
    "cutout(9)|inception_crop(41, area=(0.3, 1), ratio=(0.2, 5))|random_crop(40)|randaugment(1, 9)",
    "resize(26)|centre_crop(23)|inception_crop(9)|resize(12)",
    "cutout(8)|autoaugment('cifar10_code')|crop(4)|flip|cutout(16)",
    "autoaugment('svhn')|autoaugment('imagenet_v0', fill=9)|autoaugment('imagenet', levels='scaled_4_to_8')",
    "crop(4, fill=0)|autoaugment('cifar10', fill=128, levels='scaled')|autoaugment('imagenet', levels='pytorch')",
    "autoaugment('cifar10', fill=200)|crop(2)|trivialaugment('mean')",
    "crop(4)|blur|blur(0.4, 3)|resize_and_pad(16)|cutout(9)|blur(2, 7)",
    "crop(4)|resize_and_pad(11, 'random', 'mean')|resize_and_pad(9, placement='top_left', fill=77)|flip",
]
# How long a program compiles is decided by how many ops of policies follow one another. Every entry of every policy is
# tried by itself (test_policy.py), and so is which one an image draws (test_policy_draws.py).
MANY_OPS = (PIPELINES[6], PIPELINES[11])


def unless_slow(texts):
    return [pytest.param(text, marks=[pytest.mark.slow] * (text in MANY_OPS)) for text in texts]


# Pillow has no word on these: the policy tables' and AugMix's own tests prove their ops
TF = "cutout(5)|randaugment(2, 9, fill='mean', semantics='tf')|autoaugment('imagenet_v0', fill=128, semantics='tf')"
AUGMIX = "crop(4)|augmix(7, 2, 1, 2, True)|flip"
NOISY = [
    "gaussian(0.2)|flip",
    "crop(4)|gaussian(0.1, 'uniform')",
    "randaugment(1, 5)|gaussian(0.05)|crop(2)",
    "crop(4)|patch_gaussian(9, 1)|flip|patch_gaussian(25, 0.5, random_side=True)",
]
SIZES = (20, 27), (32, 32)
IMAGES = {size: images(size, COUNT, seed=1) for size in SIZES}
# One pipeline of each kind also makes square images in every run of the tests: what is compiled anew is what costs.
either_size = pytest.mark.parametrize("size", [SIZES[0], pytest.param(SIZES[1], marks=pytest.mark.slow)])
IDS = np.arange(COUNT) * 991
ADDRESS = {"seed": 5, "stage": 1, "epoch": 3, "view": 1}


@functools.cache
def compiled(text, size):
    """apply(pixels, ids, **address) under jit, all of it traced."""
    apply = make_apply(parse(text), image_size=size)
    return compiling.jit(lambda pixels, ids, **address: apply(pixels, ids=ids, **address))


def rgbx(words):
    return np.asarray(words).view(np.uint8).reshape(*words.shape, 4)


def both(text, size, **change):
    tf = pytest.importorskip("tensorflow")
    from sbn.augment.host.apply import make_apply as make_host_apply

    host = make_host_apply(parse(text), image_size=size)
    words = pack(IMAGES[size])
    words[::2] = np.concatenate([IMAGES[size], labelled(IMAGES[size])[..., None]], axis=-1).view("<i4")[::2, ..., 0]
    expected = host(tf.constant(words), ids=IDS, **{**ADDRESS, **change}).numpy()
    found = compiled(text, size)(words, IDS, **{**ADDRESS, **change})
    return rgbx(found), rgbx(expected)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        pytest.param(text, size, marks=[pytest.mark.slow] * (text in MANY_OPS or (size == (32, 32) and place != 2)))
        for place, text in enumerate([*PIPELINES, TF])
        for size in IMAGES
    ],
)
def test_results_are_the_host_paths_bit_for_bit(text, size):
    for change in ({}, {"epoch": 0, "seed": 2**31 - 1}, {"view": 0, "stage": 0}):
        np.testing.assert_array_equal(*both(text, size, **change))


@either_size
@pytest.mark.parametrize("text", NOISY)
def test_noise_is_the_host_paths_up_to_rounding_at_ties(text, size):
    found, expected = both(text, size)
    np.testing.assert_array_equal(found[..., 3], expected[..., 3])
    # Both err by at most some 1e-5 levels (a few float32 roundings at 255), so 2e-5 of the values may fall apart.
    difference = np.abs(found[..., :3].astype(int) - expected[..., :3])
    assert difference.max() <= 1
    assert np.mean(difference) < 2e-5


@either_size
def test_augmix_is_the_host_paths_but_for_a_few_values_and_labels_stay(size):
    found, expected = both(AUGMIX, size)
    np.testing.assert_array_equal(found[..., 3], expected[..., 3])
    assert np.mean(found != expected) < 2e-5
    still, moved = (
        compiled(text, size)(pack(IMAGES[size]) & 0x4FFFFFFF, IDS, **ADDRESS) for text in ("augmix(7, 1, 1, 1)", AUGMIX)
    )
    assert (rgbx(still)[..., 3] == 0x4F).all()
    assert set(np.unique(rgbx(moved)[..., 3])) == {0x4F, 0xFF}  # what the crop uncovered has no label


@pytest.mark.parametrize("text", unless_slow(PIPELINES))
def test_results_are_pillows(text):
    """Straight to the slow truth, so that a mistake that both paths shared would show, also without TensorFlow."""
    size = (20, 27)
    found = rgbx(compiled(text, size)(pack(IMAGES[size]), IDS, **ADDRESS))
    for image, identity, result in list(zip(IMAGES[size], IDS, found, strict=True))[::2]:
        np.testing.assert_array_equal(result, run(image, parse(text), identity=identity, **ADDRESS))


@pytest.mark.parametrize("text", NOISY)
def test_noise_is_float64s_up_to_rounding_at_ties(text):
    size = (20, 27)
    found = rgbx(compiled(text, size)(pack(IMAGES[size]), IDS, **ADDRESS))
    expected = np.stack([run(i, parse(text), identity=n, **ADDRESS) for i, n in zip(IMAGES[size], IDS, strict=True)])
    np.testing.assert_array_equal(found[..., 3], expected[..., 3])
    difference = np.abs(found[..., :3].astype(int) - expected[..., :3])
    # float32 errs by some 3e-5 levels here, so the rounding of about that share of values falls on the other side
    assert difference.max() <= 1
    assert np.mean(difference) < 2e-4


@pytest.mark.parametrize("text", unless_slow([PIPELINES[2], TF, AUGMIX, *PIPELINES[6:], NOISY[0]]))
def test_result_depends_on_the_image_and_its_address_alone(text):
    size = (20, 27)
    apply, words = compiled(text, size), pack(IMAGES[size])
    whole = np.asarray(apply(words, IDS, **ADDRESS))
    backwards = slice(None, None, -1)
    np.testing.assert_array_equal(apply(words[backwards], IDS[backwards], **ADDRESS), whole[backwards])
    # The same shape, so that nothing is compiled anew: one image stands everywhere, with its id.
    for one in (0, 31, 107):
        alone = np.asarray(apply(np.repeat(words[one : one + 1], COUNT, axis=0), np.repeat(IDS[one], COUNT), **ADDRESS))
        np.testing.assert_array_equal(alone, np.repeat(whole[one : one + 1], COUNT, axis=0))


@pytest.mark.parametrize(
    "text",
    [
        PIPELINES[2],
        *(pytest.param(t, marks=pytest.mark.slow) for t in ("random_crop(19)|inception_crop(9)|resize(12)", NOISY[2])),
    ],
)
def test_any_number_of_images_may_come(text):
    size = (20, 27)
    apply, words = compiled(text, size), pack(IMAGES[size])
    whole = np.asarray(apply(words, IDS, **ADDRESS))
    for which in (slice(0, 7), slice(31, 32), slice(0, 0)):
        np.testing.assert_array_equal(apply(words[which], IDS[which], **ADDRESS), whole[which])


@pytest.mark.parametrize(
    "text",
    [PIPELINES[2], *(pytest.param(text, marks=pytest.mark.slow) for text in (PIPELINES[4], *MANY_OPS, *NOISY[1:3]))],
)
def test_compiled_equals_eager(text):
    size = (20, 27)
    words = pack(IMAGES[size])
    found = rgbx(compiled(text, size)(words, IDS, **ADDRESS))
    eager = rgbx(make_apply(parse(text), image_size=size)(jnp.asarray(words), ids=IDS, **ADDRESS))
    if "gaussian" in text:  # fused multiply-adds round once where separate operations round twice
        assert np.mean(found != eager) < 2e-5
    else:
        np.testing.assert_array_equal(found, eager)


def test_views_epochs_stages_and_seeds_augment_differently():
    size = (20, 27)
    words, text = pack(IMAGES[size]), PIPELINES[4]
    base = np.asarray(compiled(text, size)(words, IDS, **ADDRESS))
    for change in ("seed", "stage", "view", "epoch"):
        other = compiled(text, size)(words, IDS, **{**ADDRESS, change: 9})
        # flat images look alike under most draws; textured ones do so for 1 in 81 crops at most
        assert np.mean(np.any(np.asarray(other)[10:] != base[10:], axis=(1, 2))) > 0.9


def test_ops_of_the_training_step_are_passed_over(monkeypatch):
    class Mix(ops.Op):
        name = "mix"
        where = "batch"

        def draws_needed(self, image_size):
            return 0

    monkeypatch.setitem(ops.OPS, "mix", Mix)
    size = (20, 27)
    words = jnp.asarray(pack(IMAGES[size]))
    alone = make_apply(parse("crop(4)|flip"), image_size=size)(words, ids=IDS, **ADDRESS)
    mixed = make_apply((ops.Crop(4), Mix(), ops.Flip()), image_size=size)(words, ids=IDS, **ADDRESS)
    np.testing.assert_array_equal(mixed, alone)


def test_pixels_of_the_wrong_kind_are_named():
    apply = make_apply(parse("flip"), image_size=(8, 8))
    for shape, kind in (((2, 8, 9), jnp.int32), ((2, 8, 8), jnp.uint8), ((2, 8, 8, 3), jnp.int32)):
        with pytest.raises(ValueError, match=r"they must be int32 \(N, 8, 8\)"):
            apply(jnp.zeros(shape, kind), ids=[0, 1], **ADDRESS)
    for text in ("blur(side=9)", "resize_and_pad(5)"):
        with pytest.raises(ValueError, match=r"4 x 9 pixels it must be (below 8|at most 4)"):
            make_apply(parse(text), image_size=(4, 9))
    with pytest.raises(ValueError, match="below 4"):
        make_apply(parse("crop(4, fill='reflect')"), image_size=(4, 9))


def test_every_op_of_the_vocabulary_has_an_implementation():
    text = {
        "crop": "crop(2)",
        "cutout": "cutout(2)",
        "gaussian": "gaussian(1)",
        "randaugment": "randaugment(1, 1)",
        "autoaugment": "autoaugment('svhn')",
        "patch_gaussian": "patch_gaussian(3, 1)",
        "resize_and_pad": "resize_and_pad(3)",
        **{name: f"{name}(5)" for name in ("random_crop", "inception_crop", "resize", "centre_crop")},
    }
    for name, op in ops.OPS.items():
        if op.where == "image" and name not in ("random_crop_of", "fit", "random_scale"):  # what the host alone can
            make_apply(parse(text.get(name, name)), image_size=(8, 8))

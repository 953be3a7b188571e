"""Every type against its published formula one image at a time, and what `corrupt` promises of batches and draws."""

import numpy as np
import pytest

from sbn.config.errors import ConfigError
from sbn.data.corruptions import kinds, noise, textures
from sbn.data.corruptions.corrupt import CORRUPTIONS, corrupt
from tests.data.corruptions import reference
from tests.data.corruptions.pictures import pictures
from tests.oracles.corruptions import FORMULAS, jpeg_compression

FROST = textures.procedural(32)

# How many levels of a thousand may differ by one: truncation turns the last bit of a float into a level wherever the
# exact value is a whole number, as in flat areas. The formulas have the kernel of defocus in float64, the release in
# float32; they compute hue another way, and the greys and water of snow and spatter in another precision.
ROUNDING = {"defocus_blur": 50, "brightness": 3, "saturate": 20, "snow": 1, "spatter": 1}


def parts(kind, severity, side, pictures=FROST):
    values = kinds.CIFAR[kind][severity - 1]
    return values + ((pictures,) if kind == "frost" else ())


@pytest.mark.parametrize("kind", [kind for kind in kinds.KINDS if kind not in (*noise.LEVELS, "elastic_transform")])
@pytest.mark.parametrize(("side", "severities"), [(32, kinds.SEVERITIES), (21, (2, 5))])
def test_a_batch_is_what_the_published_formula_makes_of_each_image(kind, side, severities):
    images = pictures(6, side)
    for severity in severities:
        values, seeds = parts(kind, severity, side), range(severity, severity + len(images))
        draws = reference.draws(kind, reference.states(seeds), side, *values)
        found = CORRUPTIONS[kind].apply(images, *draws, *values).astype(int)
        states = reference.states(seeds)
        wanted = [FORMULAS[kind](image, rng, *values) for image, rng in zip(images, states, strict=True)]
        off = np.abs(found - np.stack(wanted))
        assert off.max() <= (kind in ROUNDING), f"severity {severity}"
        assert (off > 0).mean() <= ROUNDING.get(kind, 0) / 1000, f"severity {severity}"


@pytest.mark.parametrize("kind", noise.LEVELS)
@pytest.mark.parametrize("severity", [1, 5])
def test_noise_is_distributed_as_the_published_formula(kind, severity):
    # 2,000 draws of each of the 256 levels; levels after are pooled to 32 bins of eight. Chi-square by level before,
    # summed: 8 sums of about 4,000 degrees of freedom, outside 4.5 deviations once in 18,000 for noise that is right.
    images = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, axis=3).repeat(700, axis=0)
    found = corrupt(images, kind, severity, seed=3, ids=np.arange(700))
    wanted = FORMULAS[kind](images, np.random.RandomState(severity), *kinds.CIFAR[kind][severity - 1])
    counts = [np.zeros((256, 32)), np.zeros((256, 32))]
    for count, after in zip(counts, (found, wanted), strict=True):
        np.add.at(count, (images, after // 8), 1)
    total = counts[0] + counts[1]
    frequent = total > 20
    freedom = frequent.sum() - (frequent.sum(axis=1) > 0).sum()
    square = ((counts[0] - counts[1])[frequent] ** 2 / total[frequent]).sum()
    assert abs(square - freedom) < 4.5 * (2 * freedom) ** 0.5


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_an_image_is_corrupted_the_same_in_any_batch_and_order(kind):
    images, ids = pictures(5, 32), np.array([7, 0, 123_456, 3, 1])
    whole = corrupt(images, kind, 4, seed=1, ids=ids, frost=FROST)
    assert whole.dtype == np.uint8
    assert whole.shape == images.shape
    order = [3, 1, 4]
    some = corrupt(images[order], kind, 4, seed=1, ids=ids[order], frost=FROST)
    np.testing.assert_array_equal(some, whole[order])


def test_random_types_depend_on_seed_severity_and_id_and_the_others_do_not():
    image, still = pictures(1, 32)[[0, 0]], set()
    for kind in kinds.KINDS:
        same = corrupt(image, kind, 3, seed=0, ids=np.array([4, 4]), frost=FROST)
        np.testing.assert_array_equal(same[0], same[1])
        ids = corrupt(image, kind, 3, seed=0, ids=np.array([4, 5]), frost=FROST)
        seeds = corrupt(image[:1], kind, 3, seed=1, ids=np.array([4]), frost=FROST)
        assert np.array_equal(ids[0], ids[1]) == np.array_equal(ids[0], seeds[0])
        if np.array_equal(ids[0], ids[1]):
            still.add(kind)
    random = {*noise.LEVELS, *reference.DRAWS}
    assert still == set(kinds.KINDS) - random
    assert len(still) == 8


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_images_of_imagenet_are_corrupted_by_its_parameters_and_come_out_of_jpeg_files(kind):
    images, ids = pictures(2, 128), np.arange(2)
    found = corrupt(images, kind, 1, seed=0, ids=ids, frost=textures.procedural(128))
    values = kinds.IMAGENET[kind][0]
    if kind not in reference.DRAWS and kind not in noise.LEVELS:
        wanted = [jpeg_compression(image, None, 85) for image in CORRUPTIONS[kind].apply(images, *values)]
        np.testing.assert_array_equal(found, wanted)
    assert 5 < np.sqrt(np.mean((found.astype(float) - images) ** 2)) < 120


def test_what_can_not_be_made_is_told():
    images, ids = pictures(1, 32), np.arange(1)
    with pytest.raises(ConfigError, match="did you mean 'gaussian_blur'"):
        corrupt(images, "gausian_blur", 1, seed=0, ids=ids)
    with pytest.raises(ConfigError, match="unknown severity '6'"):
        corrupt(images, "fog", 6, seed=0, ids=ids)
    with pytest.raises(ConfigError, match="24 x 32"):
        corrupt(images[:, :, :24], "fog", 1, seed=0, ids=ids)

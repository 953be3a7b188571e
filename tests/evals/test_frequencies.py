"""Fourier heat maps, and accuracy under low- and high-pass filters, against slow loops over images and places."""

import json
import os
import subprocess
import sys

import jax.numpy as jnp
import numpy as np
import pytest

from sbn.augment import draws
from sbn.config.errors import ConfigError
from sbn.data.examples import in_memory
from sbn.data.spectrum import NO_STAGE
from sbn.evals.base import run
from sbn.evals.frequencies import Filtered, Fourier
from tests.compiling import simulating
from tests.evals.toys import MEAN, Linear, make_materials, make_source, make_variables
from tests.oracles import fourier as oracle

SIZE, COUNT = (8, 8), 21


def softmax(x):
    e = np.exp(x - x.max())
    return e / e.sum()


def predictions(weights, image, mix=(0.0, 0.3, 1.0)):
    """What each branch and mix predicts of one image, float64."""
    logits = np.einsum("hwc,hwckl->kl", image - 0.5, weights.astype(np.float64))
    p = [softmax(row) for row in logits]
    return [row.argmax() for row in p] + [(a * p[0] + (1 - a) * p[1]).argmax() for a in mix]


def slow_map(source, weights, *, norm, seed, ids, size, branches=2):
    """Error counts (outcomes, h, w), one place and one image after the other; no symmetry is used but of the signs."""
    height, width = source.images.shape[1:3]
    low = [n // 2 - min(size, n) // 2 for n in (height, width)]
    counts = np.zeros((branches + 3 * (branches > 1), min(size, height), min(size, width)), int)
    for row in range(counts.shape[1]):
        for column in range(counts.shape[2]):
            i, j = low[0] + row, low[1] + column
            u = oracle.basis(i, j, height, width)
            pair = oracle.conjugate(i, height) * width + oracle.conjugate(j, width)
            number = min(i * width + j, pair)
            words = draws.bits(seed, ids, stage=NO_STAGE, epoch=number, view=0, draws=range(3))
            for n, example in enumerate(ids):
                sign = np.where(words[n] >> 31, -1.0, 1.0)
                noisy = np.clip(source.images[example] / 255 + norm * sign * u[:, :, None], 0, 1)
                found = predictions(weights, noisy, mix=(0.0, 0.3, 1.0) if branches > 1 else ())
                counts[:, row, column] += np.array(found) != source.labels[example]
    return counts


def heat(materials, variables, *, norm=2.0, size=None, examples=COUNT):
    arrays = run(Fourier(materials, norm=norm, size=size, examples=examples), variables)[1]
    return {name.split("/")[1]: array for name, array in arrays.items() if name.endswith("/error")}


@pytest.mark.parametrize(
    ("image_size", "size", "side"), [((8, 8), None, 7), ((8, 8), 8, 8), ((7, 6), 7, 7), ((9, 9), 4, 4)]
)
def test_the_map_is_the_slow_loops_at_every_place(image_size, size, side):
    source, variables = make_source(COUNT, image_size), make_variables(image_size)
    found = heat(make_materials(source), variables, size=size)
    expected = slow_map(source, variables["weights"], norm=2.0, seed=3, ids=np.arange(COUNT), size=side)
    assert list(found) == ["main", "aux", "mix_0", "mix_0.3", "mix_1"]
    assert expected.std() > 0.5  # and the noise does matter
    for name, counts in zip(found, expected, strict=True):
        np.testing.assert_array_equal(found[name] * COUNT, counts, err_msg=name)


def test_a_detector_of_one_frequency_fails_there_alone_and_as_often_as_signs_agree():
    """Grey images are class 0; the detector says 1 where they hold more than 1 of a frequency, summed over channels.

    Noise of norm 0.5 a channel makes that 1.5 where the three signs agree, 0.5 where they don't, and 0 elsewhere.
    """
    u, v = -2, 1
    wave = oracle.basis(4 + u, 4 + v, 8, 8).astype(np.float32)

    class Detector(Linear):
        def predict_floats(self, variables, images):
            content = abs(jnp.einsum("nhwc,hw->n", images, wave, precision="highest"))
            return jnp.stack([jnp.ones_like(content), content], axis=-1)[:, None]

    images = np.full((COUNT, 8, 8, 3), 128, np.uint8)
    source = in_memory({"image": images, "label": np.zeros(COUNT, np.int32)}, name="toy", classes=2)
    materials = make_materials(source, task=Detector(("main",)))
    errors = run(Fourier(materials, norm=0.5, size=None, examples=COUNT), {})[1]["fourier/main/error"]
    number = (4 + u) * 8 + 4 + v
    words = draws.bits(3, np.arange(COUNT), stage=NO_STAGE, epoch=number, view=0, draws=range(3)) >> 31
    agree = (words.sum(axis=1) % 3 == 0).mean()
    assert 0 < agree < 1
    expected = np.zeros((7, 7))
    expected[3 + u, 3 + v] = expected[3 - u, 3 - v] = agree
    np.testing.assert_array_equal(errors, expected)


def test_batches_and_dispatches_do_not_matter(monkeypatch):
    source, variables = make_source(COUNT, SIZE), make_variables(SIZE)
    whole = heat(make_materials(source), variables)
    for batch_size in (1, 20):
        found = heat(make_materials(source, {"eval.batch_size": batch_size}), variables)
        for name in whole:
            np.testing.assert_array_equal(found[name], whole[name])
    for dispatch in (1, 7 * COUNT):
        evaluator = Fourier(make_materials(source), norm=2.0, size=None, examples=COUNT)
        monkeypatch.setattr(evaluator._errors, "_chunk", max(1, dispatch // COUNT))
        arrays = run(evaluator, variables)[1]
        for name in whole:
            np.testing.assert_array_equal(arrays[f"fourier/{name}/error"], whole[name])


def test_the_seed_draws_images_and_signs_and_nothing_else_does():
    source, variables = make_source(60, SIZE), make_variables(SIZE)
    maps = {}
    for seed in (3, 4):
        materials = make_materials(source, {"seed": seed})
        maps[seed] = heat(materials, variables)["main"]
        np.testing.assert_array_equal(heat(materials, variables)["main"], maps[seed])
        ids = np.sort(draws.order(seed, stage=NO_STAGE, epoch=0, count=60)[:COUNT])
        slow = slow_map(source, variables["weights"], norm=2.0, seed=seed, ids=ids, size=7)[0]
        np.testing.assert_array_equal(maps[seed] * COUNT, slow)
    assert (maps[3] != maps[4]).any()


def test_without_noise_every_place_has_the_plain_error():
    source, variables = make_source(COUNT, SIZE), make_variables(SIZE)
    found = heat(make_materials(source), variables, norm=0.0)
    plain = np.array([predictions(variables["weights"], image / 255) for image in source.images])
    for column, name in enumerate(found):
        assert (found[name] == (plain[:, column] != source.labels).mean()).all()


def test_scalars_are_the_maps_means_and_one_branch_has_no_mix():
    source, variables = make_source(COUNT, SIZE), make_variables(SIZE, branches=1)
    materials = make_materials(source, task=Linear(("main",)))
    scalars, arrays = run(Fourier(materials, norm=2.0, size=3, examples=1000), variables)
    assert set(scalars) == {f"fourier/main/{part}_error" for part in ("mean", "low", "high")}
    error = arrays["fourier/main/error"]
    assert scalars["fourier/main/mean_error"] == pytest.approx(error.mean(), rel=1e-15)
    # of 3 x 3 frequencies the middle is one, and the eight around it are high
    assert scalars["fourier/main/low_error"] == pytest.approx(error[1, 1], rel=1e-15)
    assert scalars["fourier/main/high_error"] == pytest.approx((error.sum() - error[1, 1]) / 8, rel=1e-12)
    assert (arrays["fourier/norm"], arrays["fourier/examples"]) == (2.0, COUNT)


def test_a_map_larger_than_the_spectrum_is_refused():
    with pytest.raises(ConfigError, match=r"eval.fourier.size = 9: images of 8 x 8"):
        Fourier(make_materials(make_source(3, SIZE)), norm=1.0, size=9, examples=3)


EIGHT = """
import json
from tests.evals.test_frequencies import *
import jax
assert jax.device_count() == 8
source, variables = make_source(COUNT, SIZE), make_variables(SIZE)
found = dict(heat(make_materials(source, {"eval.batch_size": 5}), variables))
for name in ("low_pass", "high_pass"):
    found |= run(Filtered(make_materials(source), name, widths=(), examples=COUNT), variables)[1]
errors = Fourier(make_materials(source), norm=2.0, size=None, examples=COUNT)._errors
batches = [errors._place(a, 0) for a in (errors._images, errors._labels, errors._ids)]
text = errors._count.lower(variables, errors._settings[: errors._chunk], *batches).compile().as_text()
print(json.dumps({"arrays": {n: a.tolist() for n, a in found.items()}, "gathers": text.count("all-gather"),
                  "reduces": text.count(" all-reduce(")}))
"""


def test_eight_devices_give_the_map_of_one_and_gather_nothing():
    from sbn.evals.frequencies import Filtered

    env = {**os.environ, **simulating(8)}
    done = subprocess.run([sys.executable, "-c", EIGHT], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    eight = json.loads(done.stdout.splitlines()[-1])
    source, variables = make_source(COUNT, SIZE), make_variables(SIZE)
    one = dict(heat(make_materials(source), variables))
    for name in ("low_pass", "high_pass"):
        one |= run(Filtered(make_materials(source), name, widths=(), examples=COUNT), variables)[1]
    assert list(eight["arrays"]) == list(one)
    for name in one:
        np.testing.assert_array_equal(eight["arrays"][name], one[name], err_msg=name)
    assert (eight["gathers"], eight["reduces"]) == (0, 1)


FILTERED = 25


def slow_accuracy(source, weights, width, name):
    right = []
    for image, label in zip(source.images / 255, source.labels, strict=True):
        low = oracle.low_pass(image, width)
        high = image - low + (np.array(MEAN) if width else 0)
        found = predictions(weights, np.clip(low if name == "low_pass" else high, 0, 1))
        right.append(np.array(found) == label)
    return np.mean(right, axis=0)


@pytest.mark.parametrize("name", ["low_pass", "high_pass"])
@pytest.mark.parametrize("image_size", [(8, 8), (7, 7), (6, 9)])
def test_accuracy_at_every_width_is_the_slow_loops(image_size, name):
    source, variables = make_source(FILTERED, image_size), make_variables(image_size)
    least, largest = int(name == "low_pass"), max(image_size)
    widths = tuple(range(least, largest + 1))
    scalars, arrays = run(Filtered(make_materials(source), name, widths=widths, examples=FILTERED), variables)
    outcomes = ["main", "aux", "mix_0", "mix_0.3", "mix_1"]
    for place, width in enumerate(widths):
        expected = slow_accuracy(source, variables["weights"], width, name)
        found = [arrays[f"{name}/{outcome}/accuracy"][place] for outcome in outcomes]
        # shares of 25: rounding of 1e-16, and one image more or less is 0.04
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12, err_msg=str(width))
    for outcome in outcomes:
        mean = arrays[f"{name}/{outcome}/accuracy"].mean()
        assert scalars[f"{name}/{outcome}/mean_accuracy"] == pytest.approx(mean, rel=1e-12)
    assert arrays[f"{name}/main/accuracy"].std() > 0
    np.testing.assert_array_equal(arrays[f"{name}/widths"], widths)


def test_by_default_every_odd_width_and_the_whole_and_high_pass_starts_with_the_images():
    def widths(name, size):
        materials = make_materials(make_source(3, (size, size)))
        return Filtered(materials, name, widths=(), examples=3)._widths

    assert widths("low_pass", 8) == (1, 3, 5, 7, 8)
    assert widths("low_pass", 7) == (1, 3, 5, 7)
    assert widths("high_pass", 8) == (0, 1, 3, 5, 7, 8)


def test_the_ends_are_the_plain_accuracy():
    source, variables = make_source(FILTERED, (8, 8)), make_variables((8, 8))
    plain = np.mean(
        [
            predictions(variables["weights"], image / 255)[0] == label
            for image, label in zip(source.images, source.labels, strict=True)
        ]
    )
    for name, width in (("low_pass", 8), ("high_pass", 0)):
        arrays = run(Filtered(make_materials(source), name, widths=(width,), examples=FILTERED), variables)[1]
        assert arrays[f"{name}/main/accuracy"][0] == pytest.approx(plain, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "width", "range_"),
    [("low_pass", 0, "1..8"), ("low_pass", 9, "1..8"), ("high_pass", 9, "0..8"), ("high_pass", -1, "0..8")],
)
def test_widths_beyond_the_spectrum_are_refused(name, width, range_):
    materials = make_materials(make_source(3, (8, 8)))
    with pytest.raises(ConfigError, match=rf"eval.{name}.widths holds {width}: .* {range_}"):
        Filtered(materials, name, widths=(1, width), examples=3)

"""The released code's own output: with its random numbers every type but noise is the same, bit for bit."""

import json

import numpy as np
import pytest
import tensorflow as tf

from sbn.data import protobuf, tfrecords
from sbn.data.corruptions import kinds, noise, textures
from sbn.data.corruptions.corrupt import CORRUPTIONS, corrupt
from tests.conftest import REAL_DATA
from tests.data.corruptions import reference

# All are random or not, but a grey level's noise is drawn in one step, with other numbers than the release's.
EXACT = tuple(kind for kind in kinds.KINDS if kind not in noise.LEVELS)


@pytest.fixture(scope="module")
def arrays():
    with np.load(reference.path("corruptions_reference.npz")) as file:
        return dict(file)


@pytest.mark.parametrize("kind", EXACT)
def test_with_the_releases_random_numbers_its_images_come_out(arrays, kind):
    assert tuple(arrays["names"]) == kinds.KINDS
    clean, number = arrays["clean"], kinds.KINDS.index(kind)
    for severity in kinds.SEVERITIES:
        values = kinds.CIFAR[kind][severity - 1]
        if kind == "frost":
            values += (textures.pictures(str(reference.path("frost")), side=32, reduced=True),)
        states = reference.states(100_000 + 1000 * number + 100 * (severity - 1) + image for image in range(len(clean)))
        draws = reference.draws(kind, states, 32, *values)
        corrupted = CORRUPTIONS[kind].apply(clean, *draws, *values)
        accepted = [arrays["corrupted"][number, severity - 1]]
        if kind == "jpeg_compression":  # of which there are two: JPEG libraries differ in how they enlarge the chroma
            accepted.append(arrays["modern_jpeg_compression"][severity - 1])
        assert any(np.array_equal(corrupted, wanted) for wanted in accepted), f"severity {severity}"


@pytest.mark.parametrize("kind", noise.LEVELS)
def test_the_releases_noise_is_as_likely_as_its_matrix_says(arrays, kind):
    # The log likelihood of 61,440 levels is a sum of independent terms, whose mean and variance the matrix gives. Four
    # types of five severities outside 4.5 standard deviations: once in 7,000 matrices that are right.
    clean, number = arrays["clean"], kinds.KINDS.index(kind)
    for severity in kinds.SEVERITIES:
        matrix = noise.LEVELS[kind](*kinds.CIFAR[kind][severity - 1])
        log = np.log(np.where(matrix > 0, matrix, 1))
        mean = (matrix * log).sum(axis=1)
        variance = (matrix * log**2).sum(axis=1) - mean**2
        after = arrays["corrupted"][number, severity - 1]
        assert (matrix[clean, after] > 0).all()
        off = log[clean, after].sum() - mean[clean].sum()
        assert abs(off) < 4.5 * variance[clean].sum() ** 0.5, f"severity {severity}"


@pytest.fixture(scope="module")
def first_500():
    """The first 500 test images of CIFAR-10 in their official order, which TFDS's ids tell."""
    if not (REAL_DATA / "cifar10").exists():
        pytest.skip(f"no prepared CIFAR-10 in {REAL_DATA} (set TFDS_DATA_DIR)")
    directory = tfrecords.folder("cifar10", str(REAL_DATA))
    dataset = tf.data.TFRecordDataset([str(path) for path in sorted(directory.glob("*-test.tfrecord-*"))])
    ids = [protobuf.parse_example(record)["id"][0].decode() for record in dataset.as_numpy_iterator()]
    images, _ = tfrecords.read(directory, "test")
    return images[np.argsort(ids)[:500]]


def moments(clean, corrupted):
    """(3, 500): the mean, mean square and mean squared error of each image."""
    images = corrupted.astype(np.float64)
    return np.stack([part.mean(axis=(1, 2, 3)) for part in (images, images**2, (images - clean) ** 2)])


# Of what is not noise the release's own images are compared to the bit in every run of the tests, above.
@pytest.mark.parametrize(
    "kind", [kind if "noise" in kind else pytest.param(kind, marks=pytest.mark.slow) for kind in kinds.KINDS]
)
def test_statistics_of_500_images_are_those_of_the_release(first_500, kind):
    # The release's statistics are of one run, ours of two, whose difference is each image's own variance: 500 degrees
    # of freedom. 3 moments of 11 random types and 5 severities outside 4.75 deviations: once in 3,000 seeds, if right.
    wanted = json.loads(reference.path("corruptions_stats_500.json").read_text())["corruptions"][kind]
    pictures = textures.pictures(str(reference.path("frost")), side=32, reduced=True) if kind == "frost" else ()
    for severity, numbers in zip(kinds.SEVERITIES, wanted, strict=True):
        runs = [
            moments(first_500, corrupt(first_500, kind, severity, seed=seed, ids=np.arange(500), frost=pictures))
            for seed in (0, 1)
        ]
        found = np.mean(runs, axis=(0, 2))
        spread = np.sqrt(1.5 * np.sum((runs[0] - runs[1]) ** 2 / 2, axis=1)) / 500
        target = numbers["mean"], numbers["std"] ** 2 + numbers["mean"] ** 2, numbers["mse"]
        # the release's numbers have five decimals; JPEG libraries differ, and this one is nearer to the images
        rounding = (1e-5, 4e-3, 1e-5) if kind != "jpeg_compression" else (0.005, 25, 0.025 * numbers["mse"])
        off = np.abs(found - target)
        assert (off < 4.75 * spread + rounding).all(), (severity, off, spread)

"""The released code's own output: with its random numbers every type but noise is the same, bit for bit."""

import numpy as np
import pytest

from sbn.data.corruptions import frost, kinds, noise, parameters
from sbn.data.corruptions.corrupt import CORRUPTIONS
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
        values = parameters.CIFAR[kind][severity - 1]
        if kind == "frost":
            values += (frost.pictures(str(reference.path("frost")), side=32, reduced=True),)
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
        matrix = noise.LEVELS[kind](*parameters.CIFAR[kind][severity - 1])
        log = np.log(np.where(matrix > 0, matrix, 1))
        mean = (matrix * log).sum(axis=1)
        variance = (matrix * log**2).sum(axis=1) - mean**2
        after = arrays["corrupted"][number, severity - 1]
        assert (matrix[clean, after] > 0).all()
        off = log[clean, after].sum() - mean[clean].sum()
        assert abs(off) < 4.5 * variance[clean].sum() ** 0.5, f"severity {severity}"

"""The reference arrays and statistics where they are, and the release's stream of random numbers as our draws."""

import os
import pathlib

import numpy as np
import pytest

from tests.conftest import REAL_DATA

FOLDER = pathlib.Path(os.environ.get("SBN_CORRUPTIONS_DATA", REAL_DATA.parent / "corruptions"))


def path(name):
    """Returns a file or folder of the reference data, or skips the test."""
    if not (FOLDER / name).exists():
        pytest.skip(f"no {name} in {FOLDER} (set SBN_CORRUPTIONS_DATA)")
    return FOLDER / name


def states(seeds):
    return [np.random.RandomState(seed) for seed in seeds]


def _glass(rng, side, sigma, delta, iterations):
    inner = side - 2 * delta
    steps = [rng.randint(-delta, delta, size=2) for _ in range(iterations * inner**2)]
    # the release goes from the last row and column back, and draws right before down
    return (np.reshape(steps, (iterations, inner, inner, 2))[:, ::-1, ::-1, ::-1],)


def _motion(rng, side, *_):
    return (rng.uniform(-45, 45),)


def _snow(rng, side, *_):
    return rng.normal(size=(side, side)), rng.uniform(-135, -45)


def _frost(rng, side, weight, frost_weight, pictures):
    which = rng.randint(len(pictures))
    return which, np.array([rng.randint(0, length - side) for length in pictures[which].shape[:2]])


def _fog(rng, side, *_):
    return (rng.random_sample(4 ** (side - 1).bit_length() - 1),)


def _elastic(rng, side, *_):
    return 2 * rng.random_sample((3, 2)) - 1, rng.uniform(-1, 1, (2, side, side))


def _spatter(rng, side, *_):
    return (rng.normal(size=(side, side)),)


DRAWS = {
    "glass_blur": _glass,
    "motion_blur": _motion,
    "snow": _snow,
    "frost": _frost,
    "fog": _fog,
    "elastic_transform": _elastic,
    "spatter": _spatter,
}


def draws(kind, states, side, *values):
    """Returns what a type's `apply` takes, drawn from one RandomState an image in the release's order."""
    if kind not in DRAWS:
        return ()
    stacked = [np.stack(each) for each in zip(*(DRAWS[kind](rng, side, *values) for rng in states), strict=True)]
    if kind == "elastic_transform":
        stacked[1] = np.moveaxis(stacked[1], 1, 0)
    return tuple(stacked)

"""The benchmark's types and numbers."""

import hashlib

import numpy as np

from sbn.data.corruptions import corrupt, kinds


def test_there_are_fifteen_and_four_types_in_the_papers_order():
    assert len(kinds.BENCHMARK) == 15
    assert kinds.BENCHMARK[::5] == ("gaussian_noise", "motion_blur", "brightness")
    assert kinds.EXTRA == ("speckle_noise", "gaussian_blur", "spatter", "saturate")
    assert set(kinds.KINDS) == set(corrupt.CORRUPTIONS) == set(kinds.ALEXNET_ERRORS)
    assert set(kinds.KINDS) == set(kinds.CIFAR) == set(kinds.IMAGENET)


def test_alexnets_errors_have_the_published_means():
    errors = {kind: np.mean(values) for kind, values in kinds.ALEXNET_ERRORS.items()}
    assert all(len(values) == 5 for values in kinds.ALEXNET_ERRORS.values())
    np.testing.assert_allclose(np.mean([errors[kind] for kind in kinds.BENCHMARK]), 0.788993, atol=5e-7)
    published = {"gaussian_noise": 0.886428, "zoom_blur": 0.79836, "elastic_transform": 0.646056, "saturate": 0.658248}
    for kind, mean in published.items():
        np.testing.assert_allclose(errors[kind], mean, atol=5e-7)


def test_every_type_has_five_severities_of_the_same_parameters():
    for table in (kinds.CIFAR, kinds.IMAGENET):
        for kind, values in table.items():
            assert len(values) == 5
            assert len({len(each) for each in values}) == 1, kind
    assert all(len(kinds.CIFAR[kind][0]) == len(kinds.IMAGENET[kind][0]) for kind in kinds.KINDS)


def test_numbers_change_with_their_version_alone():
    # made files are addressed by the version: a number that changes needs a new one, here and in `kinds`
    numbers = repr((kinds.CIFAR, kinds.IMAGENET)).encode()
    assert (kinds.VERSION, hashlib.sha256(numbers).hexdigest()[:16]) == (1, "c6900cb5f0905950")


def test_the_table_follows_from_the_size():
    assert [kinds.parameters(side)[0] for side in (16, 32, 64, 224)] == ["cifar", "cifar", "cifar", "imagenet"]
    assert kinds.parameters(32)[1]["elastic_transform"][4] == (3.2, 0.96, 0.96)
    assert kinds.parameters(224)[1]["elastic_transform"][0][0] == 488

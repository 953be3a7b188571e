"""uCE, CE, mCE and relative mCE on made-up errors, worked by hand, and against the published anchors."""

import numpy as np
import pytest

from sbn.data.corruptions.kinds import ALEXNET_CLEAN_ERROR, ALEXNET_ERRORS, BENCHMARK, KINDS, SEVERITIES
from sbn.evals.corruption_errors import corruption_errors
from tests import facts


def numbers(errors, kinds=KINDS, *, clean=0.05, anchored=False, severities=SEVERITIES):
    return corruption_errors(np.array(errors), kinds, severities, clean=clean, anchored=anchored)


def test_uce_is_the_mean_over_fifteen_types_and_five_severities():
    errors = np.zeros((19, 5))
    errors[KINDS.index("fog")] = [0.1, 0.2, 0.3, 0.4, 0.5]  # mean 0.3
    errors[KINDS.index("snow")] = 0.6
    errors[KINDS.index("saturate")] = 1.0  # one of the extra four
    found = numbers(errors)
    assert found["error/fog"] == pytest.approx(0.3)
    assert (found["error/fog_1"], found["error/fog_5"], found["error/snow_3"]) == (0.1, 0.5, 0.6)
    assert found["uce"] == pytest.approx((0.3 + 0.6) / 15)  # 0.06
    assert found["error"] == pytest.approx((0.3 + 0.6 + 1.0) / 19)  # 0.1


def test_uce_does_not_depend_on_the_order_of_the_types():
    errors = np.random.default_rng(0).uniform(size=(19, 5))
    order = np.random.default_rng(1).permutation(19)
    shuffled = numbers(errors[order], tuple(KINDS[i] for i in order), anchored=True)
    for name, value in numbers(errors, anchored=True).items():
        assert shuffled[name] == pytest.approx(value, rel=1e-12), name


@pytest.mark.parametrize(
    ("kinds", "severities"), [(BENCHMARK[1:], SEVERITIES), (BENCHMARK, (1, 3, 5)), (("fog",), SEVERITIES)]
)
def test_a_part_of_the_benchmark_has_no_uce(kinds, severities):
    found = numbers(np.full((len(kinds), len(severities)), 0.25), kinds, severities=severities, anchored=True)
    assert found["error"] == 0.25
    assert not {"uce", "mce", "relative_mce"} & set(found)


def test_cifar_has_nothing_to_do_with_alexnet():
    assert not [name for name in numbers(np.zeros((19, 5))) if "ce/" in name or name in ("mce", "relative_mce")]


def test_ce_and_relative_ce_worked_by_hand():
    # AlexNet on brightness: .4514 + .48502 + .54048 + .62166 + .7244 = 2.82296; less 5 x .435: 0.64796
    errors = np.full((1, 5), 0.2)
    errors[0] = [0.2, 0.25, 0.3, 0.35, 0.4]  # sum 1.5; less 5 x .1: 1.0
    found = numbers(errors, ("brightness",), clean=0.1, anchored=True)
    assert found["ce/brightness"] == pytest.approx(1.5 / 2.82296)  # 0.531357
    assert found["relative_ce/brightness"] == pytest.approx(1.0 / 0.64796)  # 1.543305


def test_alexnet_itself_has_mce_100_percent():
    errors = np.array([ALEXNET_ERRORS[kind] for kind in KINDS])
    found = numbers(errors, clean=ALEXNET_CLEAN_ERROR, anchored=True)
    assert found["mce"] == pytest.approx(1, abs=1e-12)
    assert found["relative_mce"] == pytest.approx(1, abs=1e-12)
    assert found["uce"] == pytest.approx(0.788993, abs=5e-7)  # the published mean of the 15 averages


def test_mce_is_a_mean_of_ratios_not_a_ratio_of_means():
    errors = np.array([ALEXNET_ERRORS[kind] for kind in BENCHMARK])
    errors[BENCHMARK.index("brightness")] *= 2.5  # CE 2.5, the others 1
    found = numbers(errors, BENCHMARK, anchored=True)
    assert found["mce"] == pytest.approx((14 + 2.5) / 15)  # 1.1; the ratio of means would be 1.0716


def test_the_anchors_are_the_published_ones():
    published = facts.load("alexnet_imagenet_c_errors")
    assert {kind: list(errors) for kind, errors in ALEXNET_ERRORS.items()} == published["severity_1_to_5"]
    assert published["clean_error"] == ALEXNET_CLEAN_ERROR
    assert len(BENCHMARK) == 15
    assert np.mean([np.mean(ALEXNET_ERRORS[kind]) for kind in BENCHMARK]) == pytest.approx(
        published["mean_of_15_averages"], abs=5e-7
    )

import pytest

from sbn.augment.levels import LEVELS
from sbn.augment.policies import SUBPOLICIES
from tests import facts

KEYS = {
    "cifar10": "cifar10_paper_25",
    "cifar10_code": "cifar10_code_95",
    "imagenet": "imagenet_paper_25",
    "imagenet_v0": "imagenet_code_v0_25",
    "svhn": "svhn_25",
}


@pytest.mark.parametrize("policy", SUBPOLICIES)
def test_a_policy_equals_its_source(policy):
    made = [[list(step) for step in pair] for pair in SUBPOLICIES[policy]]
    assert made == facts.load("autoaugment_policies")[KEYS[policy]]


def test_policies_have_their_published_shape():
    sizes = {name: len(policy) for name, policy in SUBPOLICIES.items()}
    assert sizes == {"cifar10": 25, "cifar10_code": 95, "imagenet": 25, "imagenet_v0": 25, "svhn": 25}
    steps = [step for policy in SUBPOLICIES.values() for pair in policy for step in pair]
    assert {step.name for step in steps} < set(LEVELS)
    # eleven probabilities, levels up to 10
    assert all(round(10 * step.probability) == 10 * step.probability for step in steps)
    assert all(0 <= step.probability <= 1 for step in steps)
    assert all(0 <= step.level <= 10 for step in steps)


def test_the_code_lacks_five_of_the_papers_sub_policies_and_has_three_with_cutout():
    paper, code = SUBPOLICIES["cifar10"], SUBPOLICIES["cifar10_code"]
    assert [number for number, pair in enumerate(paper, 1) if pair not in code] == [16, 17, 18, 19, 20]
    assert sum(any(step.name == "Cutout" for step in pair) for pair in code) == 3


def test_the_last_five_of_the_imagenet_paper_repeat_earlier_ones():
    policy = SUBPOLICIES["imagenet"]
    assert policy[20:] == tuple(policy[number - 1] for number in (5, 2, 14, 15, 3))
    assert len(set(policy)) == 20

"""How often a policy draws what: from the hash, through the whole pipeline, to what each image is given to do.

Every check has a p-value and fails below FALSE_ALARM: a right sampler fails one of the 83 checks with a probability of
83 / 10**6 at most. Seeds are fixed, so that what passes keeps passing. The last tests show what would be noticed.
"""

import collections
import itertools

import numpy as np
import pytest
from scipy import stats

from sbn.augment import mixture, ops, policy_draws
from sbn.augment.host.apply import make_apply
from sbn.augment.host.arrays import pack
from sbn.augment.host.op_per_image import SLOT, OpPerImage
from sbn.augment.host.policy import PolicyTables
from sbn.augment.levels import argument
from sbn.augment.pipeline import parse
from sbn.augment.policies import AUGMIX_9, AUGMIX_13, OP_LISTS, SIGNED, SUBPOLICIES
from tests.oracles.image_ops import images, pillow_op

FALSE_ALARM = 1e-6
COUNT = 100_000


def p_value(found, shares):
    """Chi-square of counts against probabilities, cells of few expected counts thrown together."""
    found, expected = np.asarray(found, float), np.sum(found) * np.asarray(shares, float)
    assert np.sum(shares) == pytest.approx(1)
    rare = expected < 10
    if rare.any():
        found, expected = (np.append(x[~rare], x[rare].sum()) for x in (found, expected))
    possible = expected > 0
    assert not found[~possible].any()
    return stats.chisquare(found[possible], expected[possible]).pvalue


def independent(a, b):
    return stats.chi2_contingency(stats.contingency.crosstab(a, b).count).pvalue


def augment(text, count=COUNT, rgb=None):
    rgb = np.zeros((count, 2, 2, 3), np.uint8) if rgb is None else np.broadcast_to(rgb, (count, *rgb.shape))
    apply = make_apply(parse(text), image_size=rgb.shape[1:3])
    return apply(pack(rgb), seed=11, stage=0, epoch=4, ids=range(count), view=1)


@pytest.fixture
def recorded(monkeypatch):
    """A list that gets what every step of a policy is asked for: (entry of each image, its sign's draw)."""
    log = []

    def record(self, words, drawn, bits):
        log.append((drawn.numpy(), bits.numpy()[:, 0] >> 31))
        return words

    monkeypatch.setattr(PolicyTables, "__call__", record)
    return log


@pytest.mark.parametrize("op_list", OP_LISTS)
def test_randaugment_draws_every_op_alike_in_every_layer(op_list, recorded):
    augment(f"randaugment(2, 9, ops='{op_list}')")
    count = len(OP_LISTS[op_list])
    assert len(recorded) == 2
    for drawn, signs in recorded:
        assert p_value(np.bincount(drawn, minlength=count), np.full(count, 1 / count)) > FALSE_ALARM
        assert p_value(np.bincount(signs), [0.5, 0.5]) > FALSE_ALARM
        assert independent(drawn, signs) > FALSE_ALARM
    assert independent(recorded[0][0], recorded[1][0]) > FALSE_ALARM
    assert independent(recorded[0][1], recorded[1][1]) > FALSE_ALARM


def test_randaugments_frequencies_are_seen_in_the_images():
    (image,), names, count = images((12, 12), 30)[29:], OP_LISTS["tf_tpu_16"], 20_000
    assert len(np.unique(image)) > 100
    looks, shares = {}, collections.Counter()
    for name in names:
        signs = (1, -1) if name in SIGNED else (1,)
        for sign in signs if name != "Cutout" else ():
            value = argument(name, 9)
            looks[pillow_op(image, name, value and sign * value).tobytes()] = (name, sign)
            shares[name, sign] = 1 / len(names) / len(signs)
    assert len(looks) == len(shares) == 15 + 5
    shares["Cutout", 1] = 1 / len(names)
    words = augment("randaugment(1, 9)", count, image).numpy()
    shown = words.view(np.uint8).reshape(count, 12, 12, 4)[..., :3]
    found = collections.Counter(looks.get(result.tobytes(), ("Cutout", 1)) for result in shown)
    assert p_value([found[key] for key in shares], [*shares.values()]) > FALSE_ALARM


def pairs(policy, *, shift=0.0):
    """The probability of every pair of what two steps do, from the policy as it is written."""
    shares, table = collections.Counter(), SUBPOLICIES[policy]
    for pair in table:
        steps = []
        for name, probability, level in pair:
            probability = min(max(probability + shift, 0), 1)
            steps.append([((name, argument(name, level)), probability), (("Identity", None), 1 - probability)])
        for (first, p), (second, q) in itertools.product(*steps):
            shares[first, second] += p * q / len(table)
    return shares


@pytest.mark.parametrize("policy", SUBPOLICIES)
def test_autoaugment_draws_sub_policies_alike_and_applies_each_op_with_its_own_probability(policy, recorded):
    augment(f"autoaugment('{policy}')")
    table, _ = policy_draws.of_autoaugment(ops.AutoAugment(policy), (12, 12))
    found = collections.Counter(zip(recorded[0][0].tolist(), recorded[1][0].tolist(), strict=True))
    found = collections.Counter({(tuple(table[a]), tuple(table[b])): n for (a, b), n in found.items()})
    shares = pairs(policy)
    assert found.keys() <= shares.keys()
    assert p_value([found[key] for key in shares], [*shares.values()]) > FALSE_ALARM
    assert independent(recorded[0][1], recorded[1][1]) > FALSE_ALARM
    # two hundredths more or less in every probability would be noticed
    for shift in (-0.02, 0.02):
        moved = pairs(policy, shift=shift)
        keys = [key for key in moved if moved[key] > 0]
        counts = [found[key] for key in keys]
        assert stats.chisquare(counts, np.sum(counts) * np.array([moved[key] for key in keys])).pvalue < FALSE_ALARM


def test_trivialaugment_draws_every_op_at_every_level_alike(recorded):
    augment("trivialaugment")
    ((drawn, signs),) = recorded
    assert p_value(np.bincount(drawn, minlength=14 * 31), np.full(14 * 31, 1 / (14 * 31))) > FALSE_ALARM
    assert independent(drawn // 31, drawn % 31) > FALSE_ALARM
    assert independent(drawn // 31, signs) > FALSE_ALARM


@pytest.mark.parametrize(("text", "names"), [("augmix", AUGMIX_9), ("augmix(all_ops=True)", AUGMIX_13)])
def test_augmix_draws_depths_ops_and_levels_alike(text, names, monkeypatch):
    log = []

    def record(self, words, acts):
        log.append((acts.slot.numpy(), acts.value.numpy()))
        return words

    monkeypatch.setattr(OpPerImage, "__call__", record)
    augment(text, 40_000)
    slots, values = (np.stack(part, axis=1) for part in zip(*log, strict=True))  # (images * chains, 3)
    active = slots != SLOT["Identity"]
    assert np.all(active[:, 0])
    assert not np.any(active[:, 2] & ~active[:, 1])
    depth = active.sum(axis=1)
    assert p_value(np.bincount(depth)[1:], [1 / 3] * 3) > FALSE_ALARM
    for one, other in itertools.combinations(depth.reshape(-1, 3).T, 2):  # the chains of an image
        assert independent(one, other) > FALSE_ALARM
    alike = collections.Counter(SLOT[name] for name in names)  # both translations share a slot
    for step in range(3):
        drawn = np.bincount(slots[active[:, step], step], minlength=len(SLOT))
        assert p_value([drawn[slot] for slot in alike], [n / len(names) for n in alike.values()]) > FALSE_ALARM
        # the factor of the enhance ops, which all but Solarize carry along, tells the level
        told = active[:, step] & (slots[:, step] != SLOT["Solarize"])
        level = (values[told, step].astype(float) - 0.1) / 0.18
        assert stats.kstest((level - 0.1) / 2.9, "uniform").pvalue > FALSE_ALARM
    assert independent(slots[depth > 1, 0], slots[depth > 1, 1]) > FALSE_ALARM


@pytest.mark.parametrize(("width", "alpha"), [(3, 1), (4, 2)])
def test_augmix_mixes_by_dirichlet_and_beta(width, alpha, monkeypatch):
    log, weights = [], mixture.weights

    def record(*args, **kwargs):
        log.append(weights(*args, **kwargs))
        return log[-1]

    monkeypatch.setattr(mixture, "weights", record)
    augment(f"augmix(width={width}, alpha={alpha}, depth=1)", 20_000)
    chains = np.stack(log[0], axis=1) / mixture.ONE
    m = chains.sum(axis=1)
    # weights are counts of 2**-16, far finer than 20,000 samples resolve; shares of a tiny m would not be
    assert stats.kstest(m, stats.beta(alpha, alpha).cdf).pvalue > FALSE_ALARM
    share = chains[m > 0.1] / m[m > 0.1, None]
    for one in share.T:
        assert stats.kstest(one, stats.beta(alpha, alpha * (width - 1)).cdf).pvalue > FALSE_ALARM
    assert stats.spearmanr(m[m > 0.1], share[:, 0]).pvalue > FALSE_ALARM
    # what is left after one component is divided as if that one had never been
    one, rest = share[:, 1], share[:, 0] / (1 - share[:, 1])
    assert stats.kstest(rest[one < 0.9], stats.beta(alpha, alpha * (width - 2)).cdf).pvalue > FALSE_ALARM
    assert stats.spearmanr(one[one < 0.9], rest[one < 0.9]).pvalue > FALSE_ALARM
    assert stats.kstest(m, stats.beta(alpha, 1.1 * alpha).cdf).pvalue < FALSE_ALARM


def test_an_op_that_is_drawn_a_tenth_too_often_would_be_noticed(recorded):
    augment("randaugment(1, 9)")
    drawn = recorded[0][0].copy()
    others = np.flatnonzero(drawn == 3)
    drawn[others[: len(others) // 10]] = 7
    assert p_value(np.bincount(drawn, minlength=16), np.full(16, 1 / 16)) < FALSE_ALARM


def test_a_level_too_few_would_be_noticed(recorded):
    augment("trivialaugment")
    levels = recorded[0][0] % 31
    assert p_value(np.bincount(np.minimum(levels, 29), minlength=31), np.full(31, 1 / 31)) < FALSE_ALARM

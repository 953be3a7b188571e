"""Batches of examples of about one length: every example once an epoch at most, the same whenever asked for."""

import itertools

import numpy as np
import pytest

from sbn.config.errors import ConfigError
from sbn.data.batching import Buckets, Even

LENGTHS = np.random.default_rng(0).integers(1, 17, 300)


def buckets(**changes):
    return Buckets(LENGTHS, (4, 8, 16), features=["words"], **{"tokens": 64, "multiple": 2, **changes})


def test_a_batch_holds_examples_that_fit_its_width_and_as_many_as_its_tokens_allow():
    made = buckets().epoch(3, stage=0, epoch=0)
    assert {(planned.widths["words"], len(planned.ids)) for planned in made} == {(4, 16), (8, 8), (16, 4)}
    for planned in made:
        width = planned.widths["words"]
        assert (LENGTHS[planned.ids] <= width).all()
        assert (LENGTHS[planned.ids] > {4: 0, 8: 4, 16: 8}[width]).all()


def test_an_epoch_has_each_example_once_at_most_and_leaves_out_less_than_a_batch_of_each_bucket():
    own = buckets()
    for epoch in (0, 1):
        made = own.epoch(3, stage=0, epoch=epoch)
        ids = np.concatenate([planned.ids for planned in made])
        assert len(set(ids.tolist())) == len(ids) > len(LENGTHS) - (16 + 8 + 4)
        assert len(made) == own.steps_per_epoch
    assert own.never == 0


def test_examples_of_buckets_with_less_than_a_batch_are_counted():
    own = Buckets(np.repeat([3, 7, 9], [5, 8, 3]), (4, 8, 16), features=["words"], batch_size=4)
    assert own.never == 3
    assert own.steps_per_epoch == 1 + 2


def test_an_epoch_is_a_function_of_seed_stage_and_epoch_alone():
    def flat(seed, stage, epoch):
        return [planned.ids.tolist() for planned in buckets().epoch(seed, stage=stage, epoch=epoch)]

    assert flat(3, 0, 1) == flat(3, 0, 1)
    assert len({str(flat(*where)) for where in [(3, 0, 1), (3, 0, 0), (3, 1, 1), (4, 0, 1)]}) == 4


def test_every_epoch_puts_other_examples_together_and_brings_the_widths_in_another_order():
    where = [(3, 0, 1), (3, 0, 0), (3, 1, 1), (4, 0, 1)]
    epochs = [buckets().epoch(seed, stage=stage, epoch=epoch) for seed, stage, epoch in where]
    together = [{frozenset(planned.ids.tolist()) for planned in made} for made in epochs]
    orders = [tuple(planned.widths["words"] for planned in made) for made in epochs]
    assert all(len(one & other) < len(one) / 4 for one, other in itertools.combinations(together, 2))
    assert len({*orders}) == 4


def test_widths_come_in_an_order_that_mixes_them():
    widths = [planned.widths["words"] for planned in buckets().epoch(3, stage=0, epoch=0)]
    changes = sum(before != after for before, after in itertools.pairwise(widths))
    assert changes > len(widths) / 4  # in the order of the buckets there would be two


def test_evaluation_has_every_example_once_in_batches_of_the_bucket_size():
    made = list(buckets().once())
    assert sorted(np.concatenate([planned.ids for planned in made]).tolist()) == list(range(300))
    assert all(planned.size == 64 // planned.widths["words"] >= len(planned.ids) for planned in made)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tokens": 16}, "16 tokens: a batch of width 16 would hold 0 examples, no multiple of 2"),
        (
            {"tokens": None, "batch_size": 3},
            "a batch of width 4 would hold 3 examples, no multiple of 2",
        ),
        ({"batch_size": 4}, "buckets need either batch_size or tokens"),
    ],
)
def test_batches_that_can_not_be_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        buckets(**changes)


def test_an_example_longer_than_all_buckets_is_named():
    with pytest.raises(ConfigError, match=r"example 1 has the length 9, and the widest bucket 8"):
        Buckets(np.array([3, 9]), (4, 8), features=["words"], batch_size=2)
    with pytest.raises(ConfigError, match=r"must increase, from 1 or more, not \[8, 4\]"):
        Buckets(np.array([3]), (8, 4), features=["words"], batch_size=2)


def test_even_batches_are_the_order_of_an_epoch_cut_up():
    from sbn.augment import draws

    made = Even(25, 8).epoch(3, stage=1, epoch=2)
    expected = draws.order(3, stage=1, epoch=2, count=25)[:24].reshape(3, 8)
    np.testing.assert_array_equal([planned.ids for planned in made], expected)

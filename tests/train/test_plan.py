"""Everything periodic is due when it should be, and stages follow one another."""

import pytest

from sbn.config.errors import ConfigError
from sbn.train.plan import Every, make_plan


@pytest.mark.parametrize(
    ("every", "due"),
    [
        (Every(3, (10,)), [3, 6, 9, 10]),
        (Every(0, (10,)), [10]),
        (Every(0, (4, 10)), [4, 10]),
        (Every(20, (10,)), [10]),
        (Every(5, (10,)), [5, 10]),
    ],
)
def test_every(every, due):
    assert [step for step in range(1, 11) if every.due(step)] == due


def test_the_papers_run_has_78000_steps(tiny):
    plan = make_plan(tiny({"duration": "200 epochs", "batch_size": 128}), examples=50_000)
    assert (plan.steps_per_epoch, plan.total) == (390, 78_000)


def test_stages_follow_one_another_without_gaps(tiny):
    config = tiny(
        {"stages": ("a", "b"), "stage.a.duration": "2 epochs", "stage.b.duration": "3 steps", "save.every": "0 steps"}
    )
    plan = make_plan(config, examples=40)
    assert [(stage.name, stage.index, stage.start, stage.stop) for stage in plan.stages] == [
        ("a", 0, 0, 10),
        ("b", 1, 10, 13),
    ]
    assert [step for step in range(14) if plan.save.due(step)] == [10, 13]


def test_fewer_examples_than_a_batch_are_refused(tiny):
    with pytest.raises(ConfigError, match="batch_size = 8 is more than the 7"):
        make_plan(tiny(), examples=7)

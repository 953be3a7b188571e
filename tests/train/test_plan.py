"""Everything periodic is due when it should be, and stages follow one another."""

import pytest

from sbn.config.errors import ConfigError
from sbn.train.plan import Before, Every, make_plan


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


def test_the_last_epochs_of_every_stage_are_evaluated(tiny):
    config = tiny(
        {
            "stages": ("a", "b"),
            "stage.a.duration": "4 epochs",
            "stage.b.duration": "7 steps",
            "eval.every": "0 steps",
            "eval.last_epochs": 3,
            "eval.evals": ("accuracy", "losses"),
        }
    )
    plan = make_plan(config, examples=40)  # 5 steps an epoch; stages end after steps 20 and 27
    assert [step for step in range(28) if plan.evals["accuracy"].due(step)] == [10, 15, 20, 22, 27]
    assert [step for step in range(28) if plan.evals["losses"].due(step)] == [20, 27]


def test_a_run_that_goes_on_from_another_counts_its_steps_and_stages_on(tiny):
    config = tiny({"stages": ("a", "b"), "duration": "2 epochs", "eval.every": "0 steps"})
    plan = make_plan(config, examples=40, before=Before(steps=7, stages=1))
    assert [(stage.name, stage.index, stage.start, stage.stop) for stage in plan.stages] == [
        ("a", 1, 7, 17),
        ("b", 2, 17, 27),
    ]
    assert plan.total == 27


@pytest.mark.parametrize(
    ("span", "boundaries", "fits"),
    [
        ("stage", ("5 steps",), True),
        ("stage", ("15 steps",), False),
        ("run", ("15 steps",), True),
        ("run", ("20 steps",), False),
        ("run", ("15 steps", "5 steps"), False),
    ],
)
def test_boundaries_lie_within_what_the_schedule_spans(tiny, span, boundaries, fits):
    changes = {"stages": ("a", "b"), "duration": "2 epochs", "schedule.kind": "step"}
    config = tiny({**changes, "schedule.span": span, "schedule.boundaries": boundaries})
    if fits:
        make_plan(config, examples=40)
        return
    with pytest.raises(ConfigError, match=r"schedule\.boundaries"):
        make_plan(config, examples=40)


@pytest.mark.parametrize("duration", ["1e9 epochs", "1e15 steps", "3e9 steps"])
def test_more_steps_than_are_counted_are_refused_with_how_many_there_would_be(tiny, duration):
    with pytest.raises(ConfigError, match=r"duration = .* of stage 'train' ends after \S+e\+\d+ steps"):
        make_plan(tiny({"duration": duration}), examples=40)

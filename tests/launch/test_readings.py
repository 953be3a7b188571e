"""Sweeps of rows in other readings: which jobs they are, in which folders, and what a slip is told."""

import pytest

from launch.plan import make_jobs, select
from sbn.config.errors import ConfigError

BN, CN = "table1/resnet32_transformed_bn", "table1/resnet32_transformed_cn"


def names(*selections, sets=(), seeds=(0,)):
    return [job.name for job in make_jobs(selections, seeds=list(seeds), sets=list(sets), root="r")]


def test_readings_times_seeds_times_overrides():
    jobs = make_jobs([f"consistent:{BN}@sequential"], seeds=[0, 1], sets=["optim.lr=0.1,0.05"], root="r")
    assert [job.name for job in jobs] == [
        f"consistent/{BN}@sequential/seed0",
        f"consistent/{BN}@sequential/seed1",
        f"consistent/{BN}@sequential/optim.lr=0.05/seed0",
        f"consistent/{BN}@sequential/optim.lr=0.05/seed1",
    ]
    assert all(job.config["norm"]["sequential"] for job in jobs)
    assert f"--config=experiments/consistent.py:{BN}@sequential" in jobs[0].words


def test_a_reading_that_the_row_takes_is_the_row_itself():
    assert names(f"consistent:{BN}@one_batch", f"consistent:{BN}") == [f"consistent/{BN}/seed0"]


def test_a_reading_written_as_overrides_is_that_readings_job():
    by_hand = names(f"consistent:{BN}", sets=["norm.sequential=True,False"])
    assert by_hand == [f"consistent/{BN}@sequential/seed0", f"consistent/{BN}/seed0"]
    with pytest.raises(ConfigError, match=r"norm.sequential=False contradicts the reading .*write .*@one_batch"):
        names(f"consistent:{BN}@sequential", sets=["norm.sequential=False"])


def test_of_a_pattern_of_rows_those_that_have_the_reading_are_chosen():
    assert {row for _, row in select("consistent:table1@sequential")} == {
        f"table1/resnet{depth}_transformed_bn@sequential" for depth in (32, 110)
    }
    every = [row.partition("@")[2] for _, row in select(f"consistent:{BN}@*")]
    assert every == ["", "mean_border", "whole_batch", "sequential"]
    assert [row for _, row in select("consistent:table1/*32*@sequential+whole_batch")] == [
        f"{BN}@whole_batch+sequential"
    ]


def test_what_shows_runs_chooses_them_in_the_reading_and_what_goes_on_from_one_plans_it():
    assert [row for _, row in select("consistent:figure1/resnet32_transformed_bn@sequential")] == [f"{BN}@sequential"]
    first, second = make_jobs(["refine:refine_epochs/autoaugment_5@pytorch"], seeds=[2], root="r")
    assert first.row == "table1/preactresnet18_cifar100_autoaugment@pytorch"
    assert second.row == "refine_epochs/autoaugment_5@pytorch"
    assert second.needs == {"init.from": first.workdir}
    assert "levels='pytorch'" in first.config["views"]["main"]["augment"]


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        (f"consistent:{BN}@seqential", "unknown reading of the rows that match 'seqential'; did you mean 'sequential'"),
        ("consistent:table1@pytorch", "unknown reading of the rows that match 'pytorch'"),
        (f"consistent:{CN}@sequential", "unknown reading of the rows that match 'sequential'"),
        (f"consistent:{BN}@", "unknown reading of the rows that match ''"),
        (f"consistent:{BN}@sequential+one_batch", "'sequential' and 'one_batch' are two readings of one choice"),
        ("split_bn:table1/gaussian@fixed_0.2+uniform_0.2", "are two readings of one choice"),
        ("split_bn:table2/cifar100_wrn28_2_randaugment@14_ops+2_ops", "both change views.main.augment"),
    ],
)
def test_a_slip_in_a_reading_is_told_before_anything_runs(selection, message):
    with pytest.raises(ConfigError) as error:
        make_jobs([selection], seeds=[0], root="r")
    assert message in str(error.value)

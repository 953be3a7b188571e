"""Rows, seeds and overrides become jobs; the same ones always the same jobs."""

import json
import subprocess
import sys

import pytest

from launch.plan import folder_name, make_jobs, parse_seeds, select
from sbn.config import command_line, rows
from sbn.config.errors import ConfigError
from sbn.config.schema import NEUTRAL
from tests.conftest import ROOT


def test_every_row_runs_with_every_override_and_every_seed():
    jobs = make_jobs(["split_bn:table3"], seeds=[0, 1], sets=["optim.lr=0.2,0.05", "model.width=1"], root="runs")
    names = list(rows.load_experiment(ROOT / "experiments/split_bn.py").tables["table3"].rows)
    assert [(job.row, dict(job.overrides), job.seed) for job in jobs] == [
        (f"table3/{name}", {"optim.lr": rate, "model.width": 1}, seed)
        for name in names
        for rate in (0.2, 0.05)
        for seed in (0, 1)
    ]
    assert str(jobs[0].workdir) == "runs/split_bn/table3/baseline/model.width=1,optim.lr=0.2/seed0"
    assert jobs[0].name == "split_bn/table3/baseline/model.width=1,optim.lr=0.2/seed0"


def test_a_jobs_command_line_makes_its_config():
    for job in make_jobs(["split_bn:table[24]/*"], seeds=[7], sets=["eval.mix=(0.25, 0.5)", "data.dir=a b"], root="r"):
        _, dotted = command_line.split(job.words)
        (config,) = (word.removeprefix("--config=") for word in job.words if word.startswith("--config="))
        request = command_line.request(config, dotted)
        assert request.row == job.row
        assert request.overrides == job.overrides
        assert json.loads(json.dumps(request.config.to_dict())) == job.config
        assert request.config.eval.mix == (0.25, 0.5)
        assert request.config.seed == 7


def test_an_override_that_repeats_the_row_is_the_rows_own_job():
    (plain,) = make_jobs(["split_bn:table3/baseline"], seeds=[0], root="r")
    (same,) = make_jobs(["split_bn:table3/baseline"], seeds=[0], sets=["optim.lr=0.1"], root="r")
    assert same == plain
    assert not same.overrides


def test_selections_overlap_without_doubling():
    one = make_jobs(["split_bn:table3/baseline"], seeds=[0], root="r")
    both = make_jobs(["split_bn:table3", "split_bn:table3/baseline"], seeds=[0], root="r")
    assert one[0] in both
    assert len(both) == len({job.workdir for job in both}) == 7


def test_patterns_choose_tables_and_rows():
    everything = {row for _, row in select("split_bn")}
    assert {row for _, row in select("split_bn:table3")} == {row for row in everything if row.startswith("table3/")}
    assert {row for _, row in select("experiments/split_bn.py:table[13]/randaugment")} == {
        "table1/randaugment",
        "table3/randaugment",
    }
    assert "base" not in everything


def test_rows_that_show_other_runs_choose_those_and_what_can_not_run_is_left_out():
    chosen = [row for _, row in select("split_bn:table5")]
    networks = ("cifar10_wrn28_2", "cifar10_wrn28_10", "imagenet")
    assert chosen == [f"table2/{n}_{m}" for n in networks for m in ("standard", "randaugment", "weak_augment")]
    assert [row for _, row in select("split_bn:figure3/cifar10_wrn28_2")] == ["table2/cifar10_wrn28_2_weak_augment"]
    with pytest.raises(ConfigError, match="table6/bn can't be run yet: it waits for segmentation"):
        select("consistent:table6/*")


COURSE = {"eval.evals": ("accuracy", "losses"), "eval.long_every": "1 epochs"}


def test_a_row_that_shows_a_course_has_its_runs_measure_it_and_they_stay_the_rows_own():
    jobs = make_jobs(["refine:figure1"], seeds=[0], root="r")
    assert [job.row for job in jobs] == [f"table1/preactresnet18_cifar100_{name}" for name in ("mixup", "autoaugment")]
    for job in jobs:
        assert job.overrides == COURSE
        assert job.config["eval"]["long_every"] == "1 epochs"
        assert job.config["eval"]["evals"] == ["accuracy", "losses"]
        assert NEUTRAL.issuperset(job.overrides)  # the report takes it for the row's own run
    (own,) = make_jobs(["refine:figure1/mixup"], seeds=[0], sets=["eval.long_every=5 epochs"], root="r")
    assert own.overrides == {**COURSE, "eval.long_every": "5 epochs"}


def test_a_run_that_another_row_needs_too_is_trained_once_with_the_course():
    jobs = make_jobs(["refine:table1", "refine:no_augmentation/mixup", "refine:figure1/mixup"], seeds=[0], root="r")
    (first,) = [job for job in jobs if job.row == "table1/preactresnet18_cifar100_mixup"]
    (again,) = [job for job in jobs if job.row == "no_augmentation/mixup"]
    assert first.overrides == COURSE
    assert again.needs == {"init.from": first.workdir}
    assert not any(job.overrides for job in jobs if job is not first)


def test_folders_tell_overrides_apart():
    assert folder_name({"b": 1, "a": 2}) == folder_name({"a": 2, "b": 1}) == "a=2,b=1"
    weird = [{"x": "crop(4)|flip"}, {"x": "crop(4)_flip"}, {"x": "crop[4]|flip"}, {"x": "y" * 200}, {"x": "y" * 201}]
    names = [folder_name(overrides) for overrides in weird]
    assert len(set(names)) == len(names)
    assert all(len(name) < 100 and "/" not in name and "|" not in name for name in names)


def test_seeds():
    assert parse_seeds("0:10") == list(range(10))
    assert parse_seeds("3") == [3]
    assert parse_seeds("0,2,5:8,2") == [0, 2, 5, 6, 7]


@pytest.mark.parametrize("text", ["", "a", "3:", "-1", "0:2:4", "5:5", "1.5"])
def test_what_is_no_list_of_seeds_is_refused(text):
    with pytest.raises(ConfigError, match="--seeds="):
        parse_seeds(text)


@pytest.mark.parametrize(
    ("selection", "sets", "words"),
    [
        ("split_bm", [], ["unknown experiment", "did you mean 'split_bn'"]),
        ("split_bn:tabel3", [], ["unknown table or row of split_bn", "did you mean 'table3'"]),
        ("split_bn:table3/basline", [], ["did you mean 'table3/baseline'"]),
        ("split_bn:table3", ["optim.lrr=1"], ["'optim.lrr'", "did you mean 'optim.lr'"]),
        ("split_bn:table3", ["optim.lr=fast"], ["optim.lr = 'fast'", "finite number"]),
        ("split_bn:table3", ["optim.lr"], ["key=value"]),
        ("split_bn:table3", ["seed=1,2"], ["--seeds"]),
        ("split_bn:table3", ["optim.lr=1", "optim.lr=2"], ["given twice"]),
        ("split_bn:table3", ["norm.group_size=7"], ["does not divide"]),
    ],
)
def test_mistakes_are_found_before_anything_runs(selection, sets, words):
    with pytest.raises(ConfigError) as caught:
        make_jobs([selection], seeds=[0], sets=sets, root="r")
    assert all(word in str(caught.value) for word in words), caught.value


def test_planning_loads_neither_jax_nor_tensorflow():
    code = (
        "import sys; from launch import status, sweep; import launch.engines.local;"
        "sys.exit(' '.join({'jax', 'tensorflow', 'flax'} & set(sys.modules)) or 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0

"""Rows, seeds and overrides become jobs; the same ones always the same jobs."""

import collections
import json
import subprocess
import sys

import pytest

from launch import pipelines, plan, state, summary, sweep
from launch.engines import Settings, check_on_disk, load
from launch.engines.sbatch import check_options
from launch.plan import folder_name, make_jobs, parse_seeds, remarks, select
from sbn.augment import pipeline
from sbn.config import command_line, rows, tree
from sbn.config.errors import ConfigError
from sbn.config.schema import NEUTRAL
from sbn.runs import files
from tests.conftest import ROOT
from tests.launch.results import result_of


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
    assert {row for _, row in select("experiments/split_bn.py:table[13]/*flip")} == {"table1/flip"}
    # what shows the runs of another row chooses that one
    assert {row for _, row in select("experiments/split_bn.py:table[13]/randaugment")} == {
        "table3/two_randaugment_split",
        "table3/randaugment",
    }
    assert "base" not in everything


def test_rows_that_show_other_runs_choose_those_and_what_can_not_run_is_left_out(waiting):
    chosen = [row for _, row in select("split_bn:table5")]
    methods = ("standard", "randaugment", "weak_augment")
    small = ["table2/cifar10_wrn28_2_standard", *(f"table3/{method}" for method in methods[1:])]
    assert chosen == small + [f"table2/{n}_{m}" for n in ("cifar10_wrn28_10", "imagenet") for m in methods]
    assert [row for _, row in select("split_bn:figure3/cifar10_wrn28_2")] == ["table3/weak_augment"]
    with pytest.raises(ConfigError, match="sight/left can't be run yet: it waits for an eye"):
        select(f"{waiting}:sight/left")


def test_rows_that_no_job_is_called_after_are_told(waiting):
    """Those that wait, though others of the selection can run; and those that show runs of rows not chosen."""
    waits = remarks([str(waiting)])
    assert waits == ["waits:sight: left, both: left out, waiting for an eye"]
    assert remarks([f"{waiting}:sight", "refine:table1"]) == waits
    shown = "table3/weak_augment, table2/cifar10_wrn28_10_weak_augment, table2/imagenet_weak_augment"
    assert remarks(["split_bn:figure3"]) == [f"split_bn:figure3 shows runs of {shown}"]
    assert remarks(["split_bn:figure3", "split_bn:table2", "split_bn:table3"]) == remarks(["split_bn:table3"]) == []


COURSE = {"eval.evals": ("accuracy", "losses"), "eval.losses.every": "1 epochs"}


def test_a_row_that_shows_a_course_has_its_runs_measure_it_and_they_stay_the_rows_own():
    jobs = make_jobs(["refine:figure1"], seeds=[0], root="r")
    assert [job.row for job in jobs] == [f"table1/preactresnet18_cifar100_{name}" for name in ("mixup", "autoaugment")]
    for job in jobs:
        assert job.overrides == COURSE
        assert job.config["eval"]["losses"]["every"] == "1 epochs"
        assert job.config["eval"]["evals"] == ["accuracy", "losses"]
        assert NEUTRAL.issuperset(job.overrides)  # the report takes it for the row's own run
    (own,) = make_jobs(["refine:figure1/mixup"], seeds=[0], sets=["eval.losses.every=5 epochs"], root="r")
    assert own.overrides == {**COURSE, "eval.losses.every": "5 epochs"}


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


MOVED = ["data.archive=/elsewhere.npz", "save.every=1 epochs", "data.path=device"]


def test_where_data_lie_makes_no_other_run(tmp_path):
    """What changes no run changes no folder's name; what is learned or measured does."""
    plain = make_jobs(["split_bn:table3/baseline"], seeds=[0, 1], root=tmp_path)
    moved = make_jobs(["split_bn:table3/baseline"], seeds=[0, 1], sets=MOVED, root=tmp_path)
    assert [job.workdir for job in moved] == [job.workdir for job in plain]
    assert [job.name for job in moved] == [job.name for job in plain]
    assert moved[0].overrides["data.archive"] == moved[0].config["data"]["archive"] == "/elsewhere.npz"
    assert "--config.data.archive=/elsewhere.npz" in moved[0].words
    (other,) = make_jobs(["split_bn:table3/baseline"], seeds=[0], sets=[*MOVED, "optim.lr=0.3"], root=tmp_path)
    assert other.name == "split_bn/table3/baseline/optim.lr=0.3/seed0"
    (measured,) = make_jobs(["split_bn:table3/baseline"], seeds=[0], sets=["eval.every=1 epochs"], root=tmp_path)
    assert measured.workdir != plain[0].workdir


def test_folders_that_were_named_after_all_overrides_are_gone_on_with(tmp_path):
    sets = ["data.path=device", "optim.lr=0.3"]
    older = tmp_path / "split_bn/table3/baseline/data.path=device,optim.lr=0.3"
    (older / "seed0").mkdir(parents=True)
    jobs = make_jobs(["split_bn:table3/baseline"], seeds=[0, 1], sets=sets, root=tmp_path)
    assert [str(job.workdir) for job in jobs] == [f"{older}/seed{seed}" for seed in (0, 1)]
    assert jobs[0].name == "split_bn/table3/baseline/data.path=device,optim.lr=0.3/seed0"


def test_two_values_of_what_makes_no_other_run_are_refused():
    with pytest.raises(ConfigError, match=r"--set data\.path=host,device: runs that differ only in data.path"):
        make_jobs(["split_bn:table3/baseline"], seeds=[0], sets=["data.path=host,device"], root="r")


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
        ("refine:table1", ["duration=200 epochs"], ["schedule.boundaries = ('150 epochs', '275 epochs') must", "200"]),
        ("split_bn:table3", ["optim.lrr=1"], ["'optim.lrr'", "did you mean 'optim.lr'"]),
        ("split_bn:table3", ["optim.lr=fast"], ["optim.lr = 'fast'", "finite number"]),
        ("split_bn:table3", ["optim.lr"], ["key=value"]),
        ("split_bn:table3", ["seed=1,2"], ["--seeds"]),
        ("split_bn:table3", ["optim.lr=1", "optim.lr=2"], ["given twice"]),
        ("split_bn:table3", ["norm.group_size=7"], ["does not divide"]),
        (
            "split_bn:table3/weak_augment",
            ["views.aux.augment=randaugmet(3,4)"],
            ["views.aux.augment = 'randaugmet(3,4)'", "did you mean 'randaugment'"],
        ),
        ("split_bn:table3/weak_augment", ["views.main.augment='crop(4)|flip'"], ["unknown op"]),  # the shell's quotes
        ("split_bn:table3/weak_augment", ["views.main.augment=crop(40)|flip"], ["crop(pad) is 40", "32 x 32"]),
        ("split_bn:table3/weak_augment", ["views.axu.augment=flip"], ["unknown view 'axu'", "did you mean 'aux'"]),
        ("split_bn:table2/imagenet_standard", ["views.main.augment=flip"], ["differ in size"]),
        ("refine:*/mixup_100", ["stage.refine.views.main.augment=crop(4)|flop"], ["stage.refine.views", "'flip'"]),
        ("split_bn:table3", ["model.depth=27"], ["depth 27", "the nearest is 28"]),
        ("split_bn:table3", ["eval.augment=flip"], ["eval.augment = 'flip'", "flip is random"]),
        ("split_bn:table3", ["eval.diversity.pipelines=flip,blurr"], ["eval.diversity.pipelines = 'blurr'", "'blur'"]),
        ("split_bn:table3", ["data.archive=/nowhere/c.npz"], ["data.archive = '/nowhere/c.npz' does not exist"]),
        ("split_bn:table3", ["data.dir=/nowhere"], ["data.dir = '/nowhere' does not exist"]),
    ],
)
def test_mistakes_are_found_before_anything_runs(selection, sets, words, capsys, tmp_path):
    flags = [f"--set={text}" for text in sets]
    with pytest.raises(SystemExit) as ended:
        sweep.main([f"--experiment={selection}", *flags, f"--root={tmp_path}", "--dry_run"])
    said = capsys.readouterr()
    assert (ended.value.code, said.out) == (2, "")
    assert said.err.count("\n") == 1
    assert all(word in said.err for word in words), said.err


@pytest.mark.parametrize("engine", ["local", "slurm"])
def test_a_bucket_is_no_folder_of_this_machine(engine):
    """pathlib would make a folder called gs: here."""
    jobs = make_jobs(["quickstart"], seeds=[0], root="gs://bucket/runs")
    with pytest.raises(ConfigError, match=f"gs://bucket/runs/.* is in a bucket: --engine={engine} needs"):
        check_on_disk(jobs, engine=engine)
    check_on_disk(jobs, engine="sky")


def test_options_of_sbatch_are_known_where_there_is_none():
    check_options(["partition", "gpus_per_node", "mail-user"])
    with pytest.raises(ConfigError, match="option of sbatch in --engine_set 'partiton'; did you mean 'partition'"):
        check_options(["partition", "partiton"])


def test_a_slip_in_an_option_of_slurm_makes_no_engine():
    pytest.importorskip("submitit")
    with pytest.raises(ConfigError, match="did you mean 'partition'"):
        load("slurm", Settings(extra={"partiton": "gpu"}))


ALL = ["split_bn", "refine", "consistent"]


def test_everything_is_planned_and_looked_at_with_little_work(tmp_path, monkeypatch):
    """Counted, not timed: seeds share the work of their row, pipelines that of all rows, and a job is few files."""
    counted = collections.Counter()

    def counting(module, name):
        real = getattr(module, name)

        def count(*arguments, **keywords):
            counted[name] += 1
            return real(*arguments, **keywords)

        monkeypatch.setattr(module, name, count)

    pipelines._once.cache_clear()
    for module, name in ((plan, "check"), (tree, "to_config"), (pipeline, "parse"), (files, "read")):
        counting(module, name)
    jobs = plan.make_jobs(ALL, seeds=range(10), root=tmp_path)
    rows_planned = sum(job.seed == 0 for job in jobs)
    assert len(jobs) == 10 * rows_planned > 1500
    assert counted["check"] < 1.5 * rows_planned  # what several rows need is planned for each
    assert counted["to_config"] < 6.5 * rows_planned
    texts = {view["augment"] for job in jobs for view in job.config["views"].values()}
    assert counted["parse"] < 3 * len(texts) < rows_planned

    made = jobs[:: len(jobs) // 100]
    for job in made:
        job.workdir.mkdir(parents=True)
        (job.workdir / "result.json").write_text(json.dumps(result_of(job)))
    counted.clear()
    looked = [state.look(job) for job in jobs]
    assert sum(one.kind == "done" for one in looked) == len(made)
    assert counted["read"] <= len(made) + 3 * (len(jobs) - len(made))  # result, job and progress
    assert counted["to_config"] == 0

    counted.clear()
    assert len(summary.by_row(jobs, looked)) == rows_planned
    assert "time left: about" in summary.time_left(jobs, looked, parallel=4)
    assert counted["read"] < rows_planned


def test_planning_loads_neither_jax_nor_tensorflow():
    code = (
        "import sys; from launch import status, sweep; import launch.engines.local;"
        "sys.exit(' '.join({'jax', 'tensorflow', 'flax'} & set(sys.modules)) or 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize("name", ["svhn_cropped", "folder:insects", "mine.npz", "mine:make"])
def test_jobs_on_data_of_ones_own_are_planned_before_their_images_are_known(name, tmp_path):
    (job,) = plan.make_jobs(["split_bn:table3/weak_augment"], seeds=[0], sets=[f"data.name={name}"], root=str(tmp_path))
    assert job.overrides["data.name"] == name

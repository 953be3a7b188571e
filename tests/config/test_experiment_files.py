"""Experiments files anywhere: the package's own are its own, users' ones are executed where they are named."""

import pathlib
import subprocess
import sys

import pytest

from launch import plan
from sbn import list as listing
from sbn.config import command_line, experiment_files, imported
from sbn.config.errors import ConfigError
from sbn.config.rows import load_experiment

ROOT = pathlib.Path(__file__).parents[2]
MINE = """
from sbn.config.rows import Row, Table
BASE = {"optim.name": "adamw", "optim.lr": 1e-3, "data.name": "shapes"}
TABLES = {"mine": Table("My table", {"small": Row({"model.width": 1}), "large": Row({"model.width": 4})})}
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(MINE)
    return "mine.py"


def test_a_file_outside_the_package_is_listed_trained_and_swept(mine):
    assert listing.describe(f"{mine}:mine/small")[-1].strip().startswith("mine/small")
    made = command_line.request(f"{mine}:mine/large,seed=2", {})
    assert (made.experiment, made.row, made.config.model.width, made.config.optim.name) == (
        "mine",
        "mine/large",
        4,
        "adamw",
    )
    jobs = plan.make_jobs([f"{mine}:mine"], seeds=[0, 1], root="runs")
    assert [job.name for job in jobs] == [
        f"mine/mine/{row}/seed{seed}" for row in ("small", "large") for seed in (0, 1)
    ]
    assert f"--config={mine}:mine/small" in jobs[0].words
    (name,) = (name for name in imported.loaded() if "mine.py" in name)
    assert imported.loaded()[name]["sha256"]


def test_a_file_may_import_what_lies_beside_it(mine, tmp_path):
    (tmp_path / "parts_of_mine.py").write_text("WIDTH = 7\n")
    (tmp_path / "other.py").write_text("from parts_of_mine import WIDTH\n" + MINE.replace("4", "WIDTH"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        assert load_experiment(tmp_path / "other.py").tables["mine"].rows["large"].changes == {"model.width": 7}


def test_a_folder_experiments_here_hides_nothing_and_is_not_executed(tmp_path):
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments/split_bn.py").write_text("raise SystemExit('executed')")
    (tmp_path / "experiments/own.py").write_text("raise SystemExit('executed')")
    words = [sys.executable, "-m", "sbn.list", "split_bn:table3"]
    done = subprocess.run(words, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert done.returncode == 0
    assert "table3/weak_augment" in done.stdout


def test_the_packages_files_are_found_by_name_and_by_path_from_anywhere(mine):
    for name in ("split_bn", "experiments/split_bn.py"):
        assert experiment_files.experiment_file(name).resolve() == ROOT / "experiments/split_bn.py"
    with pytest.raises(ConfigError, match=r"unknown experiment 'mine'.*write mine\.py"):
        experiment_files.experiment_file("mine")


def test_a_file_with_the_name_of_one_of_the_packages_is_refused(mine, tmp_path):
    (tmp_path / "split_bn.py").write_text(MINE)
    with pytest.raises(ConfigError, match="call it something else"):
        load_experiment("split_bn.py")
    (tmp_path / "split_bn.py").write_bytes((ROOT / "experiments/split_bn.py").read_bytes())  # a copy is the same
    assert "table3" in load_experiment("split_bn.py").tables


def test_two_files_of_one_name_do_not_share_a_sweep(mine, tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b/mine.py").write_text(MINE)
    with pytest.raises(ConfigError, match=r"mine\.py and b/mine\.py have one name"):
        plan.make_jobs(["mine.py:mine", "b/mine.py:mine"], seeds=[0], root="runs")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = undefined", ["line 1", "NameError", "undefined"]),
        ("import not_a_module", ["line 1", "not_a_module"]),
        ("x = 1\nx = 1 +", ["line 2", "not Python"]),
        ("import sys\nsys.exit(3)", ["sys.exit"]),
        ("x = 1", ["BASE", "TABLES"]),
        ("BASE, TABLES = [], {}", ["BASE", "list", "dict"]),
        ("BASE, TABLES = {}, {'a': {}}", ["TABLES['a']", "dict", "a Table"]),
        (MINE.replace('Row({"model.width": 4})', "{}"), ["'large'", "dict", "a Row"]),
        (MINE.replace('{"model.width": 4}', "[1]"), ["mine/large", "list", "a dict"]),
        (MINE.replace('{"model.width": 4}', "{}, paper=3"), ["mine/large", "int", "a tuple"]),
        (MINE.replace('"large"', '"a/b"'), ["'a/b'", "not a valid name"]),
        (MINE.replace('{"model.width": 4}', "{}, runs_of='mine/smal'"), ["mine/smal", "did you mean 'mine/small'"]),
        (MINE.replace('{"model.width": 4}', "{}, pper=3"), ["line 4", "pper"]),
        ("\0", ["mine.py"]),
    ],
)
def test_mistakes_in_a_file_are_one_line_that_says_where(mine, tmp_path, text, words):
    (tmp_path / mine).write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_experiment(mine)
    assert "\n" not in str(caught.value)
    for word in ("mine.py", *words):
        assert word in str(caught.value)


def test_a_wrong_key_of_a_file_is_told_with_the_file_and_the_row(mine, tmp_path):
    (tmp_path / mine).write_text(MINE.replace('model.width": 4', 'model.widht": 4'))
    with pytest.raises(ConfigError, match=r"mine\.py, mine/large: unknown config key 'model\.widht'; did you mean"):
        command_line.request(f"{mine}:mine/large", {})


@pytest.mark.parametrize("text", ["-1", "0:9999999999", "9" * 300, "4294967296", "0:100000", "²"])
def test_seeds_of_a_sweep_are_bounded_in_one_line(text):
    with pytest.raises(ConfigError, match="--seeds") as caught:
        plan.parse_seeds(text)
    assert len(str(caught.value)) < 150

"""The README's commands, and those of two pages, work as they stand: only data, network and length are made small."""

import os
import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT

README = (ROOT / "README.md").read_text()
PAGES = "".join((ROOT / "docs" / name).read_text() for name in ("augment.md", "refine.md"))
COMMANDS = dict(re.findall(r"<!-- command: (\w+) -->\n```bash\n(.*?)```", README + PAGES, re.DOTALL))
SMALL = {
    "data.name": "shapes",
    "data.train_examples": 16,
    "data.test_examples": 8,
    "model.depth": 10,
    "model.width": 1,
    "batch_size": 8,
    "duration": "2 steps",
    "eval.batch_size": 8,
    "log.tensorboard": False,
}
SET_UP = "python3 -m venv .venv && .venv/bin/pip install -q -e "


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    """Runs a command in a folder like the checkout, where `sbn` is this checkout's and training is small."""
    folder = tmp_path_factory.mktemp("checkout")
    (folder / "experiments").symlink_to(ROOT / "experiments")
    flags = " ".join(f"'--config.{name}={value}'" for name, value in SMALL.items())
    device = "--config.data.path=device"  # one row is trained as it stands: the others need not load TensorFlow
    # the stage that refines another row's run has a duration of its own
    lasting = " ".join(f"'--config.{name}={value}'" for name, value in SMALL.items() if name != "duration")
    (folder / ".venv/bin").mkdir(parents=True)
    command = folder / ".venv/bin/sbn"
    command.write_text(
        f'#!/bin/sh\ncase "$*" in *:no_augmentation*) set -- "$@" {lasting} {device};;\n'
        f'train*runs/weak_augment*) set -- "$@" {flags};;\n'
        f'train*|quickstart*) set -- "$@" {flags} {device};; esac\nexec {sys.executable} -m sbn "$@"\n'
    )
    command.chmod(0o755)
    environment = {**os.environ, "PATH": f"{command.parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}

    def run(command):
        done = subprocess.run(
            ["bash", "-euc", command], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run.folder = folder
    return run


def test_every_command_block_is_tested():
    assert COMMANDS.keys() == {"quickstart", "tests", "row", "override", "show", "refine", "sweep"}
    assert (README + PAGES).count("```bash") == len(COMMANDS)


def test_it_can_be_read_in_one_go():
    assert len(README.splitlines()) <= 120


def test_quickstart_prints_a_table_and_what_each_branch_knows_and_leaves_a_page(shell):
    command = COMMANDS["quickstart"]
    assert command.startswith(SET_UP)
    printed = shell(command.split(" && ")[-1])
    *_, table, branches, last = printed.strip().split("\n\n")
    for row in ("randaugment", "refined", "split_refined"):
        assert re.search(rf"^{row} ", table, re.MULTILINE)
    *_, head, whole, small = branches.splitlines()
    assert head.split() == ["main", "aux"]
    assert whole.startswith("images as they are ")
    assert small.startswith("resize_and_pad(12) ")
    assert "With one seed" in last
    assert "sbn sweep --experiment=split_bn:table3" in last
    path = last.splitlines()[-1]
    page = (shell.folder / path).read_text()
    for text in ("split_refined", "by branch and kind of test images", "data:image/png"):
        assert text in page


def test_ci_runs_the_readmes_test_command():
    assert COMMANDS["tests"].startswith(SET_UP)
    assert COMMANDS["tests"].rstrip().endswith(".venv/bin/python -m tests")
    extract = "sed -n '/<!-- command: tests -->/,/^```$/p' README.md | sed '/^<!--/d; /^```/d'"
    assert extract in (ROOT / ".ci/run").read_text()
    found = subprocess.run(["bash", "-c", extract], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert found == COMMANDS["tests"]


@pytest.mark.slow  # tests/augment has each of these commands
def test_showing(shell):
    shown = shell(COMMANDS["show"])
    assert "Posterize" in shown
    assert "sheet.png" in shown
    assert "figure1.png" in shown


def test_listing_training_and_evaluating_a_row(shell):
    list_all, list_table, train, evaluate = COMMANDS["row"].strip().splitlines()
    assert "split_bn.py" in shell(list_all)
    assert "table3/weak_augment" in shell(list_table)
    trained = shell(train)
    assert "test/mix_0.5/accuracy" in trained
    evaluated = shell(evaluate)
    pattern = re.compile(r"^(test/\S+) +([\d.]+)$", re.MULTILINE)
    logged, again = dict(pattern.findall(trained)), dict(pattern.findall(evaluated))
    assert len(again) == 9
    assert logged.keys() == again.keys()
    for name, value in again.items():
        assert f"{float(value):.4f}" == logged[name], name
    assert "step 2" in evaluated


@pytest.mark.slow  # of overrides tests/config has the rest, and of training the row before
def test_overriding(shell):
    command = COMMANDS["override"].replace("--config.duration='100 epochs'", "")  # it is small here, and said once
    assert command != COMMANDS["override"]
    assert "test/aux/accuracy" in shell(command)


@pytest.mark.slow  # tests/e2e/test_init_from.py refines a finished run, tests/report/test_stages.py reports its stages
def test_refining_a_finished_run(shell):
    changes = ("stage.refine.duration=2 steps", "eval.every=0 steps")
    small = " ".join(f"'--config.{change}'" for change in changes)
    command = COMMANDS["refine"].replace("--workdir", f"{small} --workdir")
    # the second command's one stage has boundaries of its own
    command = command.replace("--workdir=runs/mixup", "'--config.schedule.boundaries=0 steps' --workdir=runs/mixup", 1)
    told = shell(command)
    for statistic in ("test/main/accuracy@train", "test/main/accuracy@refine:best", "@refine:median_last_10"):
        assert statistic in told
    assert '"from": "runs/mixup/seed0"' in shell("cat runs/refined/seed0/init.json")


def test_sweeping_reporting_and_comparing(shell):
    small = " ".join(f"'--set={name}={value}'" for name, value in (SMALL | {"data.path": "device"}).items())
    command = COMMANDS["sweep"].replace("split_bn:table3 --seeds=0:3", f"'split_bn:table3/weak_*' --seeds=0 {small}")
    report = shell(command)
    assert "2 jobs: 2 missing" in report
    assert report.count("2 jobs: 2 done") == 2
    for row in ("weak_one_norm", "weak_augment", "shared_affine"):
        assert row in report
    assert "96.3" in report  # the paper's number stands beside ours
    assert "split_bn:table3/weak_augment - split_bn:table3/weak_one_norm" in report
    assert "</html>" in shell("cat book.html")

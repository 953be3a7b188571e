"""The listing names every row, with the paper's number and commands that run it."""

import shlex
import subprocess
import sys

import pytest

from sbn import list as listing
from sbn.config import command_line, rows, schema
from sbn.config.errors import ConfigError
from sbn.config.rows import load_experiment
from sbn.report import __main__ as report_command
from tests.conftest import ROOT


def test_every_row_is_listed_with_its_numbers():
    everything = listing.describe("")
    for path in rows.experiment_files():
        lines = listing.describe(str(path))
        assert set(lines) <= set(everything)
        for name, row in load_experiment(path).rows().items():
            if name == "base":
                continue
            (line,) = [line for line in lines if line.strip().startswith(f"{name} ")]
            for paper in row.paper:
                assert f"{paper.value:g}" in line


def test_a_row_can_be_selected_with_its_commands():
    path = next(path for path in rows.experiment_files() if path.stem == "split_bn")
    lines = listing.describe(f"{path}:table3/shared_affine", commands=True)
    assert any(line.endswith(f"--config={path}:table3/shared_affine --workdir=DIR") for line in lines)
    assert any("base --config.norm.kind=split_stats" in line for line in lines)


def test_a_row_that_trains_nothing_lists_the_commands_of_its_runs_and_their_evaluation():
    path = next(path for path in rows.experiment_files() if path.stem == "split_bn")
    _, _, train, evaluate, *_ = listing.describe(f"{path}:figure3/cifar10_wrn28_2", commands=True)
    assert train.endswith(f"--config={path}:table3/weak_augment --workdir=DIR")
    assert evaluate.strip() == "python -m sbn.evaluate --evals=mix --workdir=DIR"
    (line,) = [line for line in listing.describe(f"{path}:figure3") if "figure3/cifar10_wrn28_2 " in line]
    assert "runs of table3/weak_augment, evaluated by mix" in line


def test_a_table_with_a_figure_lists_the_command_that_draws_it(tmp_path, capsys):
    path = next(path for path in rows.experiment_files() if path.stem == "consistent")
    *_, line = listing.describe(f"{path}:figure3", commands=True)
    python, *words = shlex.split(line.replace("ROOT", str(tmp_path)).replace("FOLDER", str(tmp_path)))
    assert [python, *words[:3]] == ["python", "-m", "sbn.report", "figures"]
    with pytest.raises(SystemExit):  # there are no runs
        report_command.main(words[2:])
    assert (
        "no figure of consistent:figure3: it shows finished runs of consistent:table1/resnet32"
        in capsys.readouterr().err
    )
    for without in (f"{path}:figure3/a", f"{path}:table1"):
        assert not [line for line in listing.describe(without, commands=True) if "sbn.report figures" in line]
    assert not [line for line in listing.describe(f"{path}:figure3") if "sbn.report figures" in line]


def test_what_can_not_be_run_yet_says_so_and_lists_no_command(waiting):
    *_, line = listing.describe(f"{waiting}:sight/left", commands=True)
    assert line.strip().startswith("can't be run yet: waits for an eye")


def test_listing_every_row_takes_less_than_a_second_of_work():
    """Counted in calls, of which a second is some ten million, since a test can't know how busy a machine is."""
    code = """
from tests.calls import calls_of
def listing():
    from sbn import list
    list.main([])
print(calls_of(listing))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "split_bn" in done.stdout
    assert int(done.stdout.splitlines()[-1]) < 2_000_000


def test_unknown_rows_name_the_nearest():
    with pytest.raises(ConfigError, match="did you mean 'table3/shared_affine'"):
        listing.describe(f"{rows.experiment_files()[0].parent}/split_bn.py:table3/shared_afine")


def test_keys_lists_every_key():
    text = listing.describe_keys()
    for key in schema.KEYS:
        assert f"--config.{key.name} " in text


def test_numbers_at_the_ends_of_stages_stand_together_and_columns_are_aligned():
    lines = listing.describe("refine:table2")[1:]
    assert "paper 3.3, train_clean 1.1 → 1  " in lines[0]
    assert "paper 1356 → 4.7, train_clean 98 → 2.4  " in lines[1]
    assert len({line.index("Table 2, ") for line in lines}) == 1


def test_a_row_that_goes_on_from_another_says_so_and_names_the_run_in_its_commands():
    (line,) = [line for line in listing.describe("refine:no_augmentation") if "no_augmentation/mixup" in line]
    assert "needs a run of table1/preactresnet18_cifar100_mixup" in line
    *_, own, base = listing.describe("refine:no_augmentation/mixup", commands=True)
    folder = "--config.init.from=runs/refine/table1/preactresnet18_cifar100_mixup/seed0"
    assert folder in own
    assert folder in base
    assert "--config.init.stage=train" in base


def test_a_row_that_shows_the_ends_of_stages_lists_a_command_for_each():
    _, _, train, *evaluate = listing.describe("refine:table2/mixup", commands=True)
    assert train.endswith("table1/preactresnet18_cifar100_mixup --workdir=DIR")
    assert [line.strip() for line in evaluate] == [
        f"python -m sbn.evaluate --evals=losses --stage={stage} --workdir=DIR" for stage in ("train", "refine")
    ]
    lines = listing.describe("refine:table3/wrn_400_50", commands=True)
    assert not any("sbn.evaluate" in line for line in lines)  # training measures it


def test_a_row_that_shows_a_course_lists_a_run_that_measures_it():
    *_, train = listing.describe("refine:figure1/mixup", commands=True)
    assert "trained with --config.eval.evals=accuracy,losses" in listing.describe("refine:figure1/mixup")[1]
    settings = "--config.eval.evals=accuracy,losses '--config.eval.losses.every=1 epochs' --workdir=DIR"
    assert train.endswith(f"table1/preactresnet18_cifar100_mixup {settings}")
    _, dotted = command_line.split(shlex.split(train))
    (config,) = (word.removeprefix("--config=") for word in shlex.split(train) if word.startswith("--config="))
    made = command_line.request(config, dotted).config
    assert (made.eval.evals, made.eval.losses.every) == (("accuracy", "losses"), "1 epochs")


def test_what_waits_for_something_shows_its_numbers(waiting):
    (line,) = [line for line in listing.describe(f"{waiting}:sight") if "sight/left " in line]
    assert "paper 73.3" in line
    assert "can't be run yet: waits for an eye" in line


def test_of_several_numbers_of_a_paper_each_says_what_it_measures():
    table1 = load_experiment(rows.experiment_file("split_bn")).tables["table1"].rows
    assert listing.paper_numbers(table1["none"]) == "94.2, affinity 0"
    table2 = load_experiment(rows.experiment_file("refine")).tables["table2"].rows
    assert listing.paper_numbers(table2["mixup"]) == "1356 → 4.7, train_clean 98 → 2.4"

"""The listing names every row, with the paper's number and commands that run it."""

import pytest

from sbn import list as listing
from sbn.config import rows, schema
from sbn.config.errors import ConfigError
from sbn.config.rows import load_experiment


def test_every_row_is_listed_with_its_numbers():
    text = "\n".join(listing.describe(""))
    for path in rows.experiment_files():
        for name, row in load_experiment(path).rows().items():
            if name == "base":
                continue
            (line,) = [line for line in text.splitlines() if line.strip().startswith(f"{name} ")]
            for paper in row.paper:
                assert f"{paper.value:g}" in line


def test_a_row_can_be_selected_with_its_commands():
    path = next(path for path in rows.experiment_files() if path.stem == "split_bn")
    lines = listing.describe(f"{path}:table3/shared_affine", commands=True)
    assert any(line.endswith(f"--config={path}:table3/shared_affine --workdir=DIR") for line in lines)
    assert any("base --config.norm.kind=split_stats" in line for line in lines)


def test_a_row_that_trains_nothing_lists_the_commands_of_its_runs_and_their_evaluation():
    path = next(path for path in rows.experiment_files() if path.stem == "split_bn")
    _, _, train, evaluate = listing.describe(f"{path}:figure3/cifar10_wrn28_2", commands=True)
    assert train.endswith(f"--config={path}:table2/cifar10_wrn28_2_weak_augment --workdir=DIR")
    assert evaluate.strip() == "python -m sbn.evaluate --evals=mix --workdir=DIR"
    (line,) = [line for line in listing.describe(f"{path}:figure3") if "figure3/cifar10_wrn28_2 " in line]
    assert "runs of table2/cifar10_wrn28_2_weak_augment, evaluated by mix" in line


def test_what_can_not_be_run_yet_says_so_and_lists_no_command():
    path = next(path for path in rows.experiment_files() if path.stem == "split_bn")
    *_, line = listing.describe(f"{path}:table5/resnet50_standard", commands=True)
    assert line.strip().startswith("can't be run yet: waits for ImageNet")


def test_unknown_rows_name_the_nearest():
    with pytest.raises(ConfigError, match="did you mean 'table3/shared_affine'"):
        listing.describe(f"{rows.experiment_files()[0].parent}/split_bn.py:table3/shared_afine")


def test_keys_lists_every_key():
    text = listing.describe_keys()
    for key in schema.KEYS:
        assert f"--config.{key.name} " in text

"""Command lines: what they make, and what they say about mistakes."""

import argparse
import pathlib
import subprocess
import sys

import pytest
from ml_collections import config_flags

from sbn.augment import __main__ as augment
from sbn.config import arguments, command_line, rows, tree
from sbn.config.errors import ConfigError
from sbn.config.stored import differences
from sbn.train.__main__ import main

ROOT = pathlib.Path(__file__).parents[2]
SPLIT_BN = str(ROOT / "experiments/split_bn.py")
EXPERIMENTS = sorted(path for path in (ROOT / "experiments").glob("*.py") if not path.stem.startswith("_"))


def request(*argv: str) -> command_line.Request:
    others, dotted = command_line.split(argv)
    return command_line.request(others[0].removeprefix("--config="), dotted)


def test_row_argument_and_dotted_overrides():
    made = request(
        f"--config={SPLIT_BN}:table3/shared_affine,seed=3,views.aux.augment=randaugment(2, 9)|flip",
        "--config.optim.lr=0.05",
        "--noconfig.optim.nesterov",
    )
    assert made.experiment == "split_bn"
    assert made.row == "table3/shared_affine"
    assert made.config.norm.kind == "split_stats"
    assert (made.config.seed, made.config.optim.lr, made.config.optim.nesterov) == (3, 0.05, False)
    assert made.config.views.aux.augment == "randaugment(2, 9)|flip"
    assert made.overrides == {"views.aux.augment": "randaugment(2, 9)|flip", "optim.lr": 0.05, "optim.nesterov": False}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("seed", "1e3", 1000),
        ("optim.clip_norm", "None", None),
        ("optim.lr", "1", 1.0),
        ("branches", "main,aux", ("main", "aux")),
        ("branches", "('main',)", ("main",)),
        ("eval.mix", "0.1,0.5", (0.1, 0.5)),
        ("eval.mix", "[0.25]", (0.25,)),
        ("eval.low_pass.widths", "3,5", (3, 5)),
        ("duration", "5 epochs", "5 epochs"),
        ("optim.nesterov", "false", False),
        ("views.aux.augment", "", ""),
        ("eval.affinity.pipelines", "randaugment(3, 4)|flip,none", ("randaugment(3, 4)|flip", "none")),
        ("eval.affinity.pipelines", "('',)", ("",)),
        ("schedule.boundaries", "60 epochs,120 epochs", ("60 epochs", "120 epochs")),
    ],
)
def test_values_are_read_by_the_type_of_their_key(name, text, value):
    made = tree.literal(name, text)
    assert made == value
    assert tree.changed(tree.defaults(), {name: made})[name] == value


def test_values_may_follow_after_a_space():
    assert command_line.split(["--config.optim.lr", "0.5", "--config.optim.nesterov", "--workdir=x"]) == (
        ["--workdir=x"],
        {"optim.lr": "0.5", "optim.nesterov": "True"},
    )


def test_an_override_that_changes_nothing_is_not_one():
    assert (
        request(f"--config={SPLIT_BN}:table3/weak_augment", "--config.optim.lr=0.1", "--config.seed=4").overrides == {}
    )


@pytest.mark.parametrize("text", ["200epochs", "200 epoch", "2e2 epochs", "200.0 Epochs"])
def test_durations_that_are_equal_are_the_same_and_no_override(text):
    made = request(f"--config={SPLIT_BN}:table3/weak_augment", f"--config.duration={text}")
    assert made.overrides == {}
    assert made.config.duration == "200 epochs"
    stored = {**tree.defaults(), "duration": text, "schedule.boundaries": ("1epoch",)}
    stated = {**tree.defaults(), "schedule.boundaries": ("1 epochs",)}
    assert differences(tree.to_config(stored).to_dict(), stated) == {}


ROW = f"--config={SPLIT_BN}:table3/weak_augment"
REFINED = f"--config={ROOT / 'experiments/refine.py'}:no_augmentation/mixup"


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ([ROW, "--config.views.main.augment", "--workdir=x"], ["--config.views.main.augment", "no value"]),
        ([ROW, "--config.views.main.augment"], ["--config.views.main.augment", "no value"]),
        ([ROW, "--config.optim.lr=1", "--config.optim.lr=2"], ["--config.optim.lr", "twice"]),
        ([ROW, "--config.optim.nesterov", "--noconfig.optim.nesterov"], ["--config.optim.nesterov", "twice"]),
        ([f"{ROW},seed=1,seed=2"], ["seed", "twice"]),
        ([f"{ROW},seed=1", "--config.seed=2"], ["seed", "twice"]),
        ([ROW, ROW], ["--config", "twice"]),
        ([f"--config={SPLIT_BN}"], ["no row", "TABLE/ROW", ":base"]),
        ([f"--config={SPLIT_BN}:seed=3"], ["no row", "TABLE/ROW"]),
        (["--config=:table3/weak_augment"], ["no experiments file"]),
        (
            [REFINED, "--config.init.from=runs/x", "--config.duration=5 steps"],
            ["duration", "no effect", "stage.refine.duration"],
        ),
    ],
)
def test_what_would_be_lost_in_silence_is_refused(argv, words):
    with pytest.raises(ConfigError) as caught:
        request(*argv)
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_the_base_config_can_be_asked_for():
    assert request(f"--config={SPLIT_BN}:base,seed=3").config.seed == 3


@pytest.mark.parametrize("kind", ["path", "seed"])
@pytest.mark.parametrize("text", ["", " ", "-1", "9999999999", "1" * 500])
def test_empty_paths_and_seeds_that_can_not_be_end_the_program(kind, text, capsys):
    parser = argparse.ArgumentParser("prog")
    parser.add_argument("--it", type=getattr(arguments, kind))
    if kind == "path" and text.strip():
        assert parser.parse_args([f"--it={text}"]).it == text
        return
    with pytest.raises(SystemExit):
        parser.parse_args([f"--it={text}"])
    assert len(capsys.readouterr().err) < 300


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_every_row_is_its_base_with_overrides_alone(path):
    """The command lines that `sbn.list --commands` prints make the rows' configs exactly."""
    experiment = rows.load_experiment(path)
    for name, row in experiment.rows().items():
        if not row.trains:
            continue
        import shlex

        needed = experiment.needed(name, root="runs", seed=0)
        words = shlex.split(command_line.command(str(path), "base", {**row.changes, **needed}))
        others, dotted = command_line.split(words[3:])
        made = command_line.request(others[0].removeprefix("--config="), dotted)
        direct = command_line.request(f"{path}:{name}", {key: str(folder) for key, folder in needed.items()})
        assert tree.flatten(made.config) == tree.flatten(direct.config), name


@pytest.mark.filterwarnings("ignore:the load_module:DeprecationWarning")  # ml_collections' own
@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_experiments_work_as_ml_collections_config_files(path):
    from absl import flags

    values, argv = flags.FlagValues(), ["program", "--config.optim.lr=0.25"]
    experiment = rows.load_experiment(path)
    name = next(name for name, row in experiment.rows().items() if row.trains and name != "base")
    config_flags.DEFINE_config_file("config", f"{path}:{name},seed=5", flag_values=values, sys_argv=argv)
    values(argv)
    assert (values.config.seed, values.config.optim.lr) == (5, 0.25)


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("experiments/split_bnn.py:table3/x", ["split_bnn", "split_bn.py"]),
        (f"{SPLIT_BN}:table3/shared_afine", ["shared_afine", "'table3/shared_affine'"]),
        (f"{SPLIT_BN}:table3", ["table3 is a table", "split_bn.py:table3/baseline"]),
        (f"{SPLIT_BN}:table3/weak_augment,sed=3", ["'sed'", "'seed'"]),
        (f"{SPLIT_BN}:table3/weak_augment,lerning_rate=3", ["'lerning_rate'", "'optim.lr'"]),
        (f"{SPLIT_BN}:table3/weak_augment,views.axu.augment=flip", ["'axu'", "'aux'"]),
        (f"{ROOT / 'README.md'}:x", ["README.md", "not an experiments file"]),
        (f"{SPLIT_BN}:table3/weak_augment,seed={{[]:1}}", ["seed", "whole number"]),
        (f"{SPLIT_BN}:table3/weak_augment,seed", ["'seed'", "key=value"]),
        (f"{SPLIT_BN}:table3/weak_augment,norm.group_size=7", ["norm.group_size", "7", "128"]),
    ],
)
def test_mistakes_are_told_in_one_line(argument, words):
    with pytest.raises(ConfigError) as caught:
        command_line.request(argument, {})
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_a_mistake_ends_the_program_with_its_line(capsys, tmp_path):
    words = [f"--config={SPLIT_BN}:table3/weak_augment", "--config.optim.lrr=1", f"--workdir={tmp_path}"]
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("python -m sbn.train: unknown config key 'optim.lrr'; did you mean 'optim.lr'?")
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    "module", ["sbn.config.command_line", "sbn.list", "sbn.report", "experiments.split_bn", "experiments.quickstart"]
)
def test_config_listing_and_report_load_neither_jax_nor_tensorflow(module):
    code = f"import sys, {module}; sys.exit(any(name in sys.modules for name in ('jax', 'tensorflow', 'flax')))"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=ROOT).returncode == 0


def test_a_view_that_is_new_is_an_override_even_with_the_defaults_of_a_view():
    """Else the run would be recorded as its row's own, whose config lacks the view."""
    new = ("--config.views.new.augment=crop(4)|flip", "--config.branches=main,new")
    made = request(f"--config={SPLIT_BN}:table3/baseline", *new)
    assert made.overrides == {"views.new.augment": "crop(4)|flip", "branches": ("main", "new")}
    _, dotted = command_line.split(command_line.flags(made.overrides))
    assert command_line.request(f"{SPLIT_BN}:{made.row}", dotted).config == made.config
    with pytest.raises(ConfigError, match="unknown view 'new'"):
        request(f"--config={SPLIT_BN}:table3/baseline", new[0])


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("--config.eval.mix=(0x" + "f" * 5000 + ",)", "too long to be shown"),
        ("--config.optim.lr=0x" + "f" * 5000, "digits"),
        ("--config.seed=1or 2", "'1or 2'"),  # Python warns of such a number, and so would every start
        ("--config.no." + "a" * 5000 + "=1", "unknown config key"),
    ],
)
def test_what_is_too_long_to_be_shown_is_refused_in_a_line_of_readable_length(argument, words):
    with pytest.raises(ConfigError, match=words) as refused:
        request(f"--config={SPLIT_BN}:table3/baseline", argument)
    assert len(str(refused.value)) < 700


@pytest.mark.parametrize(
    "words",
    [
        ["--workdir=a", "--workdir=b"],
        ["--workdir=a", "--workdir", "a"],
        ["--workdir=a", "--config=split_bn:table3/baseline"],
        ["--workdir=a", "--config.data.dir="],
        ["--workdir=a", "--config.init.from= "],
        ["--workdir=a", "--config.views.aux.data.dir="],
        ["--workdir=gs://"],
        ["--workdir=a", "--config.data.dir=gs:///"],
    ],
)
def test_a_flag_that_is_given_twice_and_a_place_that_is_none_are_refused(words, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["--config=split_bn:table3/weak_augment", *words])
    said = capsys.readouterr().err
    assert any(reason in said for reason in ("given twice", "is empty", "names no bucket")), said
    assert said.count("\n") == 1


@pytest.mark.parametrize("place", ["s3://bucket/a", "http://host/a", "file:///a"])
def test_addresses_of_what_can_not_be_read_are_refused(place, capsys):
    for words in (
        [f"--workdir={place}"],
        ["--workdir=a", f"--config.data.dir={place}"],
        ["--workdir=a", f"--config.init.from={place}"],
    ):
        with pytest.raises(SystemExit, match="2"):
            main(["--config=split_bn:table3/baseline", *words])
        said = capsys.readouterr().err
        assert place in said
        assert said.count("\n") == 1
    assert arguments.path("gs://bucket/a") == "gs://bucket/a"


def test_a_complaint_of_a_parser_is_one_line(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["--config=split_bn:table3/baseline", "--wrokdir=a"])
    with pytest.raises(SystemExit, match="2"):
        main(["--config=split_bn:table3/baseline", "--workdir=--"])  # an empty list, for argparse
    assert capsys.readouterr().err.count("\n") == 2
    with pytest.raises(SystemExit, match="2"):
        main(["--config=split_bn:table3/baseline", "--wrokdir=a"])
    choices = "choices: --config, --dry_run, --help, --workdir"
    told = f"python -m sbn.train: unknown argument '--wrokdir'; did you mean '--workdir'? ({choices})\n"
    assert capsys.readouterr().err == told
    with pytest.raises(SystemExit, match="2"):
        main(["--config=split_bn:table3/baseline"])
    told = "python -m sbn.train: the following arguments are required: --workdir (--help lists the arguments)\n"
    assert capsys.readouterr().err == told
    with pytest.raises(SystemExit, match="2"):  # a command with commands of its own
        augment.main(["sheet", "flip", "--drws=3"])
    assert "unknown argument '--drws'; did you mean '--draws'?" in capsys.readouterr().err


def test_bytes_that_the_locale_can_not_decode_are_no_value_of_a_config():
    with pytest.raises(ConfigError, match=r"data\.name = .* is not UTF-8 in this locale: set PYTHONUTF8=1"):
        request(f"--config={SPLIT_BN}:table3/shared_affine", "--config.data.name=folder:/\udcc3\udcb6")

"""Every command that loads no jax, with command lines that are nearly right. Nothing is started."""

import sys
import types
from collections.abc import Callable
from typing import NamedTuple

import pytest

from sbn.accelerators.compiled import Answer
from sbn.config import beside
from sbn.config.command_line import request
from tests.fuzz import data_sets
from tests.fuzz.cases import LENGTHS, tried
from tests.fuzz.command_lines import nearly
from tests.fuzz.judge import judge, run
from tests.report.work_dirs import write_run


class Command(NamedTuple):
    """A command: where its `main` is, how it is called, command lines that it takes, and more of its flags.

    Attributes:
        ends: the exit code of those command lines, where nothing is started.
    """

    module: str
    prog: str
    valid: tuple[tuple[str, ...], ...]
    flags: tuple[str, ...] = ()
    ends: int = 0


SWEEP = ("--experiment=split_bn:table3/baseline", "--seeds=0:3", "--set", "optim.lr=0.1,0.05", "--root=runs")
SWEPT = ("--experiment", "--seeds", "--set", "--root")
READ = "consistent:table1/resnet32_transformed_bn@sequential"
COMMANDS = (
    Command(
        "sbn.list",
        "python -m sbn.list",
        ((), ("split_bn",), ("split_bn:table3",), ("consistent:table1", "--commands"), (READ,), ("--keys",)),
        ("--commands", "--keys"),
    ),
    Command(
        "sbn.report.__main__",
        "python -m sbn.report",
        (
            ("split_bn:table3", "--root=runs"),
            ("--all", "--root=runs", "--format=markdown", "--out=a"),
            ("split_bn:table3", "--root=runs", "--format=html", "--metrics=test/main/accuracy:best"),
            ("compare", "split_bn:table3/baseline", "split_bn:table3/weak_augment", "--root=runs"),
            ("compare", READ, "split_bn:table3/baseline,optim.lr=0.2", "--root=runs"),
            ("figures", "split_bn", "--root=runs", "--out=b"),
            ("claims", "--root=runs", "--format=markdown", "--out=c"),
        ),
        ("--metrics", "--format", "--out", "--stages", "--metric", "--runs"),
    ),
    Command(
        "launch.status", "python -m launch.status", (SWEEP, (f"--experiment={READ}", "--root=runs")), SWEPT, ends=1
    ),
    Command(
        "launch.sweep",
        "python -m launch.sweep",
        (
            (*SWEEP, "--parallel=2", "--retries=1"),
            (f"--experiment={READ}", "--seeds=0", "--set=norm.group_size=8", "--root=runs"),
        ),
        (*SWEPT, "--engine", "--parallel", "--retries", "--hosts", "--minutes", "--engine_set"),
    ),
    Command(
        "launch.fit",
        "python -m launch.fit",
        (("split_bn:table3/baseline", "--topology=v5e:2x2", "--set", "precision=bfloat16", "--out=a.png"),),
        ("--topology", "--set", "--out"),
        ends=2,  # nothing is compiled
    ),
    Command("launch.notebooks.__main__", "python -m launch.notebooks", (("--out=a",),), ("--out",)),
    Command("sbn.augment.__main__", "python -m sbn.augment", (("show", "randaugment(3, 4)|crop(4)|flip|cutout(16)"),)),
    Command(
        "sbn.train.__main__",
        "python -m sbn.train",
        (
            ("--config=split_bn:table3/weak_augment,seed=3", "--config.optim.lr=0.05", "--workdir=a"),
            ("--config=quickstart:methods/weak_augment", "--noconfig.optim.nesterov", "--workdir=a"),
            ("--config", "refine:base", "--config.duration", "400 epochs", "--config.branches=main", "--workdir=a"),
            (f"--config={READ},seed=2", "--config.duration=250 epochs", "--workdir=a"),
            ("--config=split_bn:table3/weak_augment", "--config.views.aux.data.name=folder:b", "--workdir=a"),
        ),
        (
            *("--workdir", "--config", "--config.optim.lr", "--config.no.such", "--config.", "--noconfig.seed"),
            *("--config.views.aux.data.name", "--config.views.aux.data.dir", "--config.views.no.data.name"),
        ),
    ),
    Command(
        "experiments.quickstart",
        "python -m experiments.quickstart",
        (("--root=a", "--config.duration=1 epoch"),),
        ends=1,
    ),
    Command(
        "sbn.__main__",
        "sbn",
        ((), ("--help",), ("list", READ), ("report", "split_bn:table3", "--root=runs"), ("augment", "show", "flip")),
        ("list", "completion", "train", "--version", "--keys"),
    ),
    Command(
        "sbn.accelerators.environment",
        "python -m sbn.accelerators.environment",
        (("tpu", "--path=a"), ("gpu",)),
        ("--path",),
    ),
    Command(
        "sbn.data.prepare",
        "python -m sbn.data.prepare",
        (("cifar10", "data", "--out=a.npz"), ("cifar10", "--data_dir=data", "--out=a.npz")),
        ("--out", "--data_dir"),
    ),
)
NAMES = [command.prog.split()[-1] for command in COMMANDS]


@pytest.fixture
def started(here, monkeypatch) -> list[object]:
    """What was started; nothing is."""
    found: list[object] = []

    def note(*args: object, **kwargs: object) -> types.SimpleNamespace:
        found.append(args)
        return types.SimpleNamespace(returncode=0, stdout="", stderr="")

    def trained(config: object, workdir: object, origin: object) -> dict[str, dict[str, float]]:
        found.append(config)
        return {"metrics": {}}

    import sbn.train
    from experiments import quickstart
    from launch import fit
    from launch.engines import local
    from sbn.accelerators import environment

    monkeypatch.setenv("SBN_LARGE_PAGES", "0")  # `sbn train` would start this process anew
    monkeypatch.setattr(beside, "_called", False)  # which `sbn` changes
    monkeypatch.setitem(vars(sbn.train), "train", trained)
    monkeypatch.setitem(vars(sbn.train), "Origin", lambda *args: args)
    monkeypatch.setitem(sys.modules, "sbn.train.process", types.SimpleNamespace(prepare=lambda: None))
    monkeypatch.setattr(quickstart.processes, "run", lambda *args, **kwargs: 1)  # or there would be something to show
    monkeypatch.setattr(fit, "compile_all", lambda asked, where: [Answer(error="not compiled")] * len(asked))
    monkeypatch.setattr(fit, "known", lambda asked, where: None)
    monkeypatch.setattr(environment, "make", note)
    monkeypatch.setattr(local.Local, "run", note)
    data_sets.records(here / "data", "cifar10")
    rows = ("split_bn:table3/baseline", "split_bn:table3/weak_augment", "split_bn:table3/baseline,optim.lr=0.2", READ)
    for number, row in enumerate((*rows, *rows)):
        asked = request(f"{row},seed={number // len(rows)}", {})
        write_run(
            here / "runs",
            str(number),
            0.5 + number / 20,
            experiment=asked.experiment,
            row=asked.row,
            seed=number // len(rows),
            overrides=asked.overrides,
            config=asked.config.to_dict(),
        )
    return found


def main_of(command: Command) -> Callable[..., int]:
    import importlib

    return importlib.import_module(command.module).main


@pytest.mark.parametrize("name", NAMES)
def test_the_command_lines_that_others_are_made_of_work(name, here, started):
    """Or what is nearly right would be refused for another fault than its own."""
    command = COMMANDS[NAMES.index(name)]
    for words in command.valid:
        ended = run(main_of(command), [*words, *(["--dry_run"] if name == "launch.sweep" else [])])
        assert ended.code == command.ends, (words, ended)


@LENGTHS
@pytest.mark.parametrize("name", NAMES)
def test_a_command_line_works_or_is_refused_in_one_line(length, name, here, started):
    command = COMMANDS[NAMES.index(name)]
    main = main_of(command)

    few = 3 if name == "launch.notebooks" else 10  # notebooks take half a second

    @tried(length, short=few, long=200, words=nearly(command.valid, flags=command.flags))
    def _(words):
        judge(main, [*words, *(["--dry_run"] if name == "launch.sweep" else [])], prog=command.prog, folder=here)

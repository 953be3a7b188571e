"""Every command that loads no jax, with command lines that are nearly right. Nothing is started."""

import sys
import types
from collections.abc import Callable
from typing import NamedTuple

import pytest

from sbn.accelerators.compiled import Answer
from tests.fuzz.cases import LENGTHS, tried
from tests.fuzz.command_lines import nearly
from tests.fuzz.judge import judge
from tests.report.work_dirs import write_run


class Command(NamedTuple):
    """A command: where its `main` is, how it is called, command lines that it takes, and more of its flags."""

    module: str
    prog: str
    valid: tuple[tuple[str, ...], ...]
    flags: tuple[str, ...] = ()


SWEEP = ("--experiment=split_bn:table3/baseline", "--seeds=0:3", "--set", "optim.lr=0.1,0.05", "--root=runs")
SWEPT = ("--experiment", "--seeds", "--set", "--root")
COMMANDS = (
    Command(
        "sbn.list",
        "python -m sbn.list",
        ((), ("split_bn",), ("split_bn:table3",), ("consistent:table1/bn", "--commands"), ("--keys",)),
        ("--commands", "--keys"),
    ),
    Command(
        "sbn.report.__main__",
        "python -m sbn.report",
        (
            ("split_bn:table3", "--root=runs"),
            ("--all", "--root=runs", "--format=markdown", "--out=a"),
            ("split_bn:table3", "--root=runs", "--format=html", "--metrics=test/main/accuracy@main:best", "--stages"),
            ("compare", "split_bn:table3/baseline", "split_bn:table3/weak_augment,optim.lr=0.1", "--root=runs"),
            ("figures", "consistent:figure1", "--root=runs", "--out=a"),
        ),
        ("--metrics", "--format", "--out", "--stages", "--metric", "--runs"),
    ),
    Command("launch.status", "python -m launch.status", (SWEEP,), SWEPT),
    Command(
        "launch.sweep",
        "python -m launch.sweep",
        (
            (*SWEEP, "--parallel=2", "--retries=1"),
            (*SWEEP, "--engine=slurm", "--hosts=2", "--minutes=9", "--engine_set", "partition=gpu"),
        ),
        (*SWEPT, "--engine", "--parallel", "--retries", "--hosts", "--minutes", "--engine_set"),
    ),
    Command(
        "launch.fit",
        "python -m launch.fit",
        (("split_bn:table3/baseline", "--topology=v5e:2x2", "--set", "precision=bfloat16", "--out=a.png"),),
        ("--topology", "--set", "--out"),
    ),
    Command("launch.notebooks.__main__", "python -m launch.notebooks", (("--out=a",),), ("--out",)),
    Command("sbn.augment.__main__", "python -m sbn.augment", (("show", "randaugment(3, 4)|crop(4)|flip|cutout(16)"),)),
    Command(
        "sbn.train.__main__",
        "python -m sbn.train",
        (
            ("--config=split_bn:table3/weak_augment,seed=3", "--config.optim.lr=0.05", "--workdir=a"),
            ("--config=quickstart:methods/weak_augment", "--noconfig.optim.nesterov", "--workdir=a"),
            ("--config", "refine:base", "--config.duration", "5 epochs", "--config.branches=main", "--workdir=a"),
        ),
        ("--workdir", "--config", "--config.optim.lr", "--config.no.such", "--config.", "--noconfig.seed"),
    ),
    Command("experiments.quickstart", "python -m experiments.quickstart", (("--root=a", "--config.duration=1 epoch"),)),
    Command(
        "sbn.accelerators.environment",
        "python -m sbn.accelerators.environment",
        (("tpu", "--path=a"), ("gpu",)),
        ("--path",),
    ),
    Command(
        "sbn.data.prepare",
        "python -m sbn.data.prepare",
        (("tiny_imagenet", ".", "--out=a.npz"), ("cifar10", "--data_dir=.", "--out=a.npz")),
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

    monkeypatch.setitem(vars(sbn.train), "train", trained)
    monkeypatch.setitem(vars(sbn.train), "Origin", lambda *args: args)
    monkeypatch.setitem(sys.modules, "sbn.train.process", types.SimpleNamespace(prepare=lambda: None))
    monkeypatch.setattr(quickstart.processes, "run", lambda *args, **kwargs: 0)
    monkeypatch.setattr(fit, "compile_all", lambda asked, where: [Answer(error="not compiled")] * len(asked))
    monkeypatch.setattr(fit, "known", lambda asked, where: None)
    monkeypatch.setattr(environment, "make", note)
    monkeypatch.setattr(local.Local, "run", note)
    for seed in (0, 1):
        for row in ("baseline", "weak_augment"):
            write_run(
                here / "runs", f"{row}{seed}", 0.5 + seed / 10, experiment="split_bn", row=f"table3/{row}", seed=seed
            )
    return found


def main_of(command: Command) -> Callable[..., int]:
    import importlib

    return importlib.import_module(command.module).main


@LENGTHS
@pytest.mark.parametrize("name", NAMES)
def test_a_command_line_works_or_is_refused_in_one_line(length, name, here, started):
    command = COMMANDS[NAMES.index(name)]
    main = main_of(command)

    few = 3 if name == "launch.notebooks" else 10  # notebooks take half a second

    @tried(length, short=few, long=200, words=nearly(command.valid, flags=command.flags))
    def _(words):
        judge(main, [*words, *(["--dry_run"] if name == "launch.sweep" else [])], prog=command.prog, folder=here)

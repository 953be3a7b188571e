"""A trained run with a damaged file, evaluated, exported, loaded and gone on with: the same weights, or one line.

What compiles is stood in for: an evaluator gives the checksum of the weights that it was handed.
"""

import contextlib
import os
import pathlib
import shutil
import zlib
from typing import Any

import jax
import numpy as np
import pytest
from hypothesis import strategies as st

from sbn import evaluate, export
from sbn.config import tree
from sbn.config.checks import check
from sbn.config.errors import ConfigError
from sbn.runs import files
from sbn.train import Origin, train
from sbn.train import process as processes
from sbn.train.__main__ import main as train_main
from tests.conftest import TINY
from tests.fuzz.cases import tried
from tests.fuzz.command_lines import nearly
from tests.fuzz.damage import REPLACED, other_bytes, other_json, replace
from tests.fuzz.judge import judge, run

pytestmark = pytest.mark.slow

SHORT = {"duration": "2 steps", "save.every": "1 step", "eval.every": "2 steps", "log.every": "1 step"}


def checksum(variables: Any) -> float:
    """Returns a number of all arrays, in their order."""
    value = 0
    for leaf in jax.tree.leaves(variables):
        value = zlib.crc32(np.asarray(leaf).tobytes(), value)
    return float(value)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> pathlib.Path:
    """A run of two steps with a checkpoint after each, and what is exported of it."""
    folder = tmp_path_factory.mktemp("trained")
    config = check(tree.to_config(tree.changed(tree.changed(tree.defaults(), TINY), SHORT)))
    train(config, folder / "run", origin=Origin("mine", "table/row", {}))
    export.export(folder / "run", out=folder / "out")
    return folder


@pytest.fixture
def stood_in(here, monkeypatch) -> pathlib.Path:
    """Commands prepare nothing, and evaluators compile nothing."""
    for module in (evaluate, export, processes):
        monkeypatch.setattr(module, "prepare", lambda: None)
    monkeypatch.setattr(evaluate, "run", lambda evaluator, variables, step: ({"checksum": checksum(variables)}, {}))
    return here


def contents_of(folder: pathlib.Path) -> dict[str, bytes]:
    found = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


@st.composite
def damages(draw: Any, contents: dict[str, bytes]) -> tuple[str, bytes | str]:
    """Draws a file, those of the run itself as often as those of checkpoints, and what is to stand in its place."""
    own = sorted(name for name in contents if "checkpoints" not in name)
    name = draw(st.one_of(st.sampled_from(own), st.sampled_from(sorted(contents))))
    kinds = [other_bytes(contents[name]), st.sampled_from(REPLACED)]
    if name.endswith(".json") or name.endswith("_METADATA"):
        kinds += [other_json(contents[name])] * 2
    return name, draw(st.one_of(kinds))


def damaged(whole: pathlib.Path, here: pathlib.Path, name: str, content: bytes | str) -> pathlib.Path:
    folder = here / "run"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(whole / "run", folder)
    replace(folder / name, content)
    return folder


def number(out: str) -> str:
    return next(line.split()[-1] for line in out.splitlines() if line.startswith("checksum"))


def test_an_evaluation_is_of_weights_that_were_saved_or_refused_in_one_line(whole, stood_in):
    saved = set()
    for step in (2, 1):
        folder = damaged(whole, stood_in, "nothing", "gone")
        if step == 1:
            shutil.rmtree(folder / "checkpoints/2")
        saved.add(number(judge(evaluate.main, ["--workdir=run"], prog="python -m sbn.evaluate", folder=stood_in).out))
    assert len(saved) == 2

    @tried("long", short=0, long=100, damage=damages(contents_of(whole / "run")))
    def _(damage):
        damaged(whole, stood_in, *damage)
        ended = judge(evaluate.main, ["--workdir=run"], prog="python -m sbn.evaluate", folder=stood_in)
        assert ended.code == 2 or number(ended.out) in saved


def test_an_export_is_of_weights_that_were_saved_or_refused_in_one_line(whole, stood_in):
    saved = set()
    for step in (2, 1):
        folder = damaged(whole, stood_in, "nothing", "gone")
        if step == 1:
            shutil.rmtree(folder / "checkpoints/2")
        assert run(export.main, ["--workdir=run", "--out=out"]).code == 0
        saved.add((stood_in / "out/variables.msgpack").read_bytes())
    shutil.rmtree(stood_in / "out")

    @tried("long", short=0, long=150, damage=damages(contents_of(whole / "run")))
    def _(damage):
        damaged(whole, stood_in, *damage)
        try:
            ended = judge(export.main, ["--workdir=run", "--out=out"], prog="python -m sbn.export", folder=stood_in)
            assert ended.code == 2 or (stood_in / "out/variables.msgpack").read_bytes() in saved
        finally:
            shutil.rmtree(stood_in / "out", ignore_errors=True)


def test_a_damaged_export_is_loaded_with_the_same_weights_or_refused_in_one_line(whole, here):
    contents = contents_of(whole / "out")
    expected = checksum(export.load(whole / "out").variables)
    shutil.copytree(whole / "out", here / "out")

    @tried("long", short=0, long=500, damage=damages(contents))
    def _(damage):
        name, content = damage
        replace(here / "out" / name, content)
        try:
            with contextlib.suppress(ConfigError):
                assert checksum(export.load(here / "out").variables) == expected
        finally:
            replace(here / "out" / name, contents[name])


def test_a_finished_run_that_is_started_again_says_the_same_or_is_refused_in_one_line(whole, stood_in, monkeypatch):
    """And a damaged one is never begun anew where its results are."""
    monkeypatch.setenv("SBN_LARGE_PAGES", "0")
    own = {
        name: content for name, content in contents_of(whole / "run").items() if name in ("config.json", "result.json")
    }
    table = "{'table': Table('', {'row': Row({})})}"
    text = f"from sbn.config.rows import Row, Table\nBASE = {dict(TINY, **SHORT)!r}\nTABLES = {table}\n"
    (stood_in / "mine.py").write_text(text)
    words = ["--config=mine.py:table/row", "--workdir=run"]
    folder = damaged(whole, stood_in, "nothing", "gone")
    first = judge(train_main, words, prog="python -m sbn.train", folder=stood_in)
    assert first.code == 0

    @tried("long", short=0, long=150, damage=damages(own))
    def _(damage):
        name, content = damage
        damaged(whole, stood_in, name, content)
        if not os.path.lexists(folder / "result.json"):
            return  # a run that is not done goes on: `tests/e2e/test_kills.py`
        ended = judge(train_main, words, prog="python -m sbn.train", folder=stood_in)
        assert ended.code == 2 or name == files.RESULT or ended.out == first.out


WORKDIR = "--workdir=run"
EVALUATE = (
    (WORKDIR,),
    (WORKDIR, "--evals=accuracy", "--json"),
    (WORKDIR, "--stage=train", "--weights=plain", "--config.eval.batch_size=4"),
    (WORKDIR, "--evals=fourier,mix", "--config.eval.fourier.norm=3"),
)
EXPORT = ((WORKDIR, "--out=out"), (WORKDIR, "--out=out", "--branch=aux", "--stage=train", "--weights=ema"))


@pytest.mark.parametrize("name", ["evaluate", "export"])
def test_a_command_line_works_or_is_refused_in_one_line(name, whole, stood_in):
    module, valid = {"evaluate": (evaluate, EVALUATE), "export": (export, EXPORT)}[name]
    damaged(whole, stood_in, "nothing", "gone")
    flags = ("--evals", "--stage", "--weights", "--json", "--branch", "--config.eval.mix", "--config.seed")

    @tried("long", short=0, long=100, words=nearly(valid, flags=flags))
    def _(words):
        judge(module.main, words, prog=f"python -m sbn.{name}", folder=stood_in)
        for made in ("out", "run/artifacts"):
            shutil.rmtree(stood_in / made, ignore_errors=True)


def test_the_files_of_the_run_are_those_that_are_damaged(whole):
    assert {files.CONFIG, files.RESULT, files.DATA, files.PROGRESS, files.PROVENANCE} <= contents_of(
        whole / "run"
    ).keys()

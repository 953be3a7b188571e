"""Damaged files of runs: reports, figures and sweeps go on, with the same numbers or without that run."""

import json
import pathlib
import re
from typing import Any

import pytest
from hypothesis import strategies as st

from launch.status import main as status
from launch.sweep import main as sweep
from sbn.report.__main__ import main as report
from tests.fuzz.cases import LENGTHS, tried
from tests.fuzz.damage import REPLACED, other_bytes, other_json, remove, replace
from tests.fuzz.judge import judge
from tests.fuzz.run_folders import finished, unfinished
from tests.report.work_dirs import EXPERIMENT

JOBS = ("--experiment=mine.py:table3/baseline", "--seeds=0:5", "--root=runs")
COMMANDS = {
    "text": (report, ("mine.py:table3", "--root=runs", "--stages"), "python -m sbn.report"),
    "csv": (report, ("mine.py:table3", "--root=runs", "--format=csv"), "python -m sbn.report"),
    "latex": (
        report,
        ("mine.py", "--root=runs", "--format=latex", "--metrics=test/main/accuracy:best"),
        "python -m sbn.report",
    ),
    "html": (report, ("mine.py", "--root=runs", "--format=html"), "python -m sbn.report"),
    "compare": (
        report,
        ("compare", "mine.py:table3/baseline", "mine.py:table3/baseline", "--root=runs"),
        "python -m sbn.report",
    ),
    "figures": (report, ("figures", "mine.py", "--root=runs", "--out=out"), "python -m sbn.report"),
    "status": (status, JOBS, "python -m launch.status"),
    "sweep": (sweep, (*JOBS, "--dry_run"), "python -m launch.sweep"),
}


@pytest.fixture
def contents(here) -> dict[str, bytes]:
    """Three finished runs and one that failed; returns the content of the files of the second one and of the last."""
    (here / "mine.py").write_text(EXPERIMENT)
    for seed in range(3):
        finished(here / "runs", seed)
    paths = (here / "runs/mine/table3/baseline/seed1", unfinished(here / "runs", 3))
    files = [file for path in paths for file in sorted(path.rglob("*")) if file.is_file()]
    return {str(file.relative_to(here)): file.read_bytes() for file in files}


@st.composite
def damages(draw: Any, contents: dict[str, bytes]) -> tuple[str, bytes | str]:
    """Draws a file, by its name, and what is to stand in its place."""
    name = draw(st.sampled_from(sorted(contents)))
    kinds = [other_bytes(contents[name]), st.sampled_from(REPLACED)]
    if name.endswith(".json"):
        kinds += [other_json(contents[name])] * 3
    return name, draw(st.one_of(kinds))


def counted(out: str) -> str:
    """The seeds, mean and spread that a report of text shows of the row."""
    line = next(line for line in out.splitlines() if line.startswith("baseline"))
    return re.sub(r"\s+", " ", line)


@LENGTHS
@pytest.mark.parametrize("command", COMMANDS)
def test_a_damaged_file_of_a_run_costs_that_run_at_most(length, command, here, contents):
    main, words, prog = COMMANDS[command]
    code = judge(main, words, prog=prog, folder=here).code
    assert code in (0, 1)

    # a page draws figures, which takes a second
    @tried(length, short=2 if command == "html" else 8, long=200, damage=damages(contents))
    def _(damage):
        name, content = damage
        replace(here / name, content)
        try:
            ended = judge(main, words, prog=prog, folder=here)
        finally:
            remove(here / name)
            replace(here / name, contents[name])
        assert ended.code == code


@LENGTHS
def test_a_report_has_the_numbers_of_what_the_runs_wrote_or_names_the_file(length, here, contents):
    words = ("mine.py:table3", "--root=runs")
    whole = counted(judge(report, words, prog="python -m sbn.report", folder=here).out)
    own = {name: content for name, content in contents.items() if "seed1" in name and "artifacts" not in name}

    @tried(length, short=25, long=500, damage=damages(own))
    def _(damage):
        name, content = damage
        replace(here / name, content)
        try:
            ended = judge(report, words, prog="python -m sbn.report", folder=here)
        finally:
            replace(here / name, contents[name])
        without = counted(ended.out) != whole
        if name.endswith("metrics.jsonl"):
            assert without == (content != contents[name])
        if name.endswith(("result.json", "metrics.jsonl")):
            same = isinstance(content, bytes) and _meaning(content) == _meaning(contents[name])
            assert same or not without or name.rpartition("/")[0] in ended.err or _is_other(content)
        else:
            assert not without


def _meaning(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return content


def _is_other(content: bytes | str) -> bool:
    """Whether it is a whole result of some other run."""
    try:
        found = json.loads(content)
        return (
            isinstance(found, dict) and {"experiment", "row", "seed", "metrics", "config", "overrides"} <= found.keys()
        )
    except (ValueError, TypeError, RecursionError):
        return False


def test_folders_and_rows_of_any_name_are_reported_in_one_piece(here):
    (here / "mine.py").write_text(EXPERIMENT)
    finished(here / "runs", 0)
    for number, name in enumerate(("a\nb", "\x1b[2J", "é😀", "\udcff", "a" * 200)):
        path = finished(
            here / pathlib.Path("runs") / name, 1, row=f"table3/{name}" if number % 2 else "table3/baseline"
        )
        assert path.is_dir()
    for words in (("mine.py:table3",), ("mine.py", "--format=html"), ("mine.py", "--format=latex", "--out=a")):
        ended = judge(report, (*words, "--root=runs"), prog="python -m sbn.report", folder=here)
        assert ended.code == 0
        assert "\x1b" not in ended.out + ended.err

"""What the pages in docs/ say can be typed: keys, modules, rows; and their numbers are those of the benchmarks."""

import importlib.util
import re
import shlex

import pytest

from launch.plan import make_jobs, parse_seeds
from sbn.__main__ import COMMANDS
from sbn.config import tree
from sbn.config.schema import NEUTRAL
from tests.conftest import ROOT

PAGES = {page.name: page.read_text() for page in sorted((ROOT / "docs").glob("*.md"))}
ON_ACCELERATORS = PAGES["accelerators.md"]


@pytest.mark.parametrize("name", PAGES)
def test_keys_and_modules_of_a_page_are_there(name):
    page = PAGES[name]
    flags = re.findall(r"(?:--config\.|--set )([\w.]+)=(\S*)", page)
    for key, value in flags:
        assert tree.key_of(key)
        if value.isalnum():
            tree.changed({}, {key: tree.literal(key, value)})
    for module in re.findall(r"python -m ([\w.]+)", page):
        assert importlib.util.find_spec(module), module
    for command in re.findall(r"(?:^|`|\$ )sbn ([a-z]\w*)", page, re.MULTILINE):
        assert command in COMMANDS, command


def test_the_table_of_keys_holds_keys_with_values_that_they_take():
    rows = re.findall(r"^\| `([\w.]+)=(\w+)` \|.*\| (.*) \|$", ON_ACCELERATORS, re.MULTILINE)
    assert len(rows) == 8
    for key, value, change in rows:
        tree.changed({}, {key: tree.literal(key, value)})
        # what changes nothing that is learned may be changed within a row
        assert (key in NEUTRAL) == change.startswith(("nothing", "only rounding")), key


def test_the_sweep_on_one_gpu_plans_the_tables_runs():
    (command,) = re.findall(r"^(sbn sweep .*?)\nsbn report", ON_ACCELERATORS, re.DOTALL | re.MULTILINE)
    words = shlex.split(command.replace("\\\n", " "))
    sets = [words[at + 1] for at, word in enumerate(words) if word == "--set"]
    flags = dict(word.removeprefix("--").split("=", 1) for word in words if word.startswith("--") and "=" in word)
    jobs = make_jobs([flags["experiment"]], seeds=parse_seeds(flags["seeds"]), sets=sets, root=flags["root"])
    assert len(jobs) == 7 * 10
    for job in jobs:
        assert set(job.overrides) - NEUTRAL == {"precision"}  # all that the report shows beside the rows


def test_the_image_nets_numbers_are_the_benchmarks():
    known = (ROOT / "benchmarks/README.md").read_text()
    (line,) = [line for line in known.splitlines() if line.startswith("| `imagenet_input` | one view")]
    rows = {
        "one view: flax / ours": r"one view (\d\.\d\d)",
        "two views: flax / ours": r"two views (\d\.\d\d) \(",
        "ours: two views with separate crops / one view": r"two views (\d\.\d\d) times one",
        "ours: two views of the same crop / one view": r"of a shared crop (\d\.\d\d)",
        "decoding alone, one view / ours": r"decoding alone, [^|]* is (\d\.\d\d) of ours for one view",
    }
    for row, pattern in rows.items():
        (number,) = re.findall(pattern, line)
        assert f"| {row} | {number} |" in PAGES["image_nets.md"]

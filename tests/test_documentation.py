"""The pages of the documentation that are made from the code hold all that they are about. CI builds the whole."""

import json
import re
import statistics
import sys

import pytest

from sbn.__main__ import COMMANDS
from sbn.augment.ops import OPS
from sbn.augment.pipeline import parse
from sbn.config import beside
from sbn.config.rows import experiment_file, load_experiment
from sbn.config.schema import KEYS
from tests.conftest import ROOT

TOLD = ("README.md", "docs/library.md")


@pytest.fixture(autouse=True, scope="module")
def importable():
    sys.path.insert(0, str(ROOT / "docs/_generated"))
    yield
    sys.path.remove(str(ROOT / "docs/_generated"))


def test_every_key_is_explained():
    import pages

    page = pages.keys_page()
    for key in KEYS:
        assert f"**`{key.name}`**" in page
        assert pages.escaped(key.doc) in page


@pytest.mark.parametrize("paper", ["split_bn", "refine", "consistent"])
def test_every_row_stands_beside_its_number_and_what_the_paper_leaves_open(paper):
    import pages
    import rows

    experiment = load_experiment(experiment_file(paper))
    page = pages.rows_page(experiment)
    for name, row in experiment.rows().items():
        if name == "base":
            continue
        assert f"| `{name.split('/')[1]}` | {rows.paper_numbers(row)} |" in page
        for choice in experiment.choices(name):
            assert pages.escaped(choice.says) in page


def cells_of(page, table, row):
    (section,) = re.findall(rf"^## {table}: .*?(?=^## |\Z)", page, re.DOTALL | re.MULTILINE)
    (line,) = [line for line in section.splitlines() if line.startswith(f"| `{row}` |")]
    return line.split(" | ")[2], section


def test_rows_that_were_run_stand_beside_what_they_reached():
    import pages

    page = pages.rows_page(load_experiment(experiment_file("split_bn")))
    folder = ROOT / "results/cifar10_wrn10_1"
    written = [json.loads(path.read_text()) for path in sorted(folder.glob("runs/weak_augment/*/result.json"))]
    numbers = [100 * each["metrics"]["test/main/accuracy"] for each in written]
    mean, std = statistics.mean(numbers), statistics.stdev(numbers)
    cell, section = cells_of(page, "table3", "weak_augment")
    assert cell == f"{mean:.2f} ± {std:.2f} ([2 seeds](../results/{folder.name}/README.md), \\*)"
    assert "\n\\* changed: `duration=4epochs, model.depth=10, model.width=1`" in section
    assert cells_of(page, "table3", "baseline")[0] == "not run"
    assert cells_of(page, "table5", "wrn28_2_weak_augment")[0].startswith("trained, not evaluated")


def test_links_to_results_and_benchmarks_lead_to_pages_of_the_site():
    import measurements

    made = measurements.pages()
    for name in [*ROOT.glob("docs/*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]*)[^)]*\)", measurements.within_docs(name.read_text())):
            there = target in made or (ROOT / "docs" / target).exists()
            assert there or target.startswith(("reference/", "rows/")), (name, target)
            assert not target.startswith("../"), (name, target)


def test_every_command_has_its_help(monkeypatch):
    import pages

    monkeypatch.setattr(beside, "_called", True)
    page = pages.commands_page()
    for name in COMMANDS:
        assert f"usage: sbn {name} " in page or f"usage: sbn {name}\n" in page


def test_every_op_has_an_example_that_is_of_this_op():
    import pipelines

    examples = pipelines._DRAWN | pipelines._WRITTEN
    assert examples.keys() == OPS.keys()
    for name, text in examples.items():
        (op,) = parse(text)
        assert op.name == name


def test_every_page_of_the_site_is_in_its_menu():
    menu = (ROOT / "mkdocs.yml").read_text()
    for page in ROOT.glob("docs/*.md"):
        assert f": {page.name}\n" in menu, page


def test_the_page_about_layers_has_the_code_that_the_readme_has():
    code = [re.search(r"class Net\(nn.Module\):.*?```", (ROOT / name).read_text(), re.DOTALL)[0] for name in TOLD]
    code = [[line for line in text.splitlines() if line] for text in code]  # the README saves lines
    assert code[0] == code[1]

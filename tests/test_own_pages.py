"""docs/own_table.md and docs/own_optimiser.md work as they are written, from a folder outside the repository."""

import importlib
import json
import re
import shlex
import sys

import pytest

from sbn import export
from sbn.__main__ import COMMANDS
from sbn.config import imported
from tests.conftest import ROOT

PAGES = {name: (ROOT / f"docs/{name}.md").read_text() for name in ("own_table", "own_optimiser")}
# So that the test takes seconds, where the page trains for a minute
SMALL = {
    "data.path": "device",
    "data.train_examples": 32,
    "data.test_examples": 20,
    "data.image_size": 16,
    "model.depth": 10,
    "model.width": 1,
    "batch_size": 16,
    "duration": "3 steps",
    "eval.batch_size": 20,
    "log.every": "1 steps",
}


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    for page in PAGES.values():
        for name, text in re.findall(r"<!-- file: (\w+\.py) -->\n```python\n(.*?)```", page, re.DOTALL):
            # policies compile for seconds, on the data path of this page
            (tmp_path / name).write_text(text.replace("randaugment(2, 6)|crop(2)|flip", "crop(2)|flip|cutout(4)"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(imported, "_loaded", {})
    yield tmp_path
    sys.modules.pop("my_training", None)


def commands(page):
    (text,) = re.findall(rf"<!-- command: {page} -->\n```bash\n(.*?)```", PAGES[page], re.DOTALL)
    return [shlex.split(line) for line in text.replace("\\\n", " ").splitlines()]


def run(words, capsys):
    """Runs `sbn COMMAND ARGUMENTS` in this process, and returns what it printed."""
    sbn, command, *arguments = words
    assert sbn == "sbn"
    assert not importlib.import_module(COMMANDS[command].module).main(arguments)
    return capsys.readouterr().out


def test_a_table_of_ones_own_is_listed_planned_trained_and_reported(elsewhere, capsys):
    listed, planned, _, reported = (run(words, capsys) for words in commands("own_table"))
    assert "width/narrow" in listed
    assert "paper 60" in listed
    assert "4 " in planned
    assert "runs/my_tables/width/wide/seed1" in planned
    rows = [line for line in reported.splitlines() if "narrow" in line or "wide" in line]
    assert len(rows) >= 2
    assert "60" in next(line for line in rows if "wide" in line)
    (start,) = json.loads((elsewhere / "runs/my_tables/width/narrow/seed0/provenance.json").read_text())
    assert start["imported"]["experiments file my_tables.py"]["sha256"]


def test_another_optimiser_with_an_average_is_trained_evaluated_and_exported(elsewhere, capsys):
    train, evaluate, exported = commands("own_optimiser")
    run([*train, *(f"--config.{key}={value}" for key, value in SMALL.items())], capsys)
    workdir = elsewhere / "runs/adamw/seed0"
    lines = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    rates = [line["train/lr"] for line in lines if "train/lr" in line]
    assert rates == pytest.approx([0.002, 0.002 * (1 - 1 / 3) / 0.7, 0.002 * (1 - 2 / 3) / 0.7], rel=1e-5)
    metrics = json.loads((workdir / "result.json").read_text())["metrics"]
    printed = run(evaluate, capsys)
    assert f"{metrics['test_ema/main/accuracy']:.6f}" in printed
    run(exported, capsys)
    assert export.load(elsewhere / "net").about["weights"] == "ema"
    (start,) = json.loads((workdir / "provenance.json").read_text())
    assert start["imported"]["my_training:flat_then_linear"]["file"].endswith("my_training.py")


def test_the_other_optimiser_of_the_page_is_one(elsewhere, tiny):
    import jax.numpy as jnp

    from sbn.train.optimiser import check_optimisers
    from sbn.train.plan import make_plan

    config = tiny({"optim.name": "my_training:sign_momentum", "optim.args.beta": 0.5})
    check_optimisers(make_plan(config, examples=40), {"head": {"kernel": jnp.ones((2, 2))}})

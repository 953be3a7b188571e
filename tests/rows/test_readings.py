"""What the papers leave open: every reading of every row can be run, says what it changes, and quotes its paper."""

import json
import os
import pathlib
import re

import pytest

from sbn.config import identity, readings, rows, tree
from sbn.config.checks import check
from tests import facts
from tests.conftest import ROOT
from tests.rows.programs import FILES, load

SNAPSHOTS = pathlib.Path(__file__).parent / "readings"
SENTENCES = facts.load("sentences")
PAPERS = ROOT.parent / "shared/papers"
TEXTS = {
    "consistent": "consistent_normalization.txt",
    "refine": "data_augmentation_revisited.txt",
    "split_bn": "split_batchnorms.txt",
}
every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def others(experiment):
    """(row, choice, reading) of everything that can be run in another reading than its row takes."""
    for name, row in experiment.rows().items():
        if row.trains:
            for choice in row.choices:
                for reading in choice.others:
                    yield name, choice, reading


@every_file
def test_a_reading_can_be_run_and_its_config_alone_tells_which_it_is(path):
    experiment = load(path)
    for name, choice, reading in others(experiment):
        full = f"{name}@{reading}"
        flat, stated = rows.flat_config(experiment, full, {}), rows.flat_config(experiment, name, {})
        needed = {key: "somewhere" for key in experiment.row(full).needs}
        check(tree.to_config({**flat, **needed}))
        assert set(tree.difference(flat, stated)) <= choice.keys
        assert flat != stated
        assert experiment.canonical(full) == full
        for there in (name, full):  # whatever it was called, as when a row takes another reading than it did
            assert identity.recognised(experiment, there, flat) == full
            assert identity.recognised(experiment, there, stated) == name


@every_file
def test_readings_stay_what_they_were(path):
    """A changed reading changes what its runs are: it has to show. To accept it, write the snapshot anew."""
    experiment = load(path)
    made = {}
    for name, choice, reading in others(experiment):
        flat, stated = (rows.flat_config(experiment, row, {}) for row in (f"{name}@{reading}", name))
        changes = {key: [flat.get(key), stated.get(key)] for key in sorted(choice.keys)}
        made.setdefault(name, {"takes": [c.takes for c in experiment.choices(name)]})[reading] = changes
    made = json.loads(json.dumps(made))
    snapshot = SNAPSHOTS / f"{path.stem}.json"
    if os.environ.get("SBN_WRITE_SNAPSHOTS"):
        SNAPSHOTS.mkdir(exist_ok=True)
        snapshot.write_text(json.dumps(made, indent=0) + "\n")
    assert made == json.loads(snapshot.read_text())


@pytest.mark.parametrize("name", sorted(SENTENCES))
def test_what_a_choice_quotes_stands_in_its_paper(name):
    told = {choice.says for row in load(ROOT / f"experiments/{name}.py").rows().values() for choice in row.choices}
    quoted = [words for says in told for words in re.findall(r"'([^']+)'", says)]
    assert quoted
    for words in quoted:
        assert any(all(part in sentence for part in words.split(" ... ")) for sentence in SENTENCES[name]), words


@pytest.mark.skipif(not PAPERS.exists(), reason="the papers' texts are not here (shared/papers)")
@pytest.mark.parametrize("name", sorted(SENTENCES))
def test_the_sentences_are_the_papers(name):
    text = " ".join((PAPERS / TEXTS[name]).read_text().split())
    assert [sentence for sentence in SENTENCES[name] if " ".join(sentence.split()) not in text] == []


def test_the_committed_runs_of_consistent_normalisation_are_in_the_readings_of_their_time():
    """One BatchNorm took the copies one after the other, over the whole batch, and borders had the mean colour."""
    experiment = load(ROOT / "experiments/consistent.py")
    found = {}
    for file in sorted((ROOT / "results/cifar10a_resnet8_cn/runs").glob("*/seed0/result.json")):
        result = json.loads(file.read_text())
        row = identity.recognised(experiment, result["row"], tree.flatten(result["config"]))
        found[row.partition("/")[2]] = readings.split(row)[1]
    assert found["resnet32_transformed_bn@mean_border+whole_batch+sequential"]
    assert found["resnet32_transformed_none@mean_border+summed_losses"]
    assert found["resnet32_transformed_cn@mean_border+whole_batch"]

"""Reports show what a run made of the first test sentences, in every format that has room for it."""

import numpy as np
import pytest

from sbn.report import report
from sbn.runs.arrays import pack
from tests.report.work_dirs import write_run

ARRAYS = {
    "source": np.array(["a <b> dog", "two \\| *cats*"]),
    "reference": np.array(["ein Hund", "zwei Katzen"]),
    "main/translation": np.array(["ein Hund", "zwei"]),
    "half/translation": np.array(["Hund", "Katzen"]),
    "main/signature/bleu": np.array("nrefs:1"),
}


@pytest.fixture
def root(tmp_path):
    for seed in (1, 0):
        path = write_run(tmp_path / "runs", f"run{seed}", 0.9, seed=seed)
        (path / "artifacts/bleu").mkdir(parents=True)
        (path / "artifacts/bleu/78000.npz").write_bytes(pack(ARRAYS))
    return tmp_path / "runs"


def test_source_truth_and_every_branch_stand_together(file, root):
    text, _ = report(f"{file}:table3", root=root, format="text")
    assert "Translations of baseline, seed 0, step 78000\nsource  a <b> dog\ntruth   ein Hund\n" in text
    assert "main    zwei\nhalf    Katzen\n" in text
    assert text.count("Translations of") == 1  # one seed of a row
    markdown, _ = report(f"{file}:table3", root=root, format="markdown")
    assert "| source | truth | main | half |" in markdown
    assert "| a &lt;b&gt; dog | ein Hund | ein Hund | Hund |" in markdown
    assert "| two \\\\\\| \\*cats\\* | zwei Katzen |" in markdown
    page, _ = report(f"{file}:table3", root=root, format="html")
    assert '<td dir="auto">a &lt;b&gt; dog</td><td dir="auto">ein Hund</td>' in page


@pytest.mark.parametrize("damage", ["no_archive", "other_lengths", "no_source"])
def test_what_is_damaged_is_not_shown(file, root, damage):
    other = {"other_lengths": {"reference": np.array(["one"])}, "no_source": {"source": np.zeros(2)}}.get(damage)
    content = b"no archive" if other is None else pack({**ARRAYS, **other})
    if damage == "no_source":
        content = pack({name: array for name, array in ARRAYS.items() if name != "source"})
    for path in root.glob("*/artifacts/bleu/78000.npz"):
        path.write_bytes(content)
    text, _ = report(f"{file}:table3", root=root, format="text")
    assert "Translations of" not in text

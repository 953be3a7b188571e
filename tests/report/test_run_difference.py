"""Two runs side by side: keys that differ, and the metrics of both."""

import json

import pytest

from sbn.config import tree
from sbn.report.run_difference import describe
from sbn.runs import files
from tests.report.work_dirs import write_run


@pytest.fixture
def runs(tmp_path):
    made = []
    for name, lr, accuracy in (("a", 0.1, 0.5), ("b", 0.2, 0.75)):
        path = write_run(tmp_path, name, accuracy)
        config = tree.to_config(tree.changed(tree.defaults(), {"optim.lr": lr})).to_dict()
        (path / "config.json").write_text(json.dumps(config))
        result = json.loads((path / "result.json").read_text())
        (path / "result.json").write_text(json.dumps({**result, "config": config}))
        made.append(path)
    return made


def test_keys_that_differ_are_shown_with_both_values(runs):
    lines = describe(*runs)
    assert "  optim.lr  0.1  ->  0.2" in lines
    assert not any("batch_size" in line for line in lines)


def test_metrics_of_both_are_beside_each_other(runs):
    (line,) = [line for line in describe(*runs) if line.startswith("test/main/accuracy ")]
    assert line.split() == ["test/main/accuracy", "0.5000", "0.7500", "+0.2500"]


def test_a_run_does_not_differ_from_itself(runs):
    lines = describe(runs[0], runs[0])
    assert "config: the same" in lines
    assert all(line.split()[-1] in ("+0.0000", "difference") for line in lines if line.startswith(("test/", "metric")))


def test_other_data_under_the_same_name_are_shown(runs):
    for path, own in zip(runs, ("abc", "def"), strict=True):
        files.write(path, files.DATA, {"name": "cifar10", "fingerprints": {"train": own, "test": "ghi"}})
    lines = describe(*runs)
    assert lines[lines.index("data, as fingerprints of splits:") + 1] == "  train  'abc'  ->  'def'"
    assert not any("ghi" in line for line in lines)


def test_a_damaged_provenance_is_needed_by_nothing(runs):
    (runs[0] / "provenance.json").mkdir()
    assert "  optim.lr  0.1  ->  0.2" in describe(*runs)


def test_a_folder_without_a_run_is_refused(runs, tmp_path):
    with pytest.raises(Exception, match="holds no run"):
        describe(runs[0], tmp_path / "nothing")

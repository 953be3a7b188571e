"""Accuracy by branch and kind of images, from what `accuracy` and `affinity` measured at the end of the first stage."""

import json

import pytest

from sbn.report import branch_views
from sbn.report.collect import read_run
from tests.report.work_dirs import write_run

SMALL = "resize_and_pad(12)"


def measured(tmp_path, lines, stages):
    path = write_run(tmp_path, "run", 0.8, steps=20, stages=stages)
    (path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return read_run(path)


FIRST = {
    "step": 10,
    "test/main/accuracy": 0.75,
    "test/aux/accuracy": 0.15,
    "test/mix_0.5/accuracy": 0.6,
    f"test/main/affinity/{SMALL}": -0.5,
    f"test/aux/affinity/{SMALL}": 0.45,
    f"test/mix_0.5/affinity/{SMALL}": -0.1,
}


def test_affinity_is_added_to_the_accuracy_of_its_branch_at_the_first_stages_end(tmp_path):
    later = {"step": 20, "test/main/accuracy": 0.9, f"test/main/affinity/{SMALL}": 0.0}
    run = measured(tmp_path, [FIRST, later], {"train": [0, 10], "refine": [10, 20]})
    found = branch_views.by_branch_and_view(run)
    assert found == {
        "images as they are": {"main": pytest.approx(75), "aux": pytest.approx(15)},
        SMALL: {"main": pytest.approx(25), "aux": pytest.approx(60)},
    }
    head, whole, small = branch_views.lines(run)
    assert head.split() == ["main", "aux"]
    assert whole.split()[-2:] == ["75.0", "15.0"]
    assert small.split() == [SMALL, "25.0", "60.0"]
    assert [axes.get_title() for axes in branch_views.draw({"none": [], "row": [run]}).axes] == list(found)


@pytest.mark.parametrize("missing", ["test/aux/accuracy", f"affinity/{SMALL}"])
def test_of_one_branch_or_one_kind_of_images_there_is_nothing_to_tell(tmp_path, missing):
    line = {name: value for name, value in FIRST.items() if missing not in name}
    run = measured(tmp_path, [line], {"train": [0, 10]})
    assert (branch_views.by_branch_and_view(run), branch_views.lines(run)) == ({}, [])
    assert branch_views.draw({"row": [run]}) is None

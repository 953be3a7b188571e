import base64
import io

import numpy as np
import pytest
from PIL import Image

from sbn.config.rows import Experiment, Paper, Row, Table
from sbn.report.collect import find_runs, read_run
from sbn.report.page import figure_of_table, figures_of_run
from sbn.report.report_data import make_report_data
from tests.report.work_dirs import MAIN, TABLE, write_run

PNG = b"\x89PNG\r\n\x1a\n"

ARRAYS = {
    "low_pass/widths": np.array([2, 8, 16]),
    "low_pass/main/accuracy": np.array([0.2, 0.5, 0.9]),
    "low_pass/examples": np.array(100),
}


@pytest.fixture
def run(tmp_path):
    return read_run(write_run(tmp_path, "run", 0.9))


def leave(run, evaluator, name, content):
    folder = run.path / "artifacts" / evaluator
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def saved(arrays):
    content = io.BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()


def decoded(uri):
    return base64.b64decode(uri.removeprefix("data:image/png;base64,"), validate=True)


def test_figures_of_the_last_step_come_as_they_are(run):
    leave(run, "low_pass", "78000.png", PNG)
    leave(run, "low_pass", "78000.npz", saved(ARRAYS))  # not drawn again
    leave(run, "fourier", "39000.png", b"of an earlier step")
    figures = figures_of_run(run)
    assert list(figures) == ["low_pass, step 78000"]
    assert decoded(figures["low_pass, step 78000"]) == PNG


def test_arrays_without_a_figure_are_drawn(run):
    leave(run, "low_pass", "78000.npz", saved(ARRAYS))
    image = Image.open(io.BytesIO(decoded(figures_of_run(run)["low_pass, step 78000"])))
    assert image.format == "PNG"
    assert min(image.size) > 200
    assert len(image.convert("RGB").getcolors(1 << 20)) > 10  # it is not empty


@pytest.mark.parametrize(
    ("evaluator", "content"),
    [("low_pass", b"damaged"), ("low_pass", saved({"other": np.zeros(1)})), ("accuracy", saved(ARRAYS))],
)
def test_what_can_not_be_drawn_is_left_out(run, evaluator, content):
    leave(run, evaluator, "78000.npz", content)
    assert figures_of_run(run) == {}


def test_figures_of_the_ends_of_stages_come_in_order(tmp_path):
    stages = {"train": [0, 500], "refine": [500, 78000]}
    run = read_run(write_run(tmp_path, "staged", 0.9, stages=stages))
    for step in (499, 500, 78000):
        leave(run, "mix", f"{step}.png", PNG + str(step).encode())
    figures = {name: decoded(uri) for name, uri in figures_of_run(run).items()}
    assert list(figures.items()) == [("mix, step 500", PNG + b"500"), ("mix, step 78000", PNG + b"78000")]


def test_a_run_without_artifacts_has_no_figures(run):
    assert figures_of_run(run) == {}


def test_a_table_has_the_figure_of_its_runs_those_with_overrides_where_there_are_no_others(tmp_path):
    table = Table("", {"net_baseline": Row({}, (Paper(94.9, MAIN),), runs_of="table3/baseline")}, "bars")
    experiment = Experiment("mine", tmp_path, {}, {"figure": table, "table3": TABLE})
    assert figure_of_table(make_report_data([experiment], find_runs(tmp_path)).sections[0]) is None
    changed = {"optim.lr": 0.5}
    write_run(tmp_path, "changed", 0.90, overrides=changed)
    uri, notes = figure_of_table(make_report_data([experiment], find_runs(tmp_path)).sections[0])
    assert Image.open(io.BytesIO(decoded(uri))).width > 100
    assert notes == ["runs with optim.lr=0.5"]
    write_run(tmp_path, "plain", 0.94)
    plain, notes = figure_of_table(make_report_data([experiment], find_runs(tmp_path)).sections[0])
    assert plain != uri
    assert not notes

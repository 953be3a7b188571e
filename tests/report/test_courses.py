"""Curves of test accuracy: the numbers that are drawn, and how they look."""

import json
import math
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from sbn.figures.make import to_svg
from sbn.report.collect import read_run, with_evaluations
from sbn.report.courses import course_of, draw_courses
from tests.report.work_dirs import AUX, MAIN, write_run

SVG = "{http://www.w3.org/2000/svg}"


def write_course(root, seed, accuracies, *, per_epoch=10, metric=MAIN, every=10, **changes):
    """A run with one evaluation an epoch."""
    path = write_run(root, f"{changes.get('row', 'x')}{seed}", seed=seed, steps_per_epoch=per_epoch, **changes)
    lines = [{"step": every * (k + 1), metric: value} for k, value in enumerate(accuracies)]
    (path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return read_run(path)


def drawn(groups):
    """The panel, its lines by label, and the labels of the legend."""
    figure = draw_courses(groups)
    (axes,) = figure.axes
    (legend,) = figure.legends
    return axes, {line.get_label(): line for line in axes.lines}, [text.get_text() for text in legend.get_texts()]


def test_a_course_has_least_mean_and_most_by_epoch(tmp_path):
    runs = [write_course(tmp_path, 0, [0.5, 0.7]), write_course(tmp_path, 1, [0.6, 0.9])]
    assert course_of(runs, MAIN) == [
        (1.0, 50.0, pytest.approx(55), 60.0),
        (2.0, 70.0, pytest.approx(80), 90.0),
    ]
    assert course_of(runs, AUX) == []


def test_what_is_not_finite_or_cut_short_is_no_point(tmp_path):
    runs = [write_course(tmp_path, 0, [0.5, None, math.nan, 0.8])]
    with (runs[0].path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 50, "test/ma')
    assert [(epoch, mean) for epoch, _, mean, _ in course_of(runs, MAIN)] == [(1.0, 50.0), (4.0, 80.0)]


def test_a_run_evaluated_again_counts_once_by_what_training_measured(tmp_path):
    run = write_course(tmp_path, 0, [0.5, 0.75], steps=20)
    (run.path / "artifacts/accuracy").mkdir(parents=True)
    again = {"metrics": {MAIN: 0.25}, "overrides": {"eval.examples": 5}}
    (run.path / "artifacts/accuracy/20.json").write_text(json.dumps(again))
    found, problems = with_evaluations(run)
    assert not problems
    assert course_of([found], MAIN) == [(1.0, 50.0, 50.0, 50.0), (2.0, 75.0, 75.0, 75.0)]


def test_the_line_is_the_mean_and_the_band_goes_from_least_to_most(tmp_path):
    axes, lines, legend = drawn({"a": [write_course(tmp_path, s, [0.2 + s / 10, 0.8]) for s in range(3)], "none": []})
    np.testing.assert_allclose(lines["a"].get_xydata(), [[1, 30], [2, 80]])
    (band,) = axes.collections
    corners = band.get_paths()[0].vertices
    assert {(round(x), round(y)) for x, y in corners} == {(1, 20), (1, 40), (2, 80)}
    assert legend == ["a"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("epoch", f"{MAIN} (%)")


def test_the_papers_value_is_a_dotted_line_in_the_colour_of_its_row(tmp_path):
    groups = {name: [write_course(tmp_path, k, [0.2, 0.8], row=name)] for k, name in enumerate("ab")}
    figure = draw_courses(groups, papers={"b": 94.5})
    (axes,), (legend,) = figure.axes, figure.legends
    (own,) = [line for line in axes.lines if line.get_label() == "b"]
    (paper,) = [line for line in axes.lines if set(line.get_ydata()) == {94.5}]
    assert paper.get_color() == own.get_color()
    assert [text.get_text() for text in legend.get_texts()] == ["a", "b"]


def test_the_same_runs_make_the_same_file_with_names_as_texts_whatever_they_are(tmp_path):
    name = 'a <b> & "c" $x$ [views.main.augment=crop(4)|flip]'
    groups = {name: [write_course(tmp_path, 0, [0.2, 0.8])]}
    first, second = (to_svg(draw_courses(groups)) for _ in range(2))
    assert first == second
    texts = {text.text for text in ET.fromstring(first).iter("{http://www.w3.org/2000/svg}text")}
    assert name in texts
    assert b"<dc:date>" not in first


def test_every_line_can_be_told_from_every_other(tmp_path):
    _, lines, legend = drawn({f"row {k}": [write_course(tmp_path, k, [0.1, 0.2 + k / 100])] for k in range(20)})
    assert len({(line.get_color(), line.get_linestyle()) for line in lines.values()}) == len(legend) == 20


def test_without_steps_of_an_epoch_it_goes_by_step(tmp_path):
    axes, lines, _ = drawn({"a": [write_course(tmp_path, 0, [0.1, 0.2], per_epoch=None)]})
    assert axes.get_xlabel() == "step"
    assert list(lines["a"].get_xdata()) == [10, 20]


def test_runs_with_and_without_steps_of_an_epoch_are_not_mixed(tmp_path):
    runs = [write_course(tmp_path, 0, [0.1, 0.2]), write_course(tmp_path, 1, [0.3, 0.4], per_epoch=None)]
    _, lines, _ = drawn({"a": runs})
    assert list(lines["a"].get_xdata()) == [10, 20]
    axes, _, _ = drawn({"a": [runs[0], write_course(tmp_path, 2, [], per_epoch=None)]})
    assert axes.get_xlabel() == "epoch"


@pytest.mark.parametrize("accuracies", [[], [0.5]])
def test_fewer_than_two_points_are_no_curve(tmp_path, accuracies):
    assert draw_courses({"a": [write_course(tmp_path, 0, accuracies)]}) is None
    assert draw_courses({}) is None

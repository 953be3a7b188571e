"""Curves of test accuracy: the numbers that are drawn, and where they come to lie."""

import itertools
import json
import math
import re
import xml.etree.ElementTree as ET

import pytest

from sbn.report.accuracy_curves import accuracy_curves, course_of, nice_ticks
from sbn.report.collect import read_run
from tests.report.work_dirs import AUX, MAIN, write_run

SVG = "{http://www.w3.org/2000/svg}"


def write_course(root, seed, accuracies, *, per_epoch=10, metric=MAIN, every=10, **changes):
    """A run with one evaluation an epoch."""
    path = write_run(root, f"{changes.get('row', 'x')}{seed}", seed=seed, steps_per_epoch=per_epoch, **changes)
    lines = [{"step": every * (k + 1), metric: value} for k, value in enumerate(accuracies)]
    (path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return read_run(path)


def drawn(svg):
    return ET.fromstring(svg)


def points(element):
    return [tuple(map(float, pair.split(","))) for pair in element.get("points").split()]


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


def test_the_line_is_where_its_numbers_are(tmp_path):
    groups = {"a": [write_course(tmp_path, 0, [0.0, 0.5, 1.0])], "none": []}
    svg = drawn(accuracy_curves(groups))
    (line,) = svg.iter(f"{SVG}polyline")
    (first, middle, last) = points(line)
    assert last[0] - middle[0] == pytest.approx(middle[0] - first[0], abs=0.11)  # drawn to a tenth of a pixel
    assert first[1] - middle[1] == pytest.approx(middle[1] - last[1], abs=0.11)
    assert last[1] < first[1]  # up is better
    texts = {text.text: text for text in svg.iter(f"{SVG}text")}
    for tick, (_, at) in (("0", first), ("100", last)):
        ticks = [text for text in svg.iter(f"{SVG}text") if text.text == tick and text.get("text-anchor") == "end"]
        assert float(ticks[0].get("y")) - 4 == pytest.approx(at, abs=0.11)
    assert float(texts["3"].get("x")) == pytest.approx(last[0], abs=0.11)
    assert {"epoch", "a", f"{MAIN} (%)"} <= set(texts)
    assert "none" not in texts


def test_the_band_is_as_wide_as_the_runs_are_apart(tmp_path):
    svg = drawn(accuracy_curves({"a": [write_course(tmp_path, s, [0.2 + s / 10, 0.8]) for s in range(3)]}))
    (band,) = svg.iter(f"{SVG}polygon")
    (line,) = svg.iter(f"{SVG}polyline")
    corners = points(band)
    assert len(corners) == 4
    top, bottom = corners[0][1], corners[3][1]
    assert (top + bottom) / 2 == pytest.approx(points(line)[0][1], abs=0.11)
    assert corners[1] == corners[2]


def test_names_are_text_whatever_they_are(tmp_path):
    name = 'a <b> & "c" [views.main.augment=crop(4)|flip]'
    svg = drawn(accuracy_curves({name: [write_course(tmp_path, 0, [0.2, 0.8])]}))
    assert [text.text for text in svg.iter(f"{SVG}text")][-1] == name


def test_every_line_can_be_told_from_every_other(tmp_path):
    groups = {f"row {k}": [write_course(tmp_path, k, [0.1, 0.2 + k / 100])] for k in range(20)}
    svg = drawn(accuracy_curves(groups))
    styles = {(line.get("stroke"), line.get("stroke-dasharray")) for line in svg.iter(f"{SVG}polyline")}
    assert len(styles) == 20
    lowest = max(float(text.get("y")) for text in svg.iter(f"{SVG}text"))
    assert lowest < float(svg.get("viewBox").split()[3])


def test_without_steps_of_an_epoch_it_goes_by_step(tmp_path):
    svg = accuracy_curves({"a": [write_course(tmp_path, 0, [0.1, 0.2], per_epoch=None)]})
    assert ">step<" in svg
    assert ">20<" in svg


def test_runs_with_and_without_steps_of_an_epoch_are_not_mixed(tmp_path):
    runs = [write_course(tmp_path, 0, [0.1, 0.2]), write_course(tmp_path, 1, [0.3, 0.4], per_epoch=None)]
    (line,) = drawn(accuracy_curves({"a": runs})).iter(f"{SVG}polyline")
    assert len(points(line)) == 2
    unmeasured = write_course(tmp_path, 2, [], per_epoch=None)
    assert ">epoch<" in accuracy_curves({"a": [runs[0], unmeasured]})


@pytest.mark.parametrize("accuracies", [[], [0.5]])
def test_fewer_than_two_points_are_no_curve(tmp_path, accuracies):
    assert accuracy_curves({"a": [write_course(tmp_path, 0, accuracies)]}) == ""
    assert accuracy_curves({}) == ""


def test_equal_values_make_a_level_line(tmp_path):
    svg = accuracy_curves({"a": [write_course(tmp_path, 0, [0.5, 0.5])]})
    assert "nan" not in svg
    assert "inf" not in svg
    (first, last) = points(next(drawn(svg).iter(f"{SVG}polyline")))
    assert first[1] == last[1]


@pytest.mark.parametrize(("low", "high"), [(0, 100), (93.2, 96.4), (0.1, 0.1), (95.0, 95.02), (0, 200), (12.5, 88)])
def test_ticks_are_round_evenly_apart_and_around_the_values(low, high):
    ticks = nice_ticks(low, high)
    assert ticks[0] <= low
    assert ticks[-1] >= high
    assert 2 <= len(ticks) <= 8
    steps = {round(after - before, 9) for before, after in itertools.pairwise(ticks)}
    assert len(steps) == 1
    assert re.fullmatch(r"[125]e[+-]\d+", f"{steps.pop():.0e}")

"""Best, last and median of the last 10 epochs, of a stage, from metrics.jsonl."""

import json
import math
import statistics

import pytest

from sbn.config.errors import ConfigError
from sbn.config.rows import Paper, experiment_files, load_experiment
from sbn.report.collect import read_run
from sbn.report.measures import Measure, measure_of, measured, of_every_stage, parse
from tests.report.work_dirs import MAIN, write_run

LOSS = "test/main/loss"
STAGES = {"train": [0, 60], "refine": [60, 90]}  # 5 steps an epoch: 12 epochs, and 6


def value(step):
    """An accuracy that jumps about; the best of the first stage lies before its last 10 epochs."""
    return 0.99 if step == 5 else round(0.5 + 0.3 * math.sin(step), 6)


@pytest.fixture
def run(tmp_path):
    path = write_run(tmp_path, "run", stages=STAGES, steps_per_epoch=5, metrics={MAIN: value(90), LOSS: 1.0})
    lines = [{"step": step, "train/loss": 1.0} for step in range(1, 91)]
    lines += [{"step": step, MAIN: value(step), LOSS: 1 + step / 100} for step in [*range(5, 91, 5), 62]]
    (path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"step": 91, "te')
    return read_run(path)


def add_line(run, line):
    file = run.path / "metrics.jsonl"
    file.write_text(file.read_text().rpartition("\n")[0] + "\n" + json.dumps(line) + "\n")


def test_the_last_value_of_a_stage(run):
    assert measured(run, Measure(MAIN, "train")) == (value(60), "")
    assert measured(run, Measure(MAIN, "refine")) == (value(90), "")
    assert measured(run, Measure(MAIN)) == (value(90), "")


def test_the_median_is_over_the_ends_of_the_last_ten_epochs(run):
    expected = statistics.median(value(step) for step in range(15, 61, 5))
    assert measured(run, Measure(MAIN, "train", "median_last_10")) == (expected, "")


def test_a_median_over_fewer_epochs_says_so_and_takes_none_of_the_stage_before(run):
    found, note = measured(run, Measure(MAIN, "refine", "median_last_10"))
    assert found == statistics.median(value(step) for step in range(65, 91, 5))  # not step 62: no epoch ends there
    assert note == "median of 6 epochs of 10"


def test_the_best_is_the_highest_accuracy_and_the_lowest_loss(run):
    assert measured(run, Measure(MAIN, "train", "best")) == (0.99, "best of 12 evaluations")
    assert measured(run, Measure(MAIN, "refine", "best"))[0] == max(value(step) for step in [62, *range(65, 91, 5)])
    assert measured(run, Measure(LOSS, "refine", "best")) == (1.62, "best of 7 evaluations")
    assert measured(run, Measure(MAIN, statistic="best"))[0] == 0.99  # of the whole run


@pytest.mark.parametrize(
    ("metric", "best"),
    [
        *((f"test/main/{name}", 0.7) for name in ("accuracy", "top5_accuracy", "map", "bleu", "miou", "overlap")),
        ("low_pass/aux/mean_accuracy", 0.7),
        ("train/main/accuracy", 0.7),
        *((f"test/main/{name}", 0.2) for name in ("loss", "error", "cross_entropy", "wasserstein")),
        ("corrupted/main/error/accuracy_5", 0.2),  # a detail does not tell
        ("corrupted/mix_0.5/uce", 0.2),
        ("train/loss", 0.2),
    ],
)
def test_the_best_of_every_metric_is_on_its_side(tmp_path, metric, best):
    path = write_run(tmp_path, "run", stages={"train": [0, 15]}, steps_per_epoch=5)
    lines = [{"step": step, metric: value} for step, value in ((5, 0.3), (10, 0.7), (15, 0.2))]
    (path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert measured(read_run(path), parse(f"{metric}:best")) == (best, "best of 3 evaluations")


@pytest.mark.parametrize("metric", ["train/lr", "test/main/affinity/flip", "model/main_aux/divergence"])
def test_what_is_neither_better_high_nor_low_has_no_best(run, metric):
    with pytest.raises(ConfigError, match=f"'{metric}:best': the name '{metric.split('/')[:3][-1]}' does not say"):
        parse(f"{metric}:best")
    add_line(run, {"step": 60, metric: 0.5})
    assert measured(run, Measure(metric, "train", "best")) == (None, f"{metric} has no best")
    assert [measure.statistic for measure in of_every_stage(Measure(metric), [run])] == ["last", "median_last_10"] * 2


@pytest.mark.parametrize(("higher", "best"), [(True, 0.7), (False, 0.2)])
def test_a_papers_number_can_say_which_values_of_a_new_metric_are_better(tmp_path, higher, best):
    metric = "test/main/oddness"
    path = write_run(tmp_path, "run", stages={"train": [0, 15]}, steps_per_epoch=5)
    lines = [{"step": step, metric: value} for step, value in ((5, 0.3), (10, 0.7), (15, 0.2))]
    (path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    measure = measure_of(Paper(0.5, metric, statistic="best", higher_is_better=higher))
    assert measured(read_run(path), measure)[0] == best


def test_every_best_that_a_row_shows_has_a_direction():
    rows = [row for file in experiment_files() for row in load_experiment(file).rows().values()]
    shown = [measure_of(paper) for row in rows for paper in row.paper] + [parse(m) for row in rows for m in row.metrics]
    best = [measure for measure in shown if measure.statistic == "best"]
    assert best
    assert all(measure.better for measure in best)


def test_what_a_run_does_not_have_is_none(run, tmp_path):
    assert measured(run, Measure("test/aux/accuracy", "train", "best")) == (None, "")
    assert measured(run, Measure(MAIN, "warmup")) == (None, "runs without a stage warmup")
    old = read_run(write_run(tmp_path, "old", 0.5))
    assert measured(old, Measure(MAIN)) == (0.5, "")
    assert measured(old, Measure(MAIN, "train")) == (None, "runs that did not record their stages")


def test_a_value_that_is_not_finite_makes_the_median_nan_but_not_the_best(run):
    add_line(run, {"step": 90, MAIN: None})
    assert math.isnan(measured(run, Measure(MAIN, "refine", "median_last_10"))[0])
    assert measured(run, Measure(MAIN, "refine", "best"))[0] == max(value(step) for step in [62, *range(65, 90, 5)])


@pytest.mark.parametrize(
    ("text", "measure"),
    [
        (MAIN, Measure(MAIN)),
        (f"{MAIN}@refine", Measure(MAIN, "refine")),
        (f"{MAIN}:best", Measure(MAIN, "", "best")),
        (f"{MAIN}@train:median_last_10", Measure(MAIN, "train", "median_last_10")),
    ],
)
def test_measures_read_as_they_print(text, measure):
    assert parse(text) == measure
    assert measure.text == text


def test_an_unknown_statistic_names_the_nearest():
    with pytest.raises(ConfigError, match="did you mean 'median_last_10'"):
        parse(f"{MAIN}:median_last10")


def test_every_statistic_of_every_stage(run):
    assert [measure.text.removeprefix(MAIN) for measure in of_every_stage(Measure(MAIN), [run])] == [
        "@train",
        "@train:best",
        "@train:median_last_10",
        "@refine",
        "@refine:best",
        "@refine:median_last_10",
    ]

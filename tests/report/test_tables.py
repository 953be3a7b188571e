import dataclasses
import math
import pathlib

import pytest

from sbn.config.rows import Paper, Row, Table
from sbn.report.collect import Run
from sbn.report.measures import Measure, shown_scale
from sbn.report.significance import difference_interval
from sbn.report.tables import main_metric, make_lines, stray_rows
from tests.report.work_dirs import AUX, MAIN, MIX, TABLE

# All expected numbers below were worked out by hand; the code is float64, so that 1e-9 leaves only rounding.
NEAR = 1e-9


def make_run(seed=0, row="table3/baseline", overrides=None, steps=100, **metrics):
    named = {{"main": MAIN, "aux": AUX, "mix": MIX}.get(name, name): value for name, value in metrics.items()}
    return Run(pathlib.Path(f"seed{seed}"), "mine", row, seed, overrides or {}, named, 1.0, steps, 0.0)


def lines_of(runs, row="baseline", **options):
    return [line for line in make_lines("table3", TABLE, runs, **options) if line.row == row]


def test_mean_std_and_difference():
    (line,) = lines_of([make_run(s, main=value) for s, value in enumerate([0.95, 0.96, 0.97, 0.98])])
    assert line.mean == pytest.approx(96.5, abs=NEAR)
    # squared deviations 2.25 + 0.25 + 0.25 + 2.25 = 5 over 4 - 1
    assert line.std == pytest.approx(math.sqrt(5 / 3), abs=NEAR)
    assert line.difference == pytest.approx(1.6, abs=NEAR)
    assert (line.runs, line.asked, line.where, line.notes) == (4, 4, "Table 3, row 1", ())


def test_one_run_has_a_difference_but_no_spread():
    (line,) = lines_of([make_run(main=0.95)])
    assert line.mean == pytest.approx(95, abs=NEAR)
    assert line.difference == pytest.approx(0.1, abs=NEAR)
    assert (line.std, line.runs) == (None, 1)


def test_rows_without_runs_stay_with_the_papers_number():
    lines = make_lines("table3", TABLE, [])
    assert [line.row for line in lines] == ["baseline", "weak_augment", "ours"]
    assert {line.measure for line in lines} == {Measure(MAIN)}
    assert all((line.mean, line.std, line.difference, line.runs) == (None,) * 3 + (0,) for line in lines)
    assert lines[0].paper.value == 94.9
    assert lines[2].paper is None


def test_overrides_stand_apart_after_the_row():
    runs = [make_run(main=0.95), make_run(1, main=0.97), make_run(overrides={"optim.lr": 0.05}, main=0.5)]
    first, second = lines_of(runs)
    assert (first.overrides, first.mean, first.runs) == ({}, pytest.approx(96), 2)
    assert (second.overrides, second.mean, second.runs) == ({"optim.lr": 0.05}, pytest.approx(50), 1)


def test_a_row_with_overridden_runs_alone_keeps_its_own_empty_line():
    first, second = lines_of([make_run(overrides={"optim.lr": 0.05}, main=0.5)])
    assert (first.mean, first.overrides) == (None, {})
    assert second.runs == 1


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_diverged_runs_are_told_and_not_averaged(bad):
    (line,) = lines_of([make_run(0, main=0.95), make_run(1, main=bad), make_run(2, main=0.97)])
    assert (line.mean, line.runs) == (pytest.approx(96), 2)
    assert line.notes == ("1 of 3 diverged, not in the mean: seed 1",)


def test_every_seed_that_diverged_is_named():
    (line,) = lines_of([make_run(seed, main=math.nan if seed in (2, 7) else 0.9) for seed in (7, 2, 1)])
    assert line.notes == ("2 of 3 diverged, not in the mean: seeds 2, 7",)


def test_a_row_of_diverged_runs_has_no_mean():
    (line,) = lines_of([make_run(main=math.nan)])
    assert (line.mean, line.difference, line.runs) == (None, None, 0)
    assert line.notes == ("1 of 1 diverged, not in the mean: seed 0",)


def test_runs_without_the_metric_are_told():
    (line,) = lines_of([make_run(0, main=0.95), make_run(1)])
    assert (line.runs, line.notes) == (1, ("1 of 2 without this number",))


def test_runs_of_unequal_length_are_told():
    (line,) = lines_of([make_run(0, main=0.95, steps=100), make_run(1, main=0.95, steps=20)])
    assert line.notes == ("1 of 2 with a shorter run, not in the mean: seed 1 (20, 100 steps)",)
    assert line.runs == 1


def test_other_branches_are_shown_where_runs_have_them():
    lines = lines_of([make_run(main=0.9, aux=0.8, mix=0.95)])
    assert [(line.measure.metric, line.paper is None) for line in lines] == [(MAIN, False), (AUX, True), (MIX, True)]
    assert [line.mean for line in lines] == pytest.approx([90, 80, 95])


def test_averaged_weights_are_shown_beside_the_plain_ones():
    averaged = {"test_ema/main/accuracy": 0.92, "test_ema/aux/accuracy": 0.85}
    lines = lines_of([make_run(main=0.9, aux=0.8, **averaged)])
    assert [(line.measure.metric, line.paper is None) for line in lines] == [
        (MAIN, False),
        (AUX, True),
        ("test_ema/main/accuracy", True),
        ("test_ema/aux/accuracy", True),
    ]
    assert [line.mean for line in lines] == pytest.approx([90, 80, 92, 85])


def test_asked_metrics_replace_the_default():
    runs = [make_run(main=0.9, **{"test/main/loss": 0.25})]
    (line,) = lines_of(runs, measures=[Measure("test/main/loss")])
    assert line.mean == 0.25  # a loss is no percentage


@pytest.mark.parametrize(
    ("metric", "fraction"),
    [
        (MAIN, True),
        ("test/main/top5_accuracy", True),
        ("corrupted/aux/error/fog_5", True),
        ("test/main/loss", False),
        ("time/error_secs", False),
    ],
)
def test_accuracies_and_errors_are_fractions(metric, fraction):
    assert shown_scale(metric) == (100 if fraction else 1)


def test_runs_of_other_tables_do_not_count():
    (line,) = lines_of([make_run(row="table33/baseline", main=0.9), make_run(row="table3/baseline2", main=0.9)])
    assert line.runs == 0


def test_stray_rows_are_counted():
    runs = [make_run(row="table3/gone"), make_run(1, row="table3/gone"), make_run(row="table3/baseline")]
    assert stray_rows({"table3/baseline": TABLE.rows["baseline"]}, runs) == {"table3/gone": 2}


UCE = "corrupted/main/uce"
OTHERS = Table(
    "Rows that show runs of others",
    {
        "robust": Row({}, (Paper(19.1, UCE),), runs=10, runs_of="table3/weak_augment", metrics=("corrupted/aux/uce",)),
        "flip": Row(
            {}, (Paper(95.9, MAIN), Paper(-0.8, "test/main/affinity/flip", of="table1/clean")), where="Table 1"
        ),
    },
)


def others(runs, row, **options):
    return [line for line in make_lines("table5", OTHERS, runs, **options) if line.row == row]


def test_a_row_shows_the_runs_of_the_row_it_names():
    runs = [make_run(s, row="table3/weak_augment", **{UCE: 0.2 + s / 100}) for s in range(2)]
    first, second = others([*runs, make_run(row="table3/baseline", **{UCE: 0.9})], "robust")
    assert (first.measure.metric, first.runs, first.asked) == (UCE, 2, 10)
    assert (first.mean, first.difference) == (pytest.approx(20.5), pytest.approx(1.4))
    assert (second.measure.metric, second.mean, second.notes) == (
        "corrupted/aux/uce",
        None,
        ("2 of 2 without this number",),
    )


def test_generated_images_stand_under_their_own_name_with_the_papers_number_and_a_warning():
    generated = "corrupted_generated/main/uce"
    first, *_ = others([make_run(row="table3/weak_augment", **{generated: 0.25})], "robust")
    assert (first.measure.metric, first.mean, first.paper.value) == (generated, pytest.approx(25), 19.1)
    assert first.notes == ("other images (generated, not the benchmark's): not compared with the paper's number",)
    assert first.difference is None
    both = others([make_run(row="table3/weak_augment", **{generated: 0.25, UCE: 0.2})], "robust")
    assert [line.measure.metric for line in both[:2]] == [UCE, generated]
    assert both[0].notes == ()


def test_a_papers_number_of_another_rows_runs_is_measured_by_those():
    clean = [make_run(s, row="table1/clean", main=0.5, **{"test/main/affinity/flip": -0.01 - s / 100}) for s in (0, 1)]
    own, affinity = others([make_run(row="table5/flip", main=0.96), *clean], "flip")
    assert (own.mean, own.runs) == (pytest.approx(96), 1)  # not the clean model's 50
    assert (affinity.mean, affinity.runs, affinity.difference) == (pytest.approx(-1.5), 2, pytest.approx(-0.7))
    assert affinity.notes == ("of table1/clean",)
    own, affinity = others(clean, "flip")
    assert (own.runs, affinity.runs) == (0, 2)


def test_runs_that_changed_the_same_are_compared_with_each_other():
    short = {"duration": "4 epochs"}
    name = "test/main/affinity/flip"
    clean = [
        make_run(row="table1/clean", **{name: -0.01}),
        make_run(row="table1/clean", overrides=short, **{name: -0.5}),
    ]
    lines = others([make_run(row="table5/flip", overrides=short, main=0.6), *clean], "flip")
    assert [(line.overrides, line.measure.metric, line.mean) for line in lines] == [
        ({}, MAIN, None),
        ({}, name, pytest.approx(-1)),
        (short, MAIN, pytest.approx(60)),
        (short, name, pytest.approx(-50)),
    ]
    lines = others(clean[1:], "flip")  # nothing of the row itself: one line, and no empty ones
    assert [(line.overrides, line.measure.metric) for line in lines if line.overrides] == [(short, name)]


def test_changed_settings_of_an_evaluation_are_told():
    run = make_run(row="table3/weak_augment", **{UCE: 0.2})
    run = dataclasses.replace(run, evaluated={UCE: "eval.average=logits"})
    assert others([run], "robust")[0].notes == ("evaluated with eval.average=logits",)


@pytest.mark.parametrize(
    ("metric", "fraction"),
    [
        (UCE, True),
        ("corrupted/main/relative_mce", True),
        ("corrupted/main/ce/fog", True),
        ("test/main/affinity/flip", True),
        ("model/main_aux/scale_difference", False),
        ("model/main_aux/divergence", False),
        ("train/main/diversity/flip", False),
    ],
)
def test_corruption_errors_and_affinity_are_fractions(metric, fraction):
    assert shown_scale(metric) == (100 if fraction else 1)


def test_the_papers_unit_can_be_another_than_percent():
    table = Table("losses", {"mixup": Row({}, (Paper(98.0, "train/main/loss", scale=1000.0),))})
    (line,) = make_lines("t", table, [make_run(row="t/mixup", **{"train/main/loss": 0.1})])
    assert (line.mean, line.difference) == (pytest.approx(100), pytest.approx(2))


@pytest.mark.parametrize(
    ("overrides", "other"),
    [
        ({"data.name": "shapes"}, "data"),
        ({"duration": "4 epochs", "data.train_examples": 100}, "data, duration"),
        ({"model.width": 1}, "network"),
        ({"stage.refine.duration": "4 epochs", "stage.refine.optim.lr": 0.1}, "duration"),
    ],
)
def test_runs_on_other_data_networks_or_durations_have_no_difference_to_the_papers_number(overrides, other):
    line = lines_of([make_run(s, overrides=overrides, main=0.115 + s / 100) for s in range(2)])[1]
    assert (line.mean, line.paper.value, line.difference) == (pytest.approx(12), 94.9, None)
    assert line.notes == (f"other {other}: not compared with the paper's number",)
    assert difference_interval(line) is None


@pytest.mark.parametrize(
    "overrides", [{"optim.lr": 0.05}, {"norm.kind": "split_stats"}, {"views.main.augment": "flip"}]
)
def test_runs_with_another_method_on_the_same_task_are_compared(overrides):
    line = lines_of([make_run(overrides=overrides, main=0.95)])[1]
    assert (line.difference, line.notes) == (pytest.approx(0.1), ())


COUNT, OTHER = "test/main/count_error", "test/aux/count_error"
COUNTING = Table("Of another task", {"split": Row({}, (Paper(2.5, COUNT),), runs=2), "ours": Row({})})


def test_a_table_of_another_task_shows_its_own_metric_as_it_is_with_the_other_branch_beside_it():
    runs = [
        make_run(s, row=f"table3/{row}", **{COUNT: value + s, OTHER: 4.0, "test/main/loss": 0.1})
        for row, value in (("split", 1.5), ("ours", 3.0))
        for s in range(2)
    ]
    lines = make_lines("table3", COUNTING, runs)
    assert [(line.row, line.measure.metric, line.mean, line.difference) for line in lines] == [
        ("split", COUNT, 2.0, pytest.approx(-0.5)),
        ("split", OTHER, 4.0, None),
        ("ours", COUNT, 3.5, None),
        ("ours", OTHER, 4.0, None),
    ]


def test_the_metric_of_a_table_is_accuracy_or_what_most_of_its_numbers_are_or_what_its_runs_measured():
    assert main_metric(TABLE, []) == main_metric(Table("", {"ours": Row({})}), []) == MAIN
    assert main_metric(COUNTING, [make_run(main=0.5)]) == COUNT
    unknown = Table("", {"ours": Row({})})
    assert main_metric(unknown, [make_run(**{"test/main/loss": 1.0, COUNT: 2.0})]) == COUNT
    assert main_metric(unknown, [make_run(**{"train/loss": 1.0, "test/main/loss": 2.0})]) == "test/main/loss"
    overlap = Table("", {"ours": Row({}, metrics=("test/main/miou",)), "bare": Row({})})
    assert (
        main_metric(overlap, [make_run(**{"test/main/pixel_accuracy": 0.9, "test/main/miou": 0.3})]) == "test/main/miou"
    )

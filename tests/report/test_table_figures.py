"""Figures of tables show the numbers of the runs that belong to their rows, and nothing of other runs."""

import json
import subprocess
import sys

import numpy as np
import pytest

from sbn.config.errors import ConfigError
from sbn.config.rows import Paper, Row, Table, experiment_files, load_experiment
from sbn.report import __main__ as command
from sbn.report.collect import find_runs
from sbn.report.table_figures import TABLE_FIGURES, draw_table
from tests.conftest import ROOT
from tests.report.work_dirs import MAIN, write_run

STAGES = {"steps": 60, "steps_per_epoch": 10, "stages": {"train": [0, 40], "refine": [40, 60]}}


def leave(run, lines=(), **arrays):
    """Writes metrics.jsonl, and arrays as {evaluator_step: {name: array}}."""
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    for key, content in arrays.items():
        evaluator, step = key.rsplit("_", 1)
        (run / "artifacts" / evaluator).mkdir(parents=True, exist_ok=True)
        np.savez(run / "artifacts" / evaluator / f"{step}.npz", **content)


def drawn(root, table, name="figure"):
    return draw_table(name, table, find_runs(root).runs)


def line(axes, label):
    (found,) = (line for line in axes.lines if line.get_label() == label)
    return np.asarray(found.get_xdata(), float), np.asarray(found.get_ydata(), float)


def test_losses_are_means_over_seeds_by_epoch_with_a_line_where_the_stage_ends(tmp_path):
    for seed, offset in ((0, 0.0), (1, 0.5)):
        run = write_run(tmp_path, f"{seed}", row="table1/mixup", seed=seed, **STAGES)
        leave(
            run,
            [
                {
                    "step": step,
                    "train/main/loss": 1 + offset,
                    "test/main/loss": value,
                    "other/x/loss": 9,
                }
                | {"train_clean/main/cross_entropy": 0.25, "train/loss": 7, "test/mix_0.5/loss": 8}
                for step, value in ((10, 2.0), (40, 1.0), (60, None))
            ],
        )
    other = write_run(tmp_path, "other", row="table1/other", **STAGES)
    leave(other, [{"step": step, "test/main/loss": 100.0} for step in (10, 20)])
    changed = write_run(tmp_path, "changed", row="table1/mixup", seed=2, overrides={"optim.lr": 1.0}, **STAGES)
    leave(changed, [{"step": step, "test/main/loss": 100.0} for step in (10, 20)])
    table = Table("", {"mixup": Row({}, runs_of="table1/mixup"), "missing": Row({})}, "loss_curves")
    (axes,) = drawn(tmp_path, table).figure.axes
    assert axes.get_title() == "mixup"
    assert axes.get_yscale() == "log"
    np.testing.assert_array_equal(line(axes, "augmented training images"), [[1, 4, 6], [1.25] * 3])
    np.testing.assert_array_equal(line(axes, "training images"), [[1, 4, 6], [0.25] * 3])
    np.testing.assert_array_equal(line(axes, "test images"), [[1, 4], [2, 1]])  # nothing where it diverged
    (border,) = (line for line in axes.lines if line.get_linestyle() == "--")
    assert border.get_xdata()[0] == 4


def test_the_running_loss_by_epoch_is_that_of_augmented_images_and_what_the_ends_of_stages_measured_are_dots(tmp_path):
    run = write_run(tmp_path, "0", row="figure/mixup", **STAGES)
    # Lines are means of the steps since the line before: 4 steps of 1 and 6 of 2, then 1 step of 9 and 9 of 4.
    running = {4: 1.0, 10: 2.0, 11: 9.0, 20: 4.0, 30: 3.0, 60: 0.5}
    ends = [
        {"step": step, "train_clean/main/cross_entropy": 2.0, "train_augmented/main/cross_entropy": 9.0}
        for step in (40, 60)
    ]
    leave(run, [{"step": step, "train/main/loss": value} for step, value in running.items()] + ends)
    during = {"eval.evals": ("accuracy", "losses"), "eval.losses.every": "1 epochs"}
    figure, notes = drawn(tmp_path, Table("", {"mixup": Row({}, during=during)}, "loss_curves"))
    (axes,) = figure.axes
    np.testing.assert_allclose(line(axes, "augmented training images"), [[1, 2, 3, 6], [1.6, 4.5, 3, 0.5]], rtol=1e-12)
    np.testing.assert_array_equal(line(axes, "training images"), [[4, 6], [2, 2]])
    styles = {found.get_label(): (found.get_linestyle(), found.get_marker()) for found in axes.lines}
    assert styles["training images"] == ("None", "o")
    assert styles["augmented training images"][0] == "-"
    (note,) = notes
    assert note.endswith("--config.eval.evals=accuracy,losses --config.eval.losses.every=1 epochs")


def test_a_run_that_went_on_from_another_counts_its_steps_from_there(tmp_path):
    run = write_run(tmp_path, "0", row="figure/mixup", steps=60, steps_per_epoch=10, stages={"refine": [40, 60]})
    leave(run, [{"step": step, "train/main/loss": value} for step, value in ((44, 1.0), (50, 2.0), (60, 1.0))])
    (axes,) = drawn(tmp_path, Table("", {"mixup": Row({})}, "loss_curves")).figure.axes
    np.testing.assert_allclose(line(axes, "augmented training images"), [[5, 6], [1.6, 1]], rtol=1e-12)


def test_spectra_are_laid_over_each_other_at_the_ends_of_their_stages_and_compared(tmp_path):
    run = write_run(tmp_path, "0", row="table1/mixup", **STAGES)

    def arrays(factor):
        spectrum = np.array([8.0, 4.0, 2.0, 1.0, 1e-20])
        return {
            "train/main/intra_class": factor * spectrum,
            "train/main/all_classes": 2 * factor * spectrum,
            "train/classes": np.array(2),
        }

    leave(run, spectra_40=arrays(1.0), spectra_60=arrays(3.0))
    rows = {
        "mixup": Row({}, runs_of="table1/mixup", stages=("train",)),
        "refined": Row({}, runs_of="table1/mixup", stages=("refine",)),
        "end": Row({}, runs_of="table1/mixup"),
    }
    figure, notes = drawn(tmp_path, Table("", rows, "spectra"))
    intra_class, all_classes = figure.axes
    assert line(intra_class, "mixup")[1][0] == 8
    assert line(intra_class, "refined")[1][0] == line(intra_class, "end")[1][0] == 24
    assert line(all_classes, "refined")[1][0] == 48
    assert "refined, intra_class: mean ratio to mixup of the singular values 1-1: 3, 2-4: 3" in notes


def test_error_is_drawn_over_the_epoch_of_removal_with_the_range_of_the_runs(tmp_path):
    for epoch, accuracies in ((100, (0.7, 0.8, 0.9)), (400, (0.6, 0.6))):
        for seed, accuracy in enumerate(accuracies):
            write_run(tmp_path, f"{epoch}/{seed}", accuracy, row=f"figure/removed_at_{epoch}", seed=seed)
    rows = {f"removed_at_{epoch}": Row({}, metrics=(MAIN,)) for epoch in (400, 100, 200)}
    (axes,) = drawn(tmp_path, Table("", rows, "removal")).figure.axes
    np.testing.assert_allclose(axes.lines[0].get_xydata().T, [[100, 400], [20, 40]])
    (bars,) = axes.collections
    ends = [segment[:, 1] for segment in bars.get_segments()]
    np.testing.assert_allclose(ends, [[10, 30], [40, 40]], atol=1e-9)


def test_bars_stand_in_groups_beside_the_papers_numbers(tmp_path):
    for seed, accuracy in enumerate((0.92, 0.94)):
        write_run(tmp_path, f"{seed}", accuracy, row="table1/resnet32_bn", seed=seed)
    rows = {
        "resnet32_bn": Row({}, (Paper(92.9, MAIN),), runs_of="table1/resnet32_bn"),
        "resnet32_cn": Row({}, (Paper(93.3, MAIN),)),
        "resnet110_bn": Row({}, (Paper(94.0, MAIN),)),
    }
    first, second = drawn(tmp_path, Table("", rows, "bars")).figure.axes
    assert (first.get_title(), second.get_title()) == ("resnet32", "resnet110")
    (bar,) = first.patches
    assert bar.get_height() == pytest.approx(93)
    assert not second.patches
    papers = [segment[0, 1] for lines in first.collections for segment in lines.get_segments()]
    assert {92.9, 93.3} <= set(papers)


def test_networks_stand_side_by_side_with_their_densities(tmp_path):
    write_run(tmp_path, "0", row="table1/bn", steps=60)  # nobody measured its features
    run, last = (write_run(tmp_path, f"{seed}", row="table1/bn", steps=60, seed=seed) for seed in (1, 2))
    density = {"test/edges": np.array([0.0, 1.0]), "test/layer": np.array("block")}
    leave(run, features_60={**density, "test/clean_main/density": np.ones(1), "test/shrunk/density": np.ones(1)})
    leave(last, features_60={**density, "test/clean_main/density": np.ones(1), "test/shrunk/density": np.zeros(1)})
    rows = {"a": Row({}, runs_of="table1/bn"), "b": Row({}, runs_of="table1/none")}
    figure, notes = drawn(tmp_path, Table("", rows, "densities"))
    (axes,) = figure.axes
    assert notes == ["a: of seed 1 alone, one of 2 runs"]
    assert axes.get_title() == "a: bn, overlap 100 %"


def test_networks_of_several_sizes_have_a_line_each(tmp_path):
    for name, accuracy in (("bn", 0.5), ("cn", 0.6)):
        run = write_run(tmp_path, name, row=f"table2/{name}", steps=60)
        arrays = {"sizes/sizes": np.array([224, 128]), "sizes/multiply_adds": np.array([2e9, 1e9])}
        leave(run, sizes_60={**arrays, "sizes/own/accuracy": np.array([accuracy, accuracy - 0.1])})
    rows = {name: Row({}, runs_of=f"table2/{name}") for name in ("bn", "cn")}
    (axes,) = drawn(tmp_path, Table("", rows, "inference")).figure.axes
    np.testing.assert_allclose(line(axes, "cn"), [[2, 1], [60, 50]])


def test_runs_measured_at_other_sizes_are_no_part_of_a_line_and_are_counted(tmp_path):
    for seed, sizes in enumerate(([224, 128], [224, 192, 128], [224, 128])):
        run = write_run(tmp_path, f"{seed}", row="table2/cn", steps=60, seed=seed)
        own = np.full(len(sizes), 0.4 + 0.1 * seed)
        leave(run, sizes_60={"sizes/sizes": sizes, "sizes/multiply_adds": own * 1e9, "sizes/own/accuracy": own})
    figure, notes = drawn(tmp_path, Table("", {"cn": Row({}, runs_of="table2/cn")}, "inference"))
    np.testing.assert_allclose(line(figure.axes[0], "cn")[1], [50, 50])
    assert notes == ["cn: 1 of 3 runs have other sizes, not drawn"]


@pytest.mark.parametrize("figure", TABLE_FIGURES)
def test_without_runs_there_is_no_figure(tmp_path, figure):
    row = Row({}, (Paper(1.0, MAIN),), metrics=(MAIN,), runs_of="table1/nobody")
    assert drawn(tmp_path, Table("", {"row_1": row}, figure)) is None
    assert drawn(tmp_path, Table("", {"row_1": row})) is None


def test_an_unknown_figure_is_named_with_the_nearest(tmp_path):
    with pytest.raises(ConfigError, match="'spectre'; did you mean 'spectra'"):
        drawn(tmp_path, Table("", {}, "spectre"))


EXPERIMENT = """
from sbn.config.rows import Row, Table
BASE = {}
TABLES = {
    "figure4": Table("", {"removed_at_7": Row({}, metrics=("test/main/accuracy",))}, "removal"),
    "table1": Table("", {}),
}
"""


def test_the_command_writes_the_figures_that_can_be_made(tmp_path, capsys):
    file = tmp_path / "mine.py"
    file.write_text(EXPERIMENT)
    write_run(tmp_path / "runs", "0", 0.9, experiment="mine", row="figure4/removed_at_7")
    arguments = [f"--root={tmp_path / 'runs'}", f"--out={tmp_path / 'out'}"]
    (tmp_path / "runs/diverged").mkdir()
    (tmp_path / "runs/diverged/provenance.json").write_text("[]")
    command.main(["figures", str(file), *arguments])
    assert (tmp_path / "out/mine_figure4.png").read_bytes().startswith(b"\x89PNG")
    said = capsys.readouterr()
    assert said.out.strip() == str(tmp_path / "out/mine_figure4.png")
    assert f"note: not drawn: {tmp_path / 'runs/diverged'}: no result yet" in said.err
    for table, words in (("table1", "this table has none"), ("figure5", "did you mean 'figure4'")):
        with pytest.raises(SystemExit):
            command.main(["figures", f"{file}:{table}", *arguments])
        assert words in capsys.readouterr().err


def test_drawing_loads_neither_jax_nor_tensorflow():
    code = "import sys, sbn.report.__main__; print({'jax', 'matplotlib', 'tensorflow'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("file", experiment_files(), ids=lambda file: file.stem)
def test_figures_that_tables_name_are_there(file):
    for name, table in load_experiment(file).tables.items():
        assert table.figure in ("", *TABLE_FIGURES), name

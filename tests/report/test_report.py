"""The command, from files to what is printed."""

import csv
import io
import json
import re
import subprocess
import sys

import pytest
import scipy.stats

from sbn.config.errors import ConfigError
from sbn.report import report
from sbn.report.__main__ import main
from tests.calls import calls_of
from tests.report.work_dirs import AUX, MAIN, write_run


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "runs"
    for seed, accuracy in enumerate([0.95, 0.96, 0.97]):
        write_run(root, f"baseline/seed{seed}", seed=seed, metrics={MAIN: accuracy, AUX: accuracy - 0.01})
    write_run(root, "slow", 0.9, overrides={"optim.lr": 0.05, "views.main.augment": "crop(4)|flip"})
    return root


def test_text_is_aligned_and_complete(file, root):
    printed, notes = report(f"{file}:table3", root=root, format="text")
    lines = printed.splitlines()
    assert lines[0] == "table3: Weak Augment"
    ours = lines[1].index("ours") + len("ours")  # set flush right: cells end where the header ends
    assert lines[3][:ours].endswith("96.00 ± 1.00")
    assert lines[4][:ours].endswith("95.00 ± 1.00")
    numbers = "baseline test/main/accuracy 96.00 ± 1.00 3/4 94.90 ± 0.20 +1.10 [-1.29, +3.49]"
    assert " ".join(lines[3].split()) == f"{numbers} 1"
    assert lines[8] == "1  seeds without a result: 3"
    assert lines[5].startswith("baseline [optim.lr=0.05, views.main.augment=crop(4)|flip]  ")
    assert lines[6].split()[:5] == ["weak_augment", MAIN, "–", "0/10", "96.30"]
    assert lines[7].split()[:4] == ["ours", MAIN, "–", "0"]  # no paper has a number beside it
    assert notes == ["table3: not run yet without changes: weak_augment, ours"]


def test_markdown_has_as_many_cells_in_each_line(file, root):
    printed, _ = report(f"{file}:table3", root=root, format="markdown")
    before, after = printed.split("\n### Not in the tables\n")
    title, empty, *table = before.splitlines()
    assert (title, empty) == ("### table3: Weak Augment", "")
    assert {line.replace("\\|", "").count("|") for line in table} == {10}
    assert set(table[1]) == set("|-: ")
    assert len(table) == 2 + 5
    assert after == "\n* table3: not run yet without changes: weak_augment, ours\n"


def test_csv_holds_full_precision_and_all_tables(file, root):
    write_run(root, "other", row="table4/only", metrics={"test/main/error": 1 / 3})
    printed, _ = report(str(file), root=root, format="csv")
    rows = list(csv.DictReader(io.StringIO(printed)))
    assert [row["table"] for row in rows] == ["table3"] * 5 + ["table4"]
    assert float(rows[0]["std"]) == pytest.approx(1, abs=1e-12)  # float64 rounding
    assert float(rows[5]["mean"]) == pytest.approx(100 / 3, abs=1e-12)
    # ours 95, 96, 97; the paper's 94.9 with 0.2 over 4 seeds: SE^2 = 1/3 + 0.01, and 2.1206 degrees of freedom
    half = scipy.stats.t.ppf(0.975, (1 / 3 + 0.01) ** 2 / ((1 / 3) ** 2 / 2 + 0.01**2 / 3)) * (1 / 3 + 0.01) ** 0.5
    interval = [float(rows[0][name]) for name in ("interval_low", "interval_high")]
    assert interval == pytest.approx([1.1 - half, 1.1 + half], abs=1e-9)
    assert (rows[2]["overrides"], rows[2]["std"]) == ("optim.lr=0.05, views.main.augment=crop(4)|flip", "")
    assert (rows[3]["mean"], rows[3]["paper"], rows[3]["paper_std"]) == ("", "96.3", "")


def test_seeds_holds_what_is_in_the_means(file, root):
    printed, _ = report(str(file), root=root, format="seeds")
    rows = list(csv.DictReader(io.StringIO(printed)))
    first = [row for row in rows if (row["row"], row["overrides"], row["metric"]) == ("baseline", "", MAIN)]
    assert {int(row["seed"]): round(float(row["value"]), 9) for row in first} == {0: 95, 1: 96, 2: 97}
    changed = [row for row in rows if row["overrides"]]
    assert {row["overrides"] for row in changed} == {"optim.lr=0.05, views.main.augment=crop(4)|flip"}


def test_stages_shows_every_statistic_of_every_stage(file, tmp_path):
    path = write_run(tmp_path / "runs", "run", 0.5, stages={"train": [0, 10], "refine": [10, 20]}, steps_per_epoch=5)
    lines = [{"step": step, MAIN: step / 100} for step in (5, 10, 15, 20)]
    (path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    printed, _ = report(f"{file}:table3", root=tmp_path / "runs", format="csv", stages=True)
    rows = [row for row in csv.DictReader(io.StringIO(printed)) if row["row"] == "baseline"]
    assert [(row["stage"], row["statistic"], float(row["mean"])) for row in rows] == [
        ("train", "last", 10.0),
        ("train", "best", 10.0),
        ("train", "median_last_10", pytest.approx(7.5)),
        ("refine", "last", 20.0),
        ("refine", "best", 20.0),
        ("refine", "median_last_10", pytest.approx(17.5)),
    ]
    printed, _ = report(f"{file}:table3", root=tmp_path / "runs", format="text", metrics=[f"{MAIN}@refine:best"])
    assert f"{MAIN}@refine:best" in printed
    assert "20.00" in printed
    with pytest.raises(ConfigError, match="did you mean 'refine'"):
        report(f"{file}:table3", root=tmp_path / "runs", format="text", metrics=[f"{MAIN}@refin"])


def test_without_a_name_only_tables_with_runs_are_shown(file, root):
    printed, _ = report(str(file), root=root, format="text")
    assert "table3:" in printed
    assert "table4:" not in printed


def test_a_named_table_without_runs_shows_the_papers_numbers(file, root):
    printed, _ = report(f"{file}:table4", root=root, format="text")
    cells = re.split(r"\s{2,}", printed.splitlines()[3])
    assert cells == ["only", "test/main/error", "–", "0/?", "50.00", "–", "–"]


def test_what_is_not_shown_is_noted(file, root):
    write_run(root, "gone", 0.9, row="table3/renamed")
    write_run(root, "again", 0.9, when=1.0)
    write_run(root, "elsewhere", 0.9, experiment="refine")
    (root / "running").mkdir()
    (root / "running" / "progress.json").write_text('{"step": 1, "total": 2}')
    _, notes = report(str(file), root=root, format="text")
    repeated, _not_run, renamed, running = notes
    assert repeated.startswith(str(root / "again"))
    assert renamed == f"table3/renamed: in no table of {file} (1 run not shown)"
    assert running == f"{root / 'running'}: no result yet, step 1 of 2"


@pytest.mark.parametrize(
    ("target", "options", "message"),
    [
        ("mine.py:tabel3", {}, "did you mean 'table3'"),
        ("mne.py", {}, "did you mean .*mine.py"),
        ("mine.py", {"format": "markdwon"}, "did you mean 'markdown'"),
        ("mine.py", {"metrics": ["test/main/acuracy"]}, "did you mean 'test/main/accuracy'"),
        ("mine.py", {"metrics": ["test/accuracy"]}, "names its branch, as 'test/main/accuracy' does"),
        ("mine.py", {"root": "nowhere"}, "no folder"),
    ],
)
def test_near_misses_are_one_line(file, root, target, options, message):
    with pytest.raises(ConfigError, match=message) as caught:
        report(str(file.parent / target), **{"root": root, "format": "text", **options})
    assert "\n" not in str(caught.value)


def test_no_runs_at_all_says_what_there_is(file, tmp_path):
    write_run(tmp_path / "runs", "elsewhere", 0.9, experiment="refine")
    with pytest.raises(
        ConfigError,
        match=r"no finished run of mine .*finished runs of refine:table3/baseline.*mine:table3, mine:table4",
    ):
        report(str(file), root=tmp_path / "runs", format="text")


def test_command_separates_tables_from_notes(file, root, capsys):
    (root / "bad").mkdir()
    (root / "bad" / "result.json").write_text("{")
    main([f"{file}:table3", f"--root={root}", f"--metrics={MAIN}, {AUX}", "--format=csv"])
    printed = capsys.readouterr()
    assert printed.out.startswith("experiment,table,row,overrides,metric")
    assert len(printed.out.splitlines()) == 1 + 2 * 4
    assert printed.err.startswith("note: ")
    assert "damaged" in printed.err


def test_command_ends_with_one_line_and_code_2(file, root, capsys):
    with pytest.raises(SystemExit) as caught:
        main([f"{file}:table9", f"--root={root}"])
    assert caught.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_place_that_can_not_be_written_is_one_line(file, root, tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        main([f"{file}:table3", f"--root={root}", f"--out={tmp_path}/nowhere/a.html"])
    told = capsys.readouterr()
    assert told.out == ""
    assert (
        told.err == f"python -m sbn.report: --out={tmp_path}/nowhere/a.html can't be written: "
        f"no folder {tmp_path}/nowhere\n"
    )


def test_the_work_grows_with_the_number_of_runs_and_no_faster(file, tmp_path):
    work = []
    for many in (50, 400):
        for seed in range(many):
            write_run(tmp_path / str(many), f"seed{seed}", 0.9, seed=seed)
        work.append(calls_of(report, str(file), root=tmp_path / str(many), format="text"))
    assert work[1] < 8 * work[0]


def test_reports_load_neither_jax_nor_tensorflow(file, root):
    code = f"""
import sys
from sbn.report.__main__ import main
main([{str(file)!r}, {f"--root={root}"!r}])
print(sorted({{"jax", "jaxlib", "flax", "tensorflow", "tensorflow_datasets"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"

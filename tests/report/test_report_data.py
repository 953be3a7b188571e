"""The whole book: every table of every paper, at once and fast."""

import html
import pathlib
import re
import subprocess
import sys

import pytest

from sbn.config.errors import ConfigError
from sbn.config.rows import Paper, Row, Table, experiment_file, experiment_files, load_experiment
from sbn.report import FORMATS, report
from sbn.report.__main__ import main
from sbn.report.collect import find_runs
from sbn.report.report_data import make_report_data
from tests.calls import calls_of
from tests.conftest import ROOT
from tests.report.work_dirs import MAIN, notes_of, write_run

TABLE = Table(
    "Rows of all kinds",
    {
        "two": Row({}, (Paper(90.0, MAIN),), runs=12),
        "shown": Row({}, (Paper(91.0, MAIN),), runs=3, runs_of="table1/two"),
        "later": Row({}, waits_for="a data set"),
    },
)


@pytest.fixture
def papers(tmp_path, monkeypatch):
    """Two experiments files, as if they were the package's own; their parent is the working directory."""
    folder = tmp_path / "experiments"
    folder.mkdir()
    for name in ("first", "second"):
        content = f"from sbn.config.rows import Paper, Row, Table\nBASE = {{}}\nTABLES = {{'table1': {TABLE!r}}}\n"
        (folder / f"{name}.py").write_text(content)
    (tmp_path / "runs").mkdir()
    monkeypatch.setattr("sbn.config.experiment_files.FOLDER", folder)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_all_tables_of_all_papers_stand_in_one_book(papers):
    for seed in (1, 2, 5):
        write_run(papers / "runs", f"b{seed}", 0.9, experiment="second", row="table1/two", seed=seed)
    printed, notes = report("", root=papers / "runs", format="text")
    headings = [line for line in printed.splitlines() if ":table1: " in line]
    assert headings == ["first:table1: Rows of all kinds", "second:table1: Rows of all kinds"]
    first, second = printed.split("second:table1")
    assert first.count("0/12") == 1
    assert second.count("3/12") == second.count("3/3") == 1
    assert "seeds without a result: 0, 3 to 4, 6 to 11" in second
    assert [note for note in notes if "first" in note] == [
        "first:table1: not run yet without changes: two, shown",
        "first:table1/later: waits for a data set",
    ]
    assert [note for note in notes if "second" in note] == ["second:table1/later: waits for a data set"]


def test_seeds_of_other_numbers_count_as_well(papers):
    write_run(papers / "runs", "a", 0.9, experiment="first", row="table1/two", seed=40)
    printed, _ = report("first", root=papers / "runs", format="text")
    assert notes_of(printed, "two") == ["seeds without a result: 0 to 10"]  # 11 more, whichever they are
    assert notes_of(printed, "shown") == ["seeds without a result: 0 to 1"]


def test_runs_of_a_row_that_shows_anothers_are_drawn_with_it(papers):
    write_run(papers / "runs", "a", 0.9, experiment="first", row="table1/two")
    book = make_report_data([load_experiment("experiments/first.py")], find_runs(papers / "runs"))
    (section,) = book.sections
    assert {name: len(runs) for name, runs in section.runs.items()} == {"two": 1, "shown": 1, "later": 0}


@pytest.mark.parametrize("format", ["html", "markdown"])
def test_it_is_written_to_a_file(papers, capsys, format):
    main(["--all", "--runs=runs", f"--format={format}", "--out=book"])
    assert capsys.readouterr().out == ""
    written = pathlib.Path("book").read_text(encoding="utf-8")
    assert written == report("", root="runs", format=format)[0]
    assert written.count("Rows of all kinds") >= 2
    assert "second:table1/later: waits for a data set" in written


@pytest.mark.parametrize("words", [[], ["first", "--all"]])
def test_it_is_an_experiment_or_all(papers, capsys, words):
    with pytest.raises(SystemExit):
        main([*words, "--runs=runs"])
    assert "name an experiment, FILE[:TABLE], or give --all" in capsys.readouterr().err


def test_unknown_metrics_are_told_before_a_table_is_made(papers):
    with pytest.raises(ConfigError, match="did you mean 'test/main/accuracy'"):
        report("", root="runs", format="text", metrics=["test/main/acuracy"])


def test_papers_stand_before_other_experiments_each_under_its_title(papers):
    file = papers / "experiments/second.py"
    file.write_text(file.read_text() + 'PAPER = "What it says (They 2020)"\n')
    printed = report("", root="runs", format="text")[0]
    assert [line for line in printed.splitlines() if line.startswith(("What", "=", "first", "second"))] == [
        "What it says (They 2020)",
        "========================",
        "second:table1: Rows of all kinds",
        "first",
        "=====",
        "first:table1: Rows of all kinds",
    ]
    assert report("second:table1", root="runs", format="text")[0].count("They") == 0


def test_the_papers_are_three():
    titles = {file.stem: load_experiment(file).paper for file in experiment_files()}
    assert {name for name, title in titles.items() if title} == {"split_bn", "refine", "consistent"}
    assert all(re.fullmatch(r"[^()]+ \([^()]+ (2019|2020)\)", title) for title in titles.values() if title)


@pytest.mark.parametrize("format", sorted(set(FORMATS) - {"seeds"}))  # which lists what was run
def test_every_row_of_the_papers_is_in_it_in_order(format, tmp_path):
    printed, _ = report("", root=tmp_path, format=format)
    printed = printed.replace(r"\allowbreak{}", "").replace(r"\_", "_").replace(r"\%", "%")
    at = 0
    for name in ("consistent", "refine", "split_bn", "quickstart"):
        experiment = load_experiment(experiment_file(name))
        told = [] if format == "csv" else [experiment.paper or name]
        for text in [*told, *(row for table in experiment.tables.values() for row in table.rows)]:
            shown = html.escape(text) if format == "html" else text
            pattern = rf"(?<![\w/]){re.escape(shown)}(?![\w/])"
            found = re.compile(pattern).search(printed, at)
            assert found, f"{name}: {text} after character {at}"
            at = found.end()


def test_a_report_of_four_hundred_rows_is_little_work(tmp_path):
    rows = {f"row{k}": Row({"optim.lr": 0.1 + k / 1000}, (Paper(95.0, MAIN),), runs=10) for k in range(220)}
    tables = {f"table{k}": Table("t", dict(list(rows.items())[20 * k : 20 * k + 20])) for k in range(11)}
    file = tmp_path / "many.py"
    file.write_text(f"from sbn.config.rows import Paper, Row, Table\nBASE = {{}}\nTABLES = {tables!r}\n")
    (tmp_path / "runs").mkdir()
    experiment = load_experiment(file)
    data = make_report_data([experiment, experiment], find_runs(tmp_path / "runs"))
    assert sum(len(section.lines) for section in data.sections) == 440
    for make in FORMATS.values():
        assert calls_of(make, data) < 1_000_000  # a tenth of a second


def test_a_book_loads_neither_jax_nor_tensorflow_nor_matplotlib(tmp_path):
    write_run(tmp_path, "run", 0.9)
    code = f"""
import sys
from sbn.report.__main__ import main
main(["--all", "--runs={tmp_path}", "--format=html", "--out={tmp_path}/book.html"])
print(sorted({{"jax", "jaxlib", "flax", "tensorflow", "tensorflow_datasets", "matplotlib"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"

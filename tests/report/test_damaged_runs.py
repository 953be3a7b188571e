"""One damaged file of one run: the report names the file, leaves that run out where it must, and goes on."""

import json
import shutil

import pytest

from sbn.report import FORMATS, report
from sbn.report.collect import find_runs
from sbn.runs.metrics import proof
from tests.report.work_dirs import EXPERIMENT, MAIN, notes_of, write_run
from tests.runs.test_files import DAMAGES

SOME = ("empty", "list", "no UTF-8", "deep list", "huge number", "folder")
MINE = {"experiment": "mine"}
EVALUATION = {"format": 1, "step": 78000, "overrides": {}, "metrics": {"corrupted/main/uce": 0.2}}


@pytest.fixture
def root(tmp_path):
    """Three runs of one row, of seeds 0 to 2, each with a course and an evaluation, as new runs leave them."""
    for seed in range(3):
        lines = "".join(json.dumps({"step": 390 * k, MAIN: 0.9 + seed / 100}) + "\n" for k in (1, 2, 200))
        path = write_run(
            tmp_path / "runs", f"seed{seed}", 0.9 + seed / 100, seed=seed, **MINE, log=proof(lines.encode())
        )
        (path / "metrics.jsonl").write_text(lines)
        (path / "artifacts/mix").mkdir(parents=True)
        (path / "artifacts/mix/78000.json").write_text(json.dumps(EVALUATION))
    return tmp_path / "runs"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(EXPERIMENT)
    return path


def spoil(path, damage):
    if damage == "folder":
        path.unlink(missing_ok=True)
        path.mkdir()
    else:
        path.write_bytes(DAMAGES[damage])


@pytest.mark.parametrize("damage", [*DAMAGES, "folder"])
@pytest.mark.parametrize("name", ["result.json", "metrics.jsonl"])
def test_a_run_whose_numbers_are_damaged_is_named_and_the_others_are_counted(root, file, name, damage):
    spoil(root / "seed1" / name, damage)
    printed, notes = report(f"{file}:table3", root=str(root), format="text")
    row = next(line for line in printed.splitlines() if line.startswith("baseline"))
    assert (row.split()[2:5], "2/4" in row) == (["91.00", "±", "1.41"], True)
    (told,) = [note for note in notes if name in note]
    assert told.startswith(f"{root / 'seed1' / name} is damaged (")
    assert "not counted" in told


@pytest.mark.parametrize("damage", SOME)
@pytest.mark.parametrize("name", ["progress.json", "provenance.json", "job.json", "config.json", "lock.json"])
def test_files_that_a_report_does_not_need_may_be_damaged(root, file, name, damage):
    spoil(root / "seed1" / name, damage)
    (root / "begun").mkdir()
    spoil(root / "begun" / name, damage)
    printed, _ = report(f"{file}:table3", root=str(root), format="text")
    assert "3/4" in printed


@pytest.mark.parametrize("damage", SOME)
@pytest.mark.parametrize("name", ["78000.json", "78000.npz", "78000.png"])
def test_a_damaged_artifact_costs_its_numbers_or_its_figure_alone(root, file, name, damage):
    spoil(root / "seed1/artifacts/mix" / name, damage)
    page, notes = report(f"{file}:table3", root=str(root), format="html")
    assert "3/4" in page
    assert any(name in note for note in notes) == (name == "78000.json")


def test_an_evaluation_that_was_copied_from_another_run_or_step_is_named_and_not_counted(root, file):
    configs = [json.loads((root / f"seed{seed}/result.json").read_text())["config"] for seed in range(3)]
    own = {**EVALUATION, "config": {**configs[0], "eval": {**configs[0]["eval"], "average": "logits"}}}
    copied = {**EVALUATION, "config": configs[0]}
    for seed, content in enumerate((own, copied, {**EVALUATION, "step": 390})):
        (root / f"seed{seed}/artifacts/mix/78000.json").write_text(json.dumps(content))
    found = find_runs(root)
    assert ["corrupted/main/uce" in run.metrics for run in found.runs] == [True, False, False]
    assert found.problems == [
        f"{root}/seed1/artifacts/mix/78000.json: not read, it is of another run (seed: 0 there, 1 here)",
        f"{root}/seed2/artifacts/mix/78000.json: not read, it is of another step",
    ]


def test_a_shortened_log_excludes_its_run_and_an_older_run_without_a_count_stays(root):
    """Best and median would be others without a word."""
    log = root / "seed0/metrics.jsonl"
    log.write_text(log.read_text().partition("\n")[0] + "\n")
    shutil.copytree(root / "seed1", root / "old")
    result = json.loads((root / "old/result.json").read_text())
    (root / "old/result.json").write_text(json.dumps({**{k: v for k, v in result.items() if k != "log"}, "seed": 9}))
    (root / "old/metrics.jsonl").unlink()
    found = find_runs(root)
    assert [run.seed for run in found.runs] == [9, 1, 2]
    assert found.problems == [f"{log} is damaged (1 lines where the run wrote 3); not counted"]


def test_of_two_runs_of_one_seed_the_one_that_was_measured_more_counts_and_its_row_says_why(root, file):
    path = write_run(root, "newer", 0.1, when=4e9, **MINE)
    printed, notes = report(f"{file}:table3", root=str(root), format="text")
    told = f"seed 0: {root / 'seed0'} counts, not {path}: 1 more metrics were measured of it"
    assert told in notes_of(printed, "baseline")
    assert any(note.startswith(f"{path}: the same row, overrides and seed as {root / 'seed0'}") for note in notes)


@pytest.mark.parametrize("format", FORMATS)
def test_no_format_passes_terminal_escapes_or_html_of_stored_texts(root, file, format):
    write_run(root, "evil", 0.5, seed=7, **MINE, overrides={"optim.lr": "\x1b[2J<script>alert(1)</script>\u202e"})
    (root / "failed").mkdir()
    (root / "failed/progress.json").write_text(json.dumps({"failed": "\x1b]0;x\x07<img src=x onerror=a>", "step": 1}))
    printed, notes = report(f"{file}:table3", root=str(root), format=format)
    assert not any(sign in "".join([printed, *notes]) for sign in ("\x1b", "\x07", "\u202e"))
    if format in ("markdown", "html"):
        assert "<script" not in printed
        assert "<img src=x" not in printed

"""The HTML page: whole, by itself, and shown by a real browser where there is one."""

import html.parser
import json
import re
import shutil
import struct
import subprocess

import pytest

from sbn.config.rows import Table
from sbn.report import report
from sbn.report.__main__ import main
from sbn.report.measures import Measure
from sbn.report.page import html_page
from sbn.report.report_data import ReportData, Section
from sbn.report.tables import Line
from tests.report.work_dirs import AUX, EXPERIMENT, MAIN, write_run

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
VOID = {"meta", "img", "link", "br", "hr", "input"}
PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)


class Reader(html.parser.HTMLParser):
    """Tags in order, text by tag, and whether every tag is closed in its turn."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.texts = [], [], {}

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and data.strip():
            self.texts.setdefault(self.open[-1], []).append(data)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "experiments" / "mine.py"
    path.parent.mkdir()
    path.write_text(EXPERIMENT.replace("Another", "<Another> & more"))
    return path


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "runs"
    for row, top in (("baseline", 0.93), ("weak_augment", 0.96)):
        for seed in range(3):
            path = write_run(root, f"{row}{seed}", top + seed / 300, row=f"table3/{row}", seed=seed, steps_per_epoch=10)
            course = [top * (1 - 0.7 ** (k + 1)) + seed / 300 for k in range(12)]
            lines = [{"step": 10 * (k + 1), MAIN: value} for k, value in enumerate(course)]
            (path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
            (path / "artifacts/mix").mkdir(parents=True)
            (path / "artifacts/mix/78000.png").write_bytes(PNG)
    write_run(root, "changed", metrics={MAIN: 0.9, AUX: 0.8}, overrides={"views.main.augment": "crop(4)|flip"})
    write_run(root, "diverged", float("nan"), seed=3)
    return root


def read(page):
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


def test_every_tag_is_closed_and_nothing_comes_from_elsewhere(file, root):
    page, _ = report(str(file), root=root, format="html")
    reader = read(page)
    assert page.startswith("<!doctype html>")
    for tag, attributes in reader.tags:
        assert tag not in ("script", "link", "iframe", "base")
        for name in ("src", "href", "srcset"):
            assert attributes.get(name, "#").startswith(("#", "data:"))
    assert not re.search(r"url\(|@import", page)
    assert not re.findall(r"https?://", page)


def test_it_holds_the_tables_numbers_curves_and_one_seeds_figures(file, root):
    page, _ = report(f"{file}:table3", root=root, format="html")
    reader = read(page)
    cells = reader.texts["td"]
    assert {"93.33 ± 0.33", "96.33 ± 0.33", "94.90 ± 0.20", "3/10"} <= set(cells)
    assert any(cell.endswith("1 of 4 diverged, not in the mean: seed 3") for cell in cells)
    assert reader.texts["figcaption"] == [
        "table3: mean over seeds; the band is from the lowest to the highest seed; dotted: the paper's value",
        "baseline, seed 0: mix, step 78000",
        "weak_augment, seed 0: mix, step 78000",
    ]
    kinds = [attributes["src"].partition(";")[0] for tag, attributes in reader.tags if tag == "img"]
    assert kinds == ["data:image/svg+xml", "data:image/png", "data:image/png"]


def test_rows_are_marked_by_what_they_are(file, root):
    page, _ = report(f"{file}:table3", root=root, format="html")
    rows = re.findall(r"<tr( class=\"[^\"]*\")?><td title=\"([^\"]*)\">([^<]*)(<small>[^<]*</small>)?", page)
    marks = {label: (mark, name, small) for mark, label, name, small in rows}
    assert marks["baseline"] == ("", "baseline", "")
    assert marks["ours"] == (' class="none"', "ours", "")
    changed = marks["baseline [views.main.augment=crop(4)|flip]"]
    assert changed == (' class="changed"', "baseline", "<small>views.main.augment=crop(4)|flip</small>")
    assert re.search(r'<tr class="note warned"><td colspan="8">[^<]*1 of 4 diverged', page)


def test_every_measured_number_is_drawn_beside_the_papers_on_one_scale(file, root):
    page, _ = report(f"{file}:table3", root=root, format="html")
    (row,) = re.findall(r'<tr><td title="baseline">.*?</tr>', page)
    (paper,), (ours,) = re.findall(r'class="paper" d="M([\d.]+) ', row), re.findall(r'cx="([\d.]+)"', row)
    low, high = map(float, re.search(r"<title>([\d.]+) to ([\d.]+)</title>", row).groups())
    # (value - low) / (high - low) of the 104 pixels between the margins of 8; the title has four digits
    for pixels, value in ((paper, 94.9), (ours, 280 / 3)):
        assert float(pixels) == pytest.approx(8 + 104 * (value - low) / (high - low), abs=1)


def test_a_table_without_runs_is_folded_up_and_says_so(file, root):
    page, _ = report("", root=root, format="html")
    assert re.search(r"<details><summary>none of its \d+ rows has a run</summary><div class=\"scroll\"><table>", page)
    assert re.search(r"\d+ of \d+ rows have runs", page)


def test_it_names_the_commits_that_made_the_runs(file, root):
    for name, start in {
        "baseline0": {"commit": "0123456789abcdef", "diff": ""},
        "baseline1": {"commit": "0123456789abcdef", "diff": "-x"},
        "baseline2": {"commit": 7},  # damaged
        "diverged": {},
    }.items():
        (root / name / "provenance.json").write_text(json.dumps([{"commit": "older", "diff": ""}, start]))
    page, _ = report(f"{file}:table3", root=root, format="html")
    assert "Commits of the 8 runs: 01234567 (1), 01234567 with changes (1); 6 recorded none." in page


def test_what_the_tables_leave_out_stands_at_the_end(file, root):
    (root / "running").mkdir()
    (root / "running/progress.json").write_text('{"step": 1, "total": 2, "failed": "diverged <nan>"}')
    page, notes = report(f"{file}:table3", root=root, format="html")
    assert read(page).texts["li"] == notes
    assert any("diverged <nan>" in note for note in notes)
    assert "&lt;nan&gt;" in page


def test_every_text_is_text_whatever_it_holds():
    odd = "<i>&\"'"
    line = Line(odd, {}, Measure(odd), None, None, 0, 1, None, None, odd, (odd,))
    texts = read(html_page(ReportData(odd, [Section(odd, odd, odd, [line], {odd: []}, Table(odd, {}))], [odd]))).texts
    assert texts["h1"] == texts["title"] == texts["li"] == [odd]
    assert texts["h2"][0] == odd
    assert texts["td"].count(odd) == 2
    assert f"{odd}; {odd}" in texts["td"]


@pytest.mark.skipif(BROWSER is None, reason="no chromium on this machine")
def test_a_browser_shows_it(file, root, tmp_path):
    page = tmp_path / "page.html"
    main([f"{file}:table3", f"--runs={root}", "--format=html", f"--out={page}"])
    start = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    start += ["--window-size=1300,1500", f"--screenshot={tmp_path / 'page.png'}", "--dump-dom", page.as_uri()]
    done = subprocess.run(start, capture_output=True, text=True, timeout=120, check=True)
    # its own parser found nothing to repair: every part is where it was written
    reader = read(done.stdout)
    assert "96.33 ± 0.33" in reader.texts["td"]
    assert sum(tag == "img" for tag, _ in reader.tags) == 3
    png = (tmp_path / "page.png").read_bytes()
    assert struct.unpack(">II", png[16:24]) == (1300, 1500)
    assert len(set(png)) == 256  # and it is a figure, not a blank

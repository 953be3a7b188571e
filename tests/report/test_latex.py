"""LaTeX that compiles: by eye of a small reader here, and by pdflatex where it is installed."""

import re
import shutil
import string
import subprocess

import pytest

from sbn.report import report
from sbn.report.formats import HEADER
from sbn.report.latex import escape
from tests.report.work_dirs import EXPERIMENT, MAIN, write_run

DOCUMENT = r"""\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage{textcomp,booktabs,longtable}
\begin{document}
\input{tables.tex}
\end{document}
"""


@pytest.fixture
def tex(tmp_path):
    file = tmp_path / "experiments" / "mine.py"
    file.parent.mkdir()
    file.write_text(EXPERIMENT.replace("Weak Augment", "50% & more_of #1 {λ} ~ ^ \\\\ $x$ <a|b>"))
    for seed, accuracy in enumerate([0.95, 0.96, 0.91]):
        write_run(tmp_path / "runs", f"a{seed}", accuracy, seed=seed)
    write_run(tmp_path / "runs", "b", 0.9, overrides={"views.main.augment": "crop(4)|flip", "model.depth": 10})
    return report(str(file), root=tmp_path / "runs", format="latex")[0]


def test_every_special_character_is_escaped():
    assert escape("50% & a_b #1 $x {y}") == r"50\% \& a\_b \#1 \$x \{y\}"
    assert escape("~^\\|<>") == (
        r"\textasciitilde{}\textasciicircum{}\textbackslash{}\textbar{}\textless{}\textgreater{}"
    )
    assert escape("1.0 ± 0.2 – λ") == r"1.0 $\pm$ 0.2 -- $\lambda$"
    assert escape("Zürich 数") == r"Zürich \texttt{U+6570}"
    plain = string.ascii_letters + string.digits + " .,:;!?()[]*+-/=@"
    assert escape(plain) == plain


def test_environments_and_braces_are_balanced(tex):
    bare = re.sub(r"\\[{}]", "", tex)
    depth = 0
    for char in bare:
        depth += {"{": 1, "}": -1}.get(char, 0)
        assert depth >= 0
    assert depth == 0
    assert re.findall(r"\\begin\{(\w+)\}", tex) == re.findall(r"\\end\{(\w+)\}", tex) == ["longtable"]
    assert tex.count("$") % 2 == tex.count(r"\$") % 2


def test_rules_are_booktabs_and_every_row_has_all_columns(tex):
    assert [tex.count(rule) for rule in (r"\toprule", r"\midrule", r"\bottomrule", r"\hline")] == [1, 1, 1, 0]
    rows = [line for line in tex.splitlines() if line.endswith(r" \\")]
    assert len(rows) == 1 + 4
    assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {len(HEADER) - 1}


def test_numbers_have_minus_signs_and_rows_their_overrides(tex):
    row = next(line for line in tex.splitlines() if line.startswith("baseline &"))
    assert r"& 94.00 $\pm$ 2.65 & 3/4 & 94.90 $\pm$ 0.20 & $-$0.90 &" in row
    changed = next(line for line in tex.splitlines() if line.startswith("baseline ["))
    assert changed.replace(r"\allowbreak{}", "").startswith(
        r"baseline [model.depth=10, views.main.augment=crop(4)\textbar{}flip] & " + MAIN
    )


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="no pdflatex on this machine")
def test_it_compiles(tex, tmp_path):
    (tmp_path / "tables.tex").write_text(tex)
    (tmp_path / "document.tex").write_text(DOCUMENT)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "document.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", timeout=120)
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "document.pdf").read_bytes().startswith(b"%PDF")

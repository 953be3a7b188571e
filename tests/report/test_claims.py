"""`python -m sbn.report claims`: a line for each claim, the commands that make its runs, a plot."""

import subprocess
import sys

import pytest

from sbn.config.errors import ConfigError
from sbn.config.rows import experiment_file, load_experiment
from sbn.report.__main__ import main
from sbn.report.claims import unit
from sbn.report.measures import parse
from tests.report.work_dirs import EXPERIMENT, MAIN, write_run

CLAIMS = f"""
from sbn.config.claims import Claim, Term

CLAIMS = (
    Claim("beats", "Weak beats the baseline", "Table 3",
          (Term(1, "table3/weak_augment", {MAIN!r}), Term(-1, "table3/baseline", {MAIN!r})), paper=1.4),
    Claim("loses", "The baseline beats weak", "nowhere",
          (Term(1, "table3/baseline", {MAIN!r}), Term(-1, "table3/weak_augment", {MAIN!r})), settled_by="more of it"),
    Claim("waits", "Ours beats the baseline", "ours",
          (Term(1, "table3/ours", {MAIN!r}), Term(-1, "table3/baseline", {MAIN!r})), seeds=6),
)
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(EXPERIMENT + CLAIMS)
    return path


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "runs"
    for seed, by in enumerate((0.010, 0.012, 0.011, 0.013, 0.012)):
        write_run(root, f"weak/seed{seed}", 0.95 + by, row="table3/weak_augment", seed=seed)
        write_run(root, f"base/seed{seed}", 0.95, row="table3/baseline", seed=seed)
    return root


def test_claims_are_printed_with_their_effect_interval_p_and_verdict(file, root, capsys):
    main(["claims", f"--experiment={file}", f"--root={root}"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["claim", "effect", "95%", "interval", "seeds", "p", "paper", "verdict"]
    # mean 1.16, deviation 0.114: 2.776 * 0.114 / sqrt(5) = 0.142; one flip of 32 is as far
    assert lines[2].split() == ["beats", "+1.16", "[+1.02,", "+1.30]", "5/5", "0.031", "+1.4", "shown"]
    assert lines[3].split() == ["loses", "-1.16", "[-1.30,", "-1.02]", "5/5", "1.000", "–", "opposite"]
    assert lines[4].split() == ["waits", "–", "–", "0/6", "–", "–", "0", "of", "6", "seeds"]
    rows = "--experiment=mine:table3/weak_augment --experiment=mine:table3/baseline"
    command = (
        f"python -m launch.sweep {rows} --seeds=0:5 --root={root} && python -m sbn.report claims beats --root={root}"
    )
    assert f"  {command} --experiment={file}".removesuffix(f" --experiment={file}") in lines
    assert "  What would settle it: more of it." in lines


def test_one_claim_alone_as_markdown_with_its_plot(file, root, tmp_path, capsys):
    out, figure = tmp_path / "claims.md", tmp_path / "claims.png"
    words = [f"--experiment={file}", f"--root={root}", f"--out={out}", f"--figure={figure}", "--format=markdown"]
    main(["claims", "beats", *words])
    assert capsys.readouterr().out == ""
    table = [line for line in out.read_text().splitlines() if line.startswith("|")]
    assert len(table) == 3
    assert "| Weak beats the baseline | +1.16 |" in table[2]
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_the_page_draws_them_and_says_what_came_out(file, root, tmp_path):
    out = tmp_path / "page.html"
    main([f"{file}:table3", f"--root={root}", "--format=html", f"--out={out}"])
    section = out.read_text().partition('<section id="claims">')[2].partition("</section>")[0]
    assert "data:image/svg+xml" in section
    assert [row.count("<td") for row in section.split("<tr")[2:]] == [7] * 3
    for text in ("Weak beats the baseline (Table 3)", ">shown<", ">opposite<", ">0 of 6 seeds<"):
        assert text in section
    main([f"{file}:table4", f"--root={root}", "--format=html", f"--out={out}"])
    assert '<section id="claims">' not in out.read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["beat"], "unknown claim 'beat'; did you mean 'beats'"),
        (["--format=html"], "unknown format 'html'"),
        (["--root=nowhere"], "no folder 'nowhere'"),
    ],
)
def test_mistakes_are_told(file, root, capsys, words, message):
    runs = [] if any("--root" in word for word in words) else [f"--root={root}"]
    with pytest.raises(SystemExit):
        main(["claims", f"--experiment={file}", *runs, *words])
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("claims", "message"),
    [
        ("CLAIMS = (3,)", "holds 3, which is not a Claim"),
        ('CLAIMS = (Claim("a b", "", "", (Term(1, "base", "x"),)),)', "'a b' is not a valid name of a claim"),
        ('CLAIMS = (Claim("a", "", ""),)', "claim a needs terms"),
        ('CLAIMS = (Claim("a", "", "", (Term(1, "table3/bas", "x"),)),)', "did you mean 'table3/baseline'"),
    ],
)
def test_claims_that_are_none_are_refused(tmp_path, claims, message):
    path = tmp_path / "mine.py"
    path.write_text(f"{EXPERIMENT}\nfrom sbn.config.claims import Claim, Term\n{claims}\n")
    with pytest.raises(ConfigError, match=message):
        load_experiment(path)


# --- the papers' claims ---

EXPERIMENT_OF_PAPERS = load_experiment(experiment_file("claims"))
PAPERS = EXPERIMENT_OF_PAPERS.claims
PRINTED = {  # differences of the papers' own numbers, by hand
    "randaugment_helps": 95.8 - 93.8,
    "weak_beats_randaugment": 96.3 - 95.8,
    "split_beats_one_norm": 96.3 - 96.1,
    "clean_main_does_not_help": 1.6,
    "order_of_affinities": 1.0,
    "refining_raises_accuracy": 96.26 - 95.92,
    "bn_loses_by_copies": 92.9 - 89.7,
    "bn_loses_by_copies_sequential": 92.9 - 89.7,
    "fixup_does_not_lose": 92.6 - 92.1,
    "cn_beats_bn": 93.3 - 89.7,
    "cn_beats_bn_sequential": 93.3 - 89.7,
}


def test_the_papers_effects_are_the_differences_of_their_numbers_and_have_their_sign():
    assert {claim.name: claim.paper for claim in PAPERS if claim.paper is not None} == pytest.approx(PRINTED)
    assert all(value > 0 for value in PRINTED.values())


def test_every_row_is_part_of_a_claim_and_every_claim_asks_for_five_seeds():
    rows = {row.partition("@")[0] for claim in PAPERS for row in claim.rows}
    assert rows == set(EXPERIMENT_OF_PAPERS.rows()) - {"base"}
    assert all(claim.seeds >= 5 and claim.where and unit(claim) for claim in PAPERS)


def test_numbers_come_from_evaluators_that_the_rows_run():
    """Of the words before the metric: which evaluator measures it."""
    wanted = {"test": "accuracy", "train_clean": "losses", "low_pass": "low_pass", "fourier": "fourier"}
    wanted["corrupted_generated"] = "corruptions"
    for claim in PAPERS:
        for term in (*claim.terms, *claim.order):
            changes = EXPERIMENT_OF_PAPERS.row(term.row).changes
            evals = changes.get("eval.evals", ("accuracy",))
            metric = parse(term.measure).metric
            assert ("affinity" if "/affinity/" in metric else wanted[metric.split("/")[0]]) in evals
            if "/affinity/" in metric:
                assert metric.split("affinity/")[1] in changes["eval.affinity.pipelines"]


def test_claims_are_read_without_jax():
    code = "import sys; from sbn.config import rows; rows.load_experiment('experiments/claims.py')"
    words = [sys.executable, "-c", f"{code}; print('jax' in sys.modules)"]
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout == "False\n"

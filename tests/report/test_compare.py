import math

import numpy as np
import pytest
import scipy.stats

from sbn.config.errors import ConfigError
from sbn.report.__main__ import main
from sbn.report.collect import find_runs
from sbn.report.compare import describe, load_side, pair
from sbn.report.measures import parse
from tests.report.work_dirs import AUX, MAIN, write_run

FIRST = [0.960, 0.963, 0.961, 0.966]
SECOND = [0.958, 0.964, 0.955, 0.961]


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "runs"
    for seed, (first, second) in enumerate(zip(FIRST, SECOND, strict=True)):
        write_run(root, f"weak/seed{seed}", first, row="table3/weak_augment", seed=seed)
        write_run(root, f"base/seed{seed}", second, row="table3/baseline", seed=seed)
    return root


def compared(file, root, capsys, first="table3/weak_augment", second="table3/baseline", **options):
    words = [f"--{name}={value}" for name, value in options.items()]
    main(["compare", f"{file}:{first}", f"{file}:{second}", f"--runs={root}", *words])
    return capsys.readouterr()


def test_prints_the_differences_and_scipys_test(file, root, capsys):
    printed = compared(file, root, capsys)
    lines = printed.out.splitlines()
    assert lines[0] == "mine:table3/weak_augment - mine:table3/baseline"
    assert lines[4].split() == ["0", "96.000", "95.800", "+0.200"]
    assert [float(line.split()[3]) for line in lines[4:8]] == [0.2, -0.1, 0.6, 0.5]
    expected = scipy.stats.ttest_rel(np.array(FIRST) * 100, np.array(SECOND) * 100)
    low, high = expected.confidence_interval(0.95)
    assert lines[9] == f"mean difference  +0.300 points, 95% interval [{low:+.3f}, {high:+.3f}], 4 pairs"
    assert lines[10] == (f"paired t         {expected.statistic:+.3f}, 3 degrees of freedom, p = {expected.pvalue:.4g}")
    # sums of +-2 +-1 +-6 +-5: as far as 12 are 12, 14 and their negatives
    assert lines[11] == "sign-flip test   p = 0.25 (all 16 flips; 4 pairs can't give less than 0.125)"
    assert printed.err == ""


def test_seeds_without_their_like_and_diverged_ones_are_told_and_not_counted(file, root, capsys):
    write_run(root, "weak/seed7", 0.99, row="table3/weak_augment", seed=7)
    write_run(root, "weak/seed8", math.nan, row="table3/weak_augment", seed=8)
    write_run(root, "base/seed8", 0.5, row="table3/baseline", seed=8)
    printed = compared(file, root, capsys).out
    assert "4 pairs" in printed
    assert "diverged in one row or both, in no number above: seeds 8" in printed
    assert "without their like in the other row, in no number above: seeds 7" in printed


def test_runs_that_changed_the_same_things_are_paired(file, root, capsys):
    for row, accuracy in (("weak_augment", 0.7), ("baseline", 0.6)):
        for seed in range(2):
            changes = {"overrides": {"optim.lr": 0.05, "model.width": 1}, "row": f"table3/{row}", "seed": seed}
            write_run(root, f"small/{row}{seed}", accuracy + seed / 100, **changes)
    write_run(root, "alone", 0.2, row="table3/baseline", overrides={"optim.lr": 0.3})
    printed = compared(file, root, capsys).out
    assert f"{MAIN} [model.width=1, optim.lr=0.05]" in printed
    assert "+10.000 points, 2 pairs" in printed
    assert "the differences have no spread" in printed
    assert "0.3" not in printed.replace("+0.300", "")
    assert printed.index("4 pairs") < printed.index("2 pairs")


def test_overrides_that_are_named_choose_the_runs_of_each_side(file, root, capsys):
    for seed in range(2):
        write_run(root, f"lr{seed}", 0.9, row="table3/weak_augment", seed=seed, overrides={"optim.lr": 0.05})
    printed = compared(file, root, capsys, second="table3/weak_augment,optim.lr=0.05").out
    assert f"{MAIN} [none against optim.lr=0.05]" in printed
    assert [line.split()[3] for line in printed.splitlines()[4:6]] == ["+6.000", "+6.300"]


def test_any_measure_can_be_compared(file, tmp_path, capsys):
    for row in ("weak_augment", "baseline"):
        for seed in range(2):
            loss = 0.5 + seed * (row == "baseline")
            write_run(
                tmp_path / "runs", f"{row}{seed}", row=f"table3/{row}", seed=seed, metrics={"test/main/loss": loss}
            )
    printed = compared(file, tmp_path / "runs", capsys, metric="test/main/loss").out
    assert "mean difference  -0.500, 95% interval" in printed


@pytest.mark.parametrize(
    ("first", "options", "message"),
    [
        ("table3/weak_augmnt", {}, "did you mean 'table3/weak_augment'"),
        ("table3/ours", {}, "no runs of mine:table3/ours"),
        ("table3/weak_augment,optim.l=1", {}, "did you mean 'optim.lr'"),
        (
            "table3/weak_augment,optim.lr=1",
            {},
            "unknown overrides of the runs of mine:table3/weak_augment: 'optim.lr=1",
        ),
        ("table3/weak_augment", {"metric": "test/main/acuracy"}, "did you mean 'test/main/accuracy'"),
        ("table3/weak_augment", {"metric": AUX}, "unknown metric"),
        ("table3/weak_augment", {"metric": f"{MAIN}:worst"}, "unknown statistic"),
    ],
)
def test_mistakes_are_one_line_and_code_2(file, root, capsys, first, options, message):
    with pytest.raises(SystemExit) as caught:
        compared(file, root, capsys, first, **options)
    assert caught.value.code == 2
    (told,) = capsys.readouterr().err.splitlines()
    assert message in told


def test_rows_that_share_nothing_are_told_what_they_have(file, root, tmp_path):
    write_run(tmp_path / "other", "a", 0.5, row="table3/weak_augment", overrides={"optim.lr": 0.3})
    write_run(tmp_path / "other", "b", 0.5, row="table3/baseline", overrides={"optim.lr": 0.5})
    found = find_runs(tmp_path / "other")
    sides = [load_side(f"{file}:table3/{row}", found)[0] for row in ("weak_augment", "baseline")]
    with pytest.raises(ConfigError, match=r"no runs with the same overrides, .*'optim.lr=0.3'; .*'optim.lr=0.5'"):
        pair(*sides)
    write_run(tmp_path / "seeds", "a", 0.5, row="table3/weak_augment", seed=1)
    write_run(tmp_path / "seeds", "b", 0.5, row="table3/baseline", seed=2)
    found = find_runs(tmp_path / "seeds")
    sides = [load_side(f"{file}:table3/{row}", found)[0] for row in ("weak_augment", "baseline")]
    with pytest.raises(ConfigError, match=r"has it of \[1\] and .* of \[2\]$"):
        describe(*sides, parse(MAIN))


def test_overrides_without_the_number_do_not_hide_those_with_it(file, root, capsys):
    """Of the two that nobody can be paired for, one lacks it, and of the other every pair diverged."""
    for row in ("weak_augment", "baseline"):
        write_run(root, f"{row}/lacks", row=f"table3/{row}", overrides={"optim.lr": 0.3})
        write_run(root, f"{row}/nan", math.nan, row=f"table3/{row}", overrides={"optim.lr": 9.0})
    *_, lacks, diverged = compared(file, root, capsys).out.splitlines()
    name = "mine:table3/"
    start = f"no seed of which both rows have {MAIN} "
    assert lacks == f"{start}[optim.lr=0.3]: {name}weak_augment has it of none and {name}baseline has it of none"
    assert diverged.startswith(f"{start}[optim.lr=9.0]: ")
    assert diverged.endswith("baseline has it of [0], and in one row or both these diverged: seeds 0")
    assert "4 pairs" in "".join(compared(file, root, capsys).out)
    with pytest.raises(SystemExit, match="2"):
        compared(file, root, capsys, "table3/weak_augment,optim.lr=9.0", "table3/baseline,optim.lr=9.0")
    with pytest.raises(SystemExit, match="2"):
        compared(file, root, capsys, "table3/weak_augment,optim.lr=5.0")
    assert "did you mean 'optim.lr=9.0'? (choices: none, optim.lr=0.3, optim.lr=9.0)" in capsys.readouterr().err


def test_runs_of_another_config_do_not_take_part(file, root, capsys):
    write_run(root, "wrong", 0.1, row="table3/baseline", seed=9, config={"optim": {"lr": 0.7}})
    printed = compared(file, root, capsys)
    assert "4 pairs" in printed.out
    assert "refused" in printed.err
    assert "optim.lr: 0.7 there, 0.1 in the row" in printed.err

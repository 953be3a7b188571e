"""What a run of benches asks for, keeps and compares; nothing here is timed."""

import json
import pathlib
import subprocess
import sys
import types

import numpy as np
import pytest

from benchmarks import rounds, run
from sbn.config.errors import ConfigError

MACHINE = {"cores": 2}


@pytest.fixture(autouse=True)
def benches(monkeypatch):
    """Two benches that take no time, on a machine that nobody asks."""
    module = "tests.benchmarks.counting"
    monkeypatch.setattr(run, "BENCHES", {"counting": module, "again": module})
    monkeypatch.setattr(run, "machine", lambda: MACHINE)


def made(name, *ratios):
    return rounds.line(name, np.array(ratios), np.ones(len(ratios)))


def of_bench(*lines, **settings):
    return {"settings": settings, "lines": list(lines), "facts": {}}


def result(name="b", **benches):
    return {"machine": MACHINE, "benches": benches or {name: of_bench(made("x", 1, 1, 1, 1))}}


def stored(path, content):
    path.write_text(json.dumps(content))
    return path


def test_options_follow_a_colon_and_their_values_may_have_commas():
    assert run.read("counting") == ("counting", [])
    asked = "counting:batch=512,variants=plain,split,strong=randaugment(2, 10)|flip"
    options = ["--batch=512", "--variants=plain,split", "--strong=randaugment(2, 10)|flip"]
    assert run.read(asked) == ("counting", options)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("countng:batch=1", "unknown bench 'countng'; did you mean 'counting'"),
        ("counting:512", "write counting:OPTION=VALUE"),
        ("counting:btach=1", "unknown option 'btach'; did you mean 'batch'"),
        ("counting:batch=many", "--batch: invalid int value: 'many'"),
    ],
)
def test_what_can_not_be_asked_for_is_refused_in_a_line(asked, said):
    with pytest.raises(ConfigError) as refused:
        run.check(asked)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_options_reach_the_bench_and_the_file(tmp_path, capfd):
    out = tmp_path / "not/there/yet/found.json"
    assert run.main(["counting:batch=7,variants=plain,split", "again", "--quick", f"--out={out}"]) == 0
    found = json.loads(out.read_text())
    settings = {asked: bench["settings"] for asked, bench in found["benches"].items()}
    assert settings == {
        "counting:batch=7,variants=plain,split": {"batch": 7, "variants": "plain,split"},
        "again": {"batch": 4, "variants": "plain"},
    }
    assert found["benches"]["again"]["lines"] == [rounds.line("batch", 4)]
    assert {key: found[key] for key in ("machine", "quick")} == {"machine": MACHINE, "quick": True}
    assert "again: batch" in capfd.readouterr().out


def test_what_was_measured_before_the_end_is_in_the_file(monkeypatch, tmp_path):
    out, seen = tmp_path / "found.json", []

    def bench(asked, quick):
        seen.append(list(json.loads(out.read_text())["benches"]))
        if len(seen) == 3:
            raise KeyboardInterrupt
        return of_bench(made("x", 1)) if asked == "counting" else None

    monkeypatch.setattr(run, "bench", bench)
    with pytest.raises(KeyboardInterrupt):
        run.main(["counting", "again", "again:batch=1", f"--out={out}"])
    assert seen == [[], ["counting"], ["counting"]]
    assert list(json.loads(out.read_text())["benches"]) == ["counting"]
    assert [file.name for file in tmp_path.iterdir()] == ["found.json"]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: f"--compare={folder / 'nowhere.json'}", "nowhere.json: No such file"),
        (lambda folder: f"--compare={stored(folder / 'old.json', [1])}", "old.json: "),
        (lambda folder: f"--compare={stored(folder / 'old.json', {})}", "old.json: no file of this command"),
        (lambda folder: f"--out={stored(folder / 'file', 1) / 'found.json'}", "found.json: "),
        (lambda folder: f"--out={folder}", "Is a directory"),
        (lambda folder: "bech", "unknown bench 'bech'"),
    ],
)
def test_what_can_not_be_read_or_written_is_a_line_before_anything_runs(monkeypatch, tmp_path, capsys, make, said):
    monkeypatch.setattr(run, "bench", lambda *_, **__: pytest.fail("a bench ran"))
    with pytest.raises(SystemExit, match="2"):
        run.main([make(tmp_path)])
    assert said in capsys.readouterr().err.splitlines()[-1]


def test_the_facts_of_the_machine_come_first_and_need_no_git(monkeypatch):
    monkeypatch.undo()
    monkeypatch.setenv("PATH", "")
    assert run.commit() == "unknown"

    def fails(*_, **__):
        return subprocess.CompletedProcess([], 1, "", "Traceback\nRuntimeError: no backend")

    monkeypatch.setattr(run.subprocess, "run", fails)
    with pytest.raises(ConfigError, match="RuntimeError: no backend"):
        run.machine()


def test_versions_are_found_however_a_package_spells_its_name(monkeypatch):
    monkeypatch.undo()
    wheels = [types.SimpleNamespace(metadata={"Name": "tensorflow_cpu"}, version="2.21.0")]
    monkeypatch.setattr(run.importlib.metadata, "distributions", lambda: wheels)
    answer = subprocess.CompletedProcess([], 0, 'a word of JAX\n[1, "cpu"]\n', "")
    monkeypatch.setattr(run.subprocess, "run", lambda *_, **__: answer)
    found = run.machine()
    assert found["devices"] == [1, "cpu"]
    assert found["versions"].keys() == {"python", "tensorflow-cpu"}


def test_the_run_fails_if_something_got_slower_or_failed(monkeypatch, tmp_path):
    now = of_bench(made("x", 2, 2, 2, 2))
    monkeypatch.setattr(run, "bench", lambda asked, quick: now)
    for before, code in ((1, 1), (2, 0), (3, 0)):
        old = stored(tmp_path / "old.json", result(counting=of_bench(made("x", *[before] * 4))))
        assert run.main(["counting", f"--compare={old}"]) == code
    monkeypatch.setattr(run, "bench", lambda asked, quick: None)
    assert run.main(["counting"]) == 1


def test_a_bench_that_ends_with_an_error_has_failed(capfd):
    assert run.main(["counting:variants=all", "again"]) == 1
    said = capfd.readouterr().out
    assert "counting:variants=all: FAILED" in said
    assert "again: batch" in said


def test_a_comparison_says_what_got_slower_and_leaves_other_settings_alone():
    old, new = (result(b=of_bench(made("x", *[ratio] * 4))) for ratio in (1, 2))
    assert run.comparison(old, new) == (["b: x: slower, 1.000 before, 2.000 now"], True)
    assert run.comparison(new, old) == (["b: x: faster, 2.000 before, 1.000 now"], False)
    other = result(b=of_bench(made("x", 2, 2, 2, 2), batch=1))
    assert run.comparison(old, other) == (["b: not compared, other settings"], False)
    assert run.comparison(old, result("c")) == (["c: not compared, new"], False)


def test_a_bench_is_compared_with_the_one_of_its_settings_however_they_were_written():
    slow, fast = made("x", 2, 2, 2, 2), made("x", 1, 1, 1, 1)
    old = result(**{"b": of_bench(slow, batch=32, steps=1), "b:steps=9,batch=8": of_bench(fast, batch=8, steps=9)})
    new = result(**{"b:batch=8,steps=9": of_bench(slow, batch=8, steps=9)})
    assert run.comparison(old, new) == (["b:batch=8,steps=9: x: slower, 1.000 before, 2.000 now"], True)


def test_every_bench_of_the_table_is_there(monkeypatch):
    monkeypatch.undo()
    for module in run.BENCHES.values():
        assert (pathlib.Path(run.__file__).parent / f"{module.removeprefix('benchmarks.')}.py").is_file()


def test_the_file_is_replaced_at_once(monkeypatch, tmp_path):
    out = stored(tmp_path / "found.json", {"older": 1})
    monkeypatch.setattr(run.os, "replace", lambda *_: sys.exit("killed"))
    with pytest.raises(SystemExit, match="killed"):
        run.write(out, {"newer": 2})
    assert json.loads(out.read_text()) == {"older": 1}

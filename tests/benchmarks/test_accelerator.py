import json
import pathlib
import subprocess

import pytest

from benchmarks import accelerator
from sbn.config.errors import ConfigError

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture
def stub(monkeypatch):
    """Stands in for the machine, and for the commands: a part that trains leaves a checkpoint."""
    monkeypatch.setattr(accelerator, "machine", lambda: {"devices": [1, "cpu"]})
    codes = []

    def ran(words, *, seconds, env=None):
        (workdir,) = [word.partition("=")[2] for word in words if word.startswith("--workdir=")] or [None]
        if workdir:
            folder = pathlib.Path(workdir)
            (folder / "tensorboard").mkdir(parents=True, exist_ok=True)
            (folder / "tensorboard" / "events").write_text("large")
            before = (folder / "checkpoint").read_text() if (folder / "checkpoint").exists() else ""
            (folder / "checkpoint").write_text(before + "steps ")
            (folder / "metrics.jsonl").write_text('{"step": 1, "train/loss": 2.5, "time/seconds": 1}\n')
        return {"command": words, "exit_code": codes.pop(0) if codes else 0, "seconds": seconds}

    monkeypatch.setattr(accelerator, "ran", ran)
    return codes


def test_a_visit_writes_what_ran_and_packs_the_run(stub, tmp_path):
    stub += [0, 0, 0, 75]
    assert accelerator.main([f"--out={tmp_path}", "--minutes=10"]) == 0
    visit = json.loads((tmp_path / "visit.json").read_text())
    assert visit["smoke"]["same_bits"]
    assert visit["train"]["exit_code"] == 75
    assert visit["train"]["parts"] == ["run.tar.000"]
    assert {"machine", "commit", "date", "benches"} <= visit.keys()


def test_the_next_visit_goes_on_from_the_packed_run(stub, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    accelerator.main([f"--out={first}", "--only=train"])
    assert accelerator.main([f"--out={second}", "--only=train", f"--from={first}"]) == 0
    assert (second / "work" / "run" / "checkpoint").read_text() == "steps steps "
    assert not (accelerator.unpack(second, tmp_path / "seen") / "tensorboard").exists()


def test_a_run_larger_than_a_part_is_cut_and_comes_back_whole(monkeypatch, tmp_path):
    monkeypatch.setattr(accelerator, "PART", 100)
    workdir, out = tmp_path / "run", tmp_path / "out"
    workdir.mkdir()
    out.mkdir()
    content = bytes(range(256)) * 4
    (workdir / "checkpoint").write_bytes(content)
    assert len(accelerator.pack(workdir, out)) > 1
    assert (accelerator.unpack(out, tmp_path / "store") / "checkpoint").read_bytes() == content


def test_a_part_that_fails_keeps_nothing_from_running_and_is_told(stub, tmp_path):
    stub += [1, 1, 1, 75]
    (tmp_path / "smoke_first").mkdir()
    assert accelerator.main([f"--out={tmp_path}"]) == 1
    assert json.loads((tmp_path / "visit.json").read_text())["train"]["exit_code"] == 75


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"no run\.tar\.000"):
        accelerator.unpack(tmp_path, tmp_path / "store")


def test_a_command_that_takes_too_long_is_asked_to_stop():
    found = accelerator.ran(["sleep", "60"], seconds=1)
    assert found["exit_code"] == -15
    assert found["seconds"] < 30


def test_data_goes_there_in_parts_and_is_joined_only_when_all_are_there(tmp_path):
    script, archive = str(ROOT / "benchmarks" / "accelerator.sh"), tmp_path / "archive.npz"
    archive.write_bytes(b"x" * 2500)
    packed, store = tmp_path / "packed", tmp_path / "store"
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin", "PART": "1000"}
    python = tmp_path / "python3"  # neither downloads nor trains: prints what it is asked for
    python.write_text('#!/bin/sh\necho "$@"\n')
    python.chmod(0o755)

    def call(*words):
        return subprocess.run(["bash", script, *words], env=env, capture_output=True, text=True, check=False)

    assert call("pack", str(packed), str(archive)).returncode == 0
    parts = sorted(file.name for file in packed.glob("data.0*"))
    assert parts == ["data.000", "data.001", "data.002"]
    last = (packed / parts[-1]).read_bytes()
    (packed / parts[-1]).unlink()
    call("take", str(packed), str(store))
    assert "parts of the data are missing" in call("run", str(store), str(tmp_path / "out")).stdout
    (packed / parts[-1]).write_bytes(last)
    call("take", str(packed), str(store))
    done = call("run", str(store), str(tmp_path / "out"), "--minutes=3")
    assert f"-m benchmarks.accelerator --out={tmp_path}/out --archive={store}/archive.npz --minutes=3" in done.stdout
    assert (store / "archive.npz").read_bytes() == archive.read_bytes()

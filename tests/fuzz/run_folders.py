"""Work directories with every file that runs leave, as new runs write them, without training any."""

import json
import pathlib
from typing import Any

import numpy as np

from sbn.runs import files
from sbn.runs.arrays import pack
from sbn.runs.metrics import proof
from tests.report.work_dirs import MAIN, write_run

ROW = "table3/baseline"
STEPS = 78000
PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)


def finished(root: pathlib.Path, seed: int, **changes: Any) -> pathlib.Path:
    """Writes a finished run of a row of `tests.report.work_dirs`, evaluated afterwards."""
    values = [0.5 + seed / 10, 0.9 + seed / 100]
    lines = "".join(
        json.dumps({"step": step, MAIN: value}) + "\n" for step, value in zip((390, STEPS), values, strict=True)
    )
    path = write_run(
        root,
        f"mine/{ROW}/seed{seed}",
        values[-1],
        seed=seed,
        experiment="mine",
        log=proof(lines.encode()),
        stages={"main": [0, STEPS]},
        steps_per_epoch=390,
        **changes,
    )
    (path / "metrics.jsonl").write_text(lines)
    config = json.loads((path / "result.json").read_text())["config"]
    files.write(path, files.CONFIG, config)
    files.write(path, files.DATA, {"name": "cifar10", "mean": [0.5] * 3, "std": [0.2] * 3, "classes": ["a", "b"]})
    _begun(path, seed)
    evaluation = {"format": 1, "step": STEPS, "overrides": {"eval.mix": [0.5]}, "metrics": {"test/main/error": 0.1}}
    for name, arrays in (
        ("mix", {"mix/lambdas": np.linspace(0, 1, 5), "mix/accuracy": np.linspace(0.4, 0.9, 5)}),
        ("fourier", {"fourier/main": np.arange(25.0).reshape(5, 5)}),
    ):
        folder = path / "artifacts" / name
        folder.mkdir(parents=True)
        files.write_json(folder / f"{STEPS}.json", evaluation)
        (folder / f"{STEPS}.npz").write_bytes(pack(arrays))
        (folder / f"{STEPS}.png").write_bytes(PNG)
    return path


def unfinished(root: pathlib.Path, seed: int) -> pathlib.Path:
    """Writes a run that diverged, which a sweep gave up."""
    path = root / f"mine/{ROW}/seed{seed}"
    path.mkdir(parents=True)
    _begun(path, seed)
    files.write(
        path, files.INIT, {"from": "runs/a", "step": 3, "stages": 1, "source": {"experiment": "mine", "row": ROW}}
    )
    (path / "lock.json").write_text(json.dumps({"host": "elsewhere", "pid": 3, "began": "1", "since": 0.0}))
    (path / "log.txt").write_text("one\ntwo\n")
    return path


def _begun(path: pathlib.Path, seed: int) -> None:
    argv = ["sbn/train/__main__.py", f"--config=mine.py:{ROW}", f"--config.seed={seed}", "--workdir=a"]
    start = {"experiment": "mine", "row": ROW, "seed": seed, "overrides": {}, "argv": argv, "time": "2026-01-01"}
    files.write(path, files.PROVENANCE, {"starts": [start]})
    progress = {"step": 400, "total": STEPS, "stages": {"main": [0, STEPS]}, "seconds": 9.0, "time": 1.0}
    files.write(
        path, files.PROGRESS, {**progress, "steps_per_second": 2.5, "seconds_left": 7.0, "failed": "loss is nan"}
    )
    job = {"engine": "local", "host": "elsewhere", "pid": 3, "began": "1", "time": 1.0, "code": 1, "gave_up": True}
    files.write(path, files.JOB, job)

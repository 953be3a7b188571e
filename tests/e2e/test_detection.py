"""A detector trains, is killed and goes on, on one device and on eight; all its images count once."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from sbn.runs.arrays import read_arrays
from sbn.train import train
from tests.compiling import simulating
from tests.e2e import runs
from tests.e2e.detections import SMALL, counted

DRAWN = {**SMALL, "eval.evals": ("metrics", "detections")}


@pytest.fixture(scope="module")
def whole(tiny, tmp_path_factory):
    folder = tmp_path_factory.mktemp("detector") / "whole"
    train(tiny(DRAWN), folder)
    return folder


@pytest.mark.slow
def test_a_detector_killed_after_a_checkpoint_ends_with_the_bits_of_an_unbroken_run(whole, tiny, tmp_path):
    killed = tmp_path / "killed"
    shutil.copytree(whole, killed)  # as a kill between steps 3 and 4 leaves it
    shutil.rmtree(killed / "checkpoints/4")
    (killed / "result.json").unlink()
    train(tiny(DRAWN), killed)
    runs.assert_same_state(runs.final_state(killed), runs.final_state(whole))
    assert runs.metric_lines(killed) == runs.metric_lines(whole)


@pytest.mark.slow
def test_every_branch_is_a_detector_of_its_own_that_is_measured(whole):
    metrics = json.loads((whole / "result.json").read_text())["metrics"]
    for branch in ("main", "aux"):
        assert {f"test/{branch}/map", f"test/{branch}/map_area"} <= metrics.keys()
    assert not any("mix" in name for name in metrics)  # a mean of boxes means nothing
    lines = runs.metric_lines(whole)
    trained = [line for line in lines if "train/main/loss" in line]
    assert [line["step"] for line in trained] == [1, 2, 3, 4]
    state = runs.final_state(whole)
    main, aux = state.batch_stats["stem_norm"]["mean"]
    assert (main != aux).any()
    assert read_arrays(whole / "artifacts/detections/4.npz")["test/aux/detections"].shape[2] == 6
    assert (whole / "artifacts/detections/4.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow  # test_canvases asks the same of images of two canvases
def test_every_image_counts_once_whatever_the_batch(tiny):
    """The test split has 13 images."""
    found = [counted(tiny({**SMALL, "eval.batch_size": batch})) for batch in (13, 5, 1)]
    for other in found[1:]:
        assert other == pytest.approx(found[0], abs=1e-12, nan_ok=True)
    assert 0 < found[0]["test/main/map"] < 1
    assert found[0]["test/main/map"] != found[0]["test/aux/map"]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_eight_devices_do_what_one_does(tiny, tmp_path):
    config = tiny({**SMALL, "duration": "2 steps", "branches": ("main",)})
    train(config, tmp_path / "one")
    (tmp_path / "config.json").write_text(json.dumps(config.to_dict()))
    command = [sys.executable, "-m", "tests.e2e.detections", tmp_path / "config.json", tmp_path / "eight"]
    done = subprocess.run(
        command, cwd=runs.ROOT, env={**os.environ, **simulating(8)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    (provenance,) = json.loads((tmp_path / "eight/provenance.json").read_text())
    assert len(provenance["devices"]) == 8
    losses = [
        [line["train/loss"] for line in runs.metric_lines(tmp_path / name) if "train/loss" in line]
        for name in ("eight", "one")
    ]
    # sums of float32 in another order; the second step's loss has gone through an update
    np.testing.assert_allclose(*losses, rtol=1e-4)
    assert json.loads(done.stdout.splitlines()[-1]) == pytest.approx(counted(config), abs=1e-12, nan_ok=True)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("first", "second"), [(1, 2), (2, 1)])
def test_a_detector_goes_on_with_another_number_of_devices(whole, tiny, tmp_path, first, second):
    """Batches and draws are the same: it goes on as it would have, to the rounding of float32 sums."""
    run = tmp_path / "run"

    def start(devices):
        if devices == 1:
            return train(tiny(DRAWN), run)
        with runs.start(tiny(DRAWN), run, **simulating(devices)) as process:
            output = process.stdout.read()
        assert process.returncode == 0, output
        return None

    if first == 1:
        shutil.copytree(whole, run)
    else:
        start(first)
    shutil.rmtree(run / "checkpoints/4")
    (run / "result.json").unlink()
    start(second)
    starts = json.loads((run / "provenance.json").read_text())
    assert [len(own["devices"]) for own in starts] == [first, second]
    losses = [[line["train/loss"] for line in runs.metric_lines(own) if "train/loss" in line] for own in (run, whole)]
    np.testing.assert_allclose(*losses, rtol=1e-3)


@pytest.mark.slow
def test_a_detector_that_is_killed_and_started_again_ends_with_the_same_bits(whole, tiny, tmp_path):
    config = tiny(DRAWN)
    saved = tmp_path / "run/checkpoints/2"
    with runs.start(config, tmp_path / "run") as process:
        while process.poll() is None and not saved.is_dir():
            time.sleep(0.01)
        process.kill()
        printed = process.stdout.read()
    assert process.returncode == -signal.SIGKILL, printed
    assert saved.is_dir()  # it goes on, rather than begins again
    train(config, tmp_path / "run")
    runs.assert_same_state(runs.final_state(tmp_path / "run"), runs.final_state(whole))

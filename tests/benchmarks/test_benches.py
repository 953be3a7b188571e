"""Every bench works, small: what it finds is finite. Its numbers mean nothing here."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from benchmarks import detection, pytorch, rounds, run, worker

ROOT = worker.ROOT
# what an accelerator machine may lack
BLOCKED = ("tensorflow", "tensorflow_datasets", "keras", "clu", "tensorboard")
WITHOUT = {"augment_host": "needs tensorflow and keras", "imagenet_input": "needs tensorflow"}
WITHOUT |= {"resume": "needs tensorflow"}
NO_RATIOS = {"augment_ops", "profile"}


@pytest.fixture
def bench(tmp_path):
    """Returns a function that runs a bench, small, to what it wrote."""

    def run_it(name, **environment):
        out = tmp_path / f"{name}.json"
        # a conftest's flags for eight devices are not the benches'
        env = {**os.environ, "XLA_FLAGS": "", **environment}
        words = [sys.executable, "-m", run.BENCHES[name], "--quick", f"--out={out}"]
        done = subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        return json.loads(out.read_text())

    return run_it


@pytest.fixture
def without(tmp_path):
    """The environment of a Python that has none of `BLOCKED`."""
    (tmp_path / "sitecustomize.py").write_text(f"import sys\nsys.modules.update(dict.fromkeys({BLOCKED}))\n")
    return {"PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}


def test_every_bench_reads_its_options_without_tensorflow(without):
    """All in one process: what is imported when a bench starts is there on every machine."""
    code = (
        f"import importlib\nfor module in {[*run.BENCHES.values()]}:\n    importlib.import_module(module)\nprint('all')"
    )
    env = {**os.environ, **without}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.stdout == "all\n", done.stderr[-2000:]


@pytest.mark.slow
@pytest.mark.parametrize("name", run.BENCHES)
def test_a_bench_finds_finite_ratios(bench, name):
    needs = {"pytorch": pytorch.NEEDS, "detection": detection.NEEDS}.get(name, ())
    if worker.find("", *needs) is None:
        pytest.skip(worker.how_to(*needs))
    found = bench(name)
    numbers = [line[key] for line in found["lines"] for key in ("ratio", "low", "high")]
    assert np.isfinite(numbers).all()
    assert bool(numbers) == (name not in NO_RATIOS)
    assert all(line["ratio"] > 0 for line in found["lines"] if line["rounds"])
    assert len({line["name"] for line in found["lines"]}) == len(found["lines"])  # or comparisons would mix them up
    assert np.isfinite([fact for fact in found["facts"].values() if isinstance(fact, float)]).all()
    assert found["settings"]


@pytest.mark.slow
@pytest.mark.parametrize("name", [*WITHOUT, "augment_ops", "start_up"])
def test_without_tensorflow_a_bench_measures_what_it_can_and_says_what_not(bench, without, name):
    found = bench(name, **without)
    assert found["facts"].get(rounds.NOTHING) == WITHOUT.get(name)
    if name == "augment_ops":
        assert found["facts"]["the host's ops were not measured"] == "needs tensorflow"
        assert all(fact.startswith(("device", "the host")) for fact in found["facts"])
    if name == "start_up":
        assert found["settings"]["path"] == "device"
        assert found["lines"]


def test_pytorch_and_the_rivals_find_this_file_without_our_requirements():
    """`rounds` and `worker` are imported by interpreters that have NumPy and nothing else of ours."""
    blocked = f"import sys; sys.modules.update(dict.fromkeys({(*BLOCKED, 'jax', 'flax', 'ml_collections')}))"
    code = f"{blocked}; import benchmarks.rounds, benchmarks.worker, benchmarks.augment_pillow"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)

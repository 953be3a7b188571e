"""A killed evaluation goes on from its file and ends with the same bits; nobody else's file is used."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from etils import epath
from ml_collections import ConfigDict

from sbn.evals.base import run
from sbn.evals.frequencies import Fourier
from sbn.evals.partial import NAME, Partial, fingerprint
from sbn.train import evaluation
from tests.conftest import ROOT
from tests.evals.toys import make_materials, make_source, make_variables

SIZE, COUNT = (8, 8), 21
KILLED = """
import os, signal, sys
from sbn.evals import perturbed
from tests.evals.test_partial import make_evaluator, run, make_variables, SIZE

class Killed(perturbed.Partial):
    dispatches = 0

    def keep(self, counts):
        self._last = -1e9  # it is always time
        super().keep(counts)
        Killed.dispatches += 1
        if Killed.dispatches == 3:
            os.kill(os.getpid(), signal.SIGKILL)

perturbed.Partial = Killed
run(make_evaluator(sys.argv[1]), make_variables(SIZE))
"""


def make_evaluator(workdir, *, norm=2.0, changes=None):
    evaluator = Fourier(
        make_materials(make_source(COUNT, SIZE), changes, workdir=workdir), norm=norm, size=None, examples=COUNT
    )
    evaluator._errors._chunk = 4  # of 25 frequencies: seven dispatches
    return evaluator


def counted(evaluator):
    """The evaluator, and a list that gets an entry a dispatch."""
    dispatches, count = [], evaluator._errors._count

    def counting(*arguments):
        dispatches.append(1)
        return count(*arguments)

    evaluator._errors._count = counting
    return evaluator, dispatches


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """The work directory of an evaluation that was killed after three dispatches."""
    folder = tmp_path_factory.mktemp("killed")
    done = subprocess.run([sys.executable, "-c", KILLED, str(folder)], cwd=ROOT, env=os.environ, check=False)
    assert done.returncode == -signal.SIGKILL
    return folder


def copy_of(killed, folder):
    path = folder / "artifacts/fourier" / NAME
    path.parent.mkdir(parents=True)
    path.write_bytes((killed / "artifacts/fourier" / NAME).read_bytes())
    return path


def test_a_killed_evaluation_goes_on_and_ends_with_the_same_bits(killed, tmp_path):
    path = copy_of(killed, tmp_path)
    whole, all_dispatches = counted(make_evaluator(None))
    expected = run(whole, make_variables(SIZE))
    again, dispatches = counted(make_evaluator(tmp_path))
    found = run(again, make_variables(SIZE))
    assert (len(all_dispatches), len(dispatches)) == (7, 4)
    assert found[0] == expected[0]
    for name, array in expected[1].items():
        np.testing.assert_array_equal(found[1][name], array)
    assert path.exists()  # until the result is written
    evaluation.write_arrays(epath.Path(tmp_path), "fourier", 7, found[1], config=ConfigDict())
    assert sorted(file.name for file in path.parent.iterdir()) == ["7.npz", "7.png"]


def test_what_was_kept_is_what_is_used(killed, tmp_path):
    path = copy_of(killed, tmp_path)
    with np.load(path) as stored:
        kept = dict(stored)
    assert (kept["counts"][:12] >= 0).all()
    assert (kept["counts"][12:] == -1).all()
    kept["counts"][0] = COUNT  # what no evaluation gives here
    np.savez(path, **kept)
    arrays = run(make_evaluator(tmp_path), make_variables(SIZE))[1]
    assert arrays["fourier/main/error"][0, 0] == 1.0


@pytest.mark.parametrize("change", ["variables", "norm", "seed", "mix", "damaged", "short"])
def test_another_evaluations_file_is_not_used(killed, tmp_path, change):
    path, variables = copy_of(killed, tmp_path), make_variables(SIZE)
    if change == "variables":
        variables["weights"][0, 0, 0, 0, 0] += 1e-6
    if change == "damaged":
        path.write_bytes(path.read_bytes()[:-30])
    if change == "short":
        path.write_bytes(b"")
    changes = {"seed": {"seed": 4}, "mix": {"eval.average": "logits"}}.get(change)
    evaluator, dispatches = counted(make_evaluator(tmp_path, norm=3.0 if change == "norm" else 2.0, changes=changes))
    run(evaluator, variables)
    assert len(dispatches) == 7


def test_it_is_written_every_so_often(tmp_path):
    times = iter([0.0, 4.0, 11.0, 12.0])
    partial = Partial(epath.Path(tmp_path) / "x", "f", clock=lambda: next(times))
    path = tmp_path / "x" / NAME
    written = []
    for number in range(3):
        partial.keep(np.full((2, 1), number, np.int32))
        written.append(int(np.load(path)["counts"][0, 0]) if path.exists() else None)
    assert written == [None, 1, 1]


def test_without_a_folder_nothing_is_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    partial = Partial(None, "f", every=0.0)
    partial.keep(np.zeros((2, 1), np.int32))
    np.testing.assert_array_equal(partial.read((2, 1)), [[-1], [-1]])
    assert list(tmp_path.iterdir()) == []


def test_a_fingerprint_sees_values_shapes_kinds_and_names():
    parts = [
        {"a": np.zeros(4)},
        {"a": np.zeros((2, 2))},
        {"a": np.zeros(8, np.float32)},
        {"b": np.zeros(4)},
        {"a": np.ones(4)},
        "a",
        "b",
    ]
    assert len({fingerprint(part) for part in parts}) == len(parts)
    assert fingerprint(*parts) == fingerprint(*parts)

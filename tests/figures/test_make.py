"""Figures come from arrays alone, the same from the same, without pyplot's state and without jax."""

import subprocess
import sys

import numpy as np
from matplotlib.figure import Figure

from sbn.figures import make
from tests.conftest import ROOT


def draw(arrays):
    figure = Figure()
    figure.subplots().plot(arrays["a"])
    return figure


def test_the_same_arrays_give_the_same_bytes_and_others_do_not(monkeypatch):
    monkeypatch.setitem(make.FIGURES, "curves", draw)
    first, again = (make.make_png("curves", {"a": np.arange(3)}) for _ in range(2))
    assert first == again
    assert first != make.make_png("curves", {"a": np.arange(4)})


def test_there_is_no_figure_without_an_entry_or_without_arrays(monkeypatch):
    assert make.make_png("nothing", {"a": np.arange(3)}) is None
    monkeypatch.setitem(make.FIGURES, "curves", draw)
    assert make.make_png("curves", {}) is None


def test_neither_jax_nor_matplotlib_is_loaded_before_a_figure_is_drawn():
    code = "import sys, sbn.figures.make; print({'jax', 'matplotlib', 'tensorflow'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"

"""What a run compiles: its step once, and one program for all its evaluations."""

import collections
import logging
import re

import jax
import pytest

from sbn.train import train

# Single operations of JAX's own, as to fill arrays of several shapes with zeros
SMALL = {"jit(broadcast_in_dim)", "jit(convert_element_type)"}


@pytest.fixture
def compiled(caplog):
    """Counts programs by name, those found in the compilation cache too."""
    with caplog.at_level(logging.WARNING, logger="jax"), jax.log_compiles():
        yield lambda: collections.Counter(
            found[1] for record in caplog.records if (found := re.match(r"Compiling (\S+)", record.getMessage()))
        )


def test_a_run_compiles_every_program_once(tiny, tmp_path, compiled):
    """Two evaluations, on a test set that fills its last batch in part."""
    train(tiny({"duration": "4 steps", "eval.every": "2 steps"}), tmp_path / "run")
    programs = compiled()
    assert programs["jit(step)"] == 1, programs
    assert max(count for name, count in programs.items() if name not in SMALL) == 1, programs

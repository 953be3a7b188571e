"""What a run compiles: its step once, one program for all its evaluations, and nothing that another seed's run did."""

import collections
import logging
import re

import jax
import pytest

from sbn.train import train
from sbn.train.feed import make_feed
from sbn.train.optimiser import make_optimiser
from sbn.train.schedules import make_schedule
from sbn.train.setup import make_setup
from sbn.train.state import init_state
from sbn.train.step import make_step

# Single operations of JAX's own, as to fill arrays of several shapes with zeros or to copy them
SMALL = {"jit(broadcast_in_dim)", "jit(convert_element_type)", "jit(copy)"}
SHORT = {"duration": "4 steps", "eval.every": "2 steps"}


@pytest.fixture
def compiled(caplog):
    """Counts programs by name, those found in the compilation cache too."""
    with caplog.at_level(logging.WARNING, logger="jax"), jax.log_compiles():
        yield lambda: collections.Counter(
            found[1] for record in caplog.records if (found := re.match(r"Compiling (\S+)", record.getMessage()))
        )


@pytest.mark.parametrize("path", ["device", pytest.param("host", marks=pytest.mark.slow)])
def test_a_run_compiles_every_program_once(tiny, tmp_path, compiled, path):
    """Two evaluations, on a test set that fills its last batch in part."""
    train(tiny({**SHORT, "data.path": path}), tmp_path / "run")
    programs = compiled()
    assert programs["jit(step)"] == 1, programs
    assert max(count for name, count in programs.items() if name not in SMALL) == 1, programs


def lowered(config):
    """The text of a run's step as XLA gets it."""
    setup = make_setup(config)
    feed, (stage,) = make_feed(setup, config), setup.plan.stages
    schedule = make_schedule(stage, setup.plan)
    state = jax.eval_shape(lambda: init_state(setup.task, make_optimiser(stage, schedule), seed=config.seed))
    take_step = make_step(setup.task, stage, schedule, setup.mesh, prepare=feed.prepare(stage))
    return take_step.lower(state, *next(iter(feed.batches(stage, 0))), feed.resident).as_text()


@pytest.mark.parametrize("path", ["device", pytest.param("host", marks=pytest.mark.slow)])
def test_the_seeds_of_a_row_are_one_program(tiny, path):
    """So the second seed finds the first one's step in the compilation cache, whatever is drawn in it."""
    drawing = {"views.aux.augment": "randaugment(1, 4)|flip|mixup(1)|manifold_mixup(1)", "model.dropout": 0.2}
    one, other = (lowered(tiny({**drawing, "data.path": path, "seed": seed})) for seed in (1, 2))
    assert one == other

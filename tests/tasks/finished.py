"""A finished run that nobody trained: a work directory with a checkpoint in which no two branches agree."""

import contextlib

import jax
import numpy as np
import pytest
from etils import epath

from sbn.data import record
from sbn.train import workdir as workdirs
from sbn.train.checkpoint import Checkpoints
from sbn.train.optimiser import make_optimiser
from sbn.train.schedules import make_schedule
from sbn.train.setup import make_setup
from sbn.train.state import TrainState


def finished(config, tmp_path_factory, *, adjust=lambda setup, variables: None):
    """Returns the folder of a run of `config`, its setup, and its state.

    Its variables are drawn at random; `adjust` may change them in place before they are stored.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        setup = make_setup(config)
    folder, random = epath.Path(tmp_path_factory.mktemp("runs") / "run"), np.random.default_rng(1)
    optimiser = make_optimiser(setup.plan.stages[0], make_schedule(setup.plan.stages[0], setup.plan))
    shapes = jax.eval_shape(setup.task.init, jax.random.key(0))
    made = jax.tree_util.tree_map_with_path(
        lambda path, leaf: (1.0 * (path[-1].key == "var") + random.uniform(-0.3, 0.3, leaf.shape)).astype(np.float32),
        shapes,
    )
    adjust(setup, made)
    momenta = jax.eval_shape(optimiser.init, shapes["params"])
    momenta = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), momenta)
    state = TrainState(np.asarray(setup.plan.total, np.int32), made["params"], made["batch_stats"], momenta, None)
    data = record.describe(config.data.name, setup.train, setup.test, setup.channels)
    workdirs.begin(folder, config, {"commit": "abc", "time": "now", "argv": ["python"]}, data=data)
    names, stages = setup.task.branches, setup.plan.stages
    with contextlib.closing(Checkpoints(folder / "checkpoints", keep=1, branches=names, stages=stages)) as store:
        store.save(setup.plan.total, state, seconds=1.0)
    return folder, setup, state

"""What the end-to-end tests ask of a run's folder, and processes that train."""

import functools
import json
import os
import pathlib
import socket
import subprocess
import sys

import jax
import numpy as np

from sbn.config import tree
from sbn.train import mesh as meshes
from sbn.train.checkpoint import Checkpoints
from sbn.train.optimiser import make_optimiser
from sbn.train.schedules import make_schedule
from sbn.train.setup import make_setup
from sbn.train.state import init_state
from sbn.train.workdir import read_config

ROOT = pathlib.Path(__file__).parents[2]


def free_address():
    """An address on the loopback that nobody listens at, where processes that train together can meet."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


@functools.lru_cache(maxsize=4)
def _like(config):
    """The shapes of the state of a run, and what the run is made of."""
    config = tree.checked(json.loads(config))
    setup = make_setup(config)
    optimiser = make_optimiser(setup.plan.stages[0], make_schedule(setup.plan.stages[0], setup.plan))
    return jax.eval_shape(lambda: init_state(setup.task, optimiser, seed=config.seed, ema=config.optim.ema)), setup


def final_state(workdir):
    """Every array of a run's newest checkpoint, as NumPy, with the step."""
    from etils import epath

    config = read_config(epath.Path(workdir))
    like, setup = _like(json.dumps(config.to_dict(), sort_keys=True))
    store = Checkpoints(pathlib.Path(workdir) / "checkpoints", keep=2, branches=setup.task.branches, create=False)
    restored = store.restore(like, meshes.replicated(setup.mesh))
    store.close()
    return jax.tree.map(np.asarray, restored.state)


def assert_same_state(a, b):
    """Bit for bit, NaN not expected."""
    assert jax.tree.structure(a) == jax.tree.structure(b)
    for (path, x), y in zip(jax.tree_util.tree_leaves_with_path(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_array_equal(x, y, err_msg=jax.tree_util.keystr(path))


def metric_lines(workdir):
    return [json.loads(line) for line in (pathlib.Path(workdir) / "metrics.jsonl").read_text().splitlines()]


TRAIN = """
import json, sys
from sbn.config.tree import checked
from sbn.train import train
train(checked(json.load(open(sys.argv[1]))), sys.argv[2])
"""


def start(config, workdir, **environment):
    """Starts a process that trains `config` in `workdir`."""
    path = pathlib.Path(f"{workdir}.json")
    path.write_text(json.dumps(config.to_dict()))
    return subprocess.Popen(
        [sys.executable, "-c", TRAIN, str(path), str(workdir)],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def signal_at(process, line, number):
    """Sends a signal at the first line that starts with `line`; returns the exit code and all that was printed."""
    printed = []
    with process:
        for text in process.stdout:
            printed.append(text)
            if text.startswith(line):
                process.send_signal(number)
                break
        printed.extend(process.stdout)
    return process.returncode, "".join(printed)

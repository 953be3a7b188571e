"""Two hosts that train together, started as a launcher starts them; one of them dies."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest

from sbn.config.errors import ConfigError
from sbn.runs import lock
from sbn.train import process
from tests.compiling import simulating
from tests.e2e import runs

CONFIG = (
    "experiments/quickstart.py:methods/weak_augment,model.depth=10,model.width=1,batch_size=16,duration=100steps,"
    "data.train_examples=64,data.test_examples=8,data.path=device,log.tensorboard=False"
)
RHYTHM = ("--config.save.every=20 steps", "--config.log.every=5 steps")
# Writes two checkpoints, and reads the newest back that all hosts can read; host 1 gets other bytes of the last.
READ_BACK = """
import sys
import jax
import numpy as np
jax.distributed.initialize(sys.argv[2], 2, int(sys.argv[3]))
from sbn.train import mesh as meshes
from sbn.train.checkpoint import Checkpoints
from sbn.train.state import TrainState
sharding = meshes.replicated(meshes.make_mesh(batch_size=2))
def state(value):
    step = jax.make_array_from_callback((), sharding, lambda _: np.int32(value))
    return TrainState(step, {"kernel": step}, {}, (step,))
store = Checkpoints(sys.argv[1], keep=2, branches=("main",))
for step in (10, 20):
    store.save(step, state(step), seconds=step)
store.wait()
read = store.read
def read_most(step, *rest):
    found = read(step, *rest)
    if jax.process_index() == 1 and step == 20:
        raise ValueError("its arrays do not match their checksum")
    return found
store.read = read_most
found = store.restore(state(0), sharding)
print("read", int(found.state.step), "of", store.steps())
store.close()
"""

TOGETHER = """
import sys
import jax
jax.distributed.initialize(sys.argv[2], 2, int(sys.argv[3]))
from etils import epath
from sbn.config.errors import ConfigError
from sbn.train.workdir import locked
try:
    with locked(epath.Path(sys.argv[1])) as held:
        print("has the lock" if held else "has none of its own")
except ConfigError as error:
    print(error)
"""


def start_both(workdir, folder):
    address, started = runs.free_address(), []
    for rank in range(2):
        environment = {"SBN_MULTIHOST": f"{address},2,{rank}", **simulating(2)}
        with (folder / f"host{rank}.log").open("w") as log:
            words = [sys.executable, "-m", "sbn.train", f"--config={CONFIG}", *RHYTHM, f"--workdir={workdir}"]
            started.append(
                subprocess.Popen(
                    words, cwd=runs.ROOT, env={**os.environ, **environment}, stdout=log, stderr=subprocess.STDOUT
                )
            )
    return started


def wait_for(text, log, hosts):
    while text not in log.read_text():
        assert all(host.poll() is None for host in hosts), log.read_text()
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
def test_a_dead_host_ends_the_other_and_both_go_on_to_the_same_bits(tmp_path, victim):
    for host in start_both(tmp_path / "whole", tmp_path):
        assert host.wait(timeout=300) == 0

    hosts = start_both(tmp_path / "killed", tmp_path)
    wait_for("25/100", tmp_path / "host0.log", hosts)
    hosts[victim].send_signal(signal.SIGKILL)
    survivor = hosts[1 - victim]
    assert survivor.wait(timeout=60) not in (0, None)  # a minute, as a pod would bill it
    assert "another task died" in (tmp_path / f"host{1 - victim}.log").read_text()
    hosts[victim].wait()
    assert not (tmp_path / "killed/result.json").exists()

    for host in start_both(tmp_path / "killed", tmp_path):
        assert host.wait(timeout=300) == 0
    assert re.search(r"resumes after step [2468]0 of 100", (tmp_path / "host0.log").read_text())
    runs.assert_same_state(runs.final_state(tmp_path / "killed"), runs.final_state(tmp_path / "whole"))


def test_a_checkpoint_damaged_for_one_host_is_damaged_for_both(tmp_path):
    address = runs.free_address()
    hosts = [
        subprocess.Popen(
            [sys.executable, "-c", READ_BACK, str(tmp_path / "checkpoints"), address, str(rank)],
            cwd=runs.ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(2)
    ]
    outputs = [host.communicate(timeout=120)[0] for host in hosts]
    for output, reason in zip(
        outputs, ("another process could not read it", "its arrays do not match their checksum"), strict=True
    ):
        assert "read 10 of [10]" in output
        assert f"checkpoint 20 is damaged and set aside ({reason})" in output
    assert (tmp_path / "damaged_20").is_dir()


def both_print(code, *words):
    address = runs.free_address()
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code, *words, address, str(rank)], cwd=runs.ROOT, stdout=subprocess.PIPE, text=True
        )
        for rank in range(2)
    ]
    return [host.communicate(timeout=300)[0].splitlines()[-1] for host in started]  # below what Gloo says


@pytest.mark.slow
def test_a_run_on_two_hosts_has_one_lock_and_both_learn_where_another_run_has_it(tmp_path):
    folder = tmp_path / "run"
    with lock.locked(folder):
        refused = both_print(TOGETHER, str(folder))
    assert refused[0].startswith(f"{folder} is being trained by process {os.getpid()} on ")
    assert refused[1] == f"{folder} is not free: the first process of this run says why"
    assert both_print(TOGETHER, str(folder)) == ["has the lock", "has none of its own"]


@pytest.mark.parametrize("text", ["yes", "host,2,0", "10.0.0.1:8476,2", "10.0.0.1:8476,two,0", ":,2,0", "a:1,\u0663,0"])
def test_a_place_among_hosts_is_written_in_full(monkeypatch, text):
    monkeypatch.setenv("SBN_MULTIHOST", text)
    with pytest.raises(ConfigError, match="ADDRESS:PORT,COUNT,RANK"):
        process.prepare()


@pytest.mark.parametrize("text", ["a:1,2,2", "a:1,0,0"])
def test_a_rank_that_is_none_of_them_is_refused_and_not_waited_for(monkeypatch, text):
    monkeypatch.setenv("SBN_MULTIHOST", text)
    with pytest.raises(ConfigError, match="processes there is none of rank"):
        process.prepare()

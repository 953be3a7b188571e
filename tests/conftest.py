"""One persistent compilation cache for the whole suite, real data where it is, and tiny configs."""

import gc
import math
import os
import pathlib
import signal

ROOT = pathlib.Path(__file__).parents[1]
# Whoever starts tests in the background of a shell script has them ignore Ctrl-C, and so would the commands that they
# start and stop.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
CACHE = ROOT / ".jax_cache"
# Set before jax is imported, and inherited by the processes that tests start.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(CACHE))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.05")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
# XLA's older way to write the code of fused ops takes half as long over a training step (2.3 CPU seconds for 4.7 of the
# tiny one), and computes the same formulas. What is compared bit for bit is compiled as users do (tests/compiling.py).
# Code that is not split into parts, for threads to share, takes a quarter less CPU time and has the same bits.
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1")
# Tracing makes many objects that live as long as their program; looking for garbage among them took an eighth of it.
gc.set_threshold(20_000, 20, 50)

import pytest

from sbn.config import tree
from sbn.config.checks import check

REAL_DATA = pathlib.Path(os.environ.get("TFDS_DATA_DIR", ROOT.parent / "shared/data/tfds"))

# Small enough for two steps to take seconds, and still every part of a run: two views, two branches. Policies make the
# step half as dear again: tests that need one say so.
# On the device path, since every process that tests start would load TensorFlow for the other.
TINY = {
    "data.name": "shapes",
    "data.path": "device",
    "data.train_examples": 40,
    "data.test_examples": 13,
    "data.image_size": 16,
    "model.depth": 10,
    "model.width": 1,
    "branches": ("main", "aux"),
    "views.main.augment": "crop(2)|flip|cutout(4)",
    "views.aux.augment": "crop(2)|flip",
    "batch_size": 8,
    "duration": "10 steps",
    "optim.lr": 0.05,
    "eval.batch_size": 8,
    "eval.every": "5 steps",
    "save.every": "3 steps",
    "log.every": "2 steps",
    "log.tensorboard": False,
}


# Programs run a step or two, which is over sooner than XLA's optimisations would be; but for these folders, where what
# they give is compared to the bit with what something other than XLA gives.
OPTIMISED = {"augment", "data", "device", "host", "metrics"}


# Compiled programs of the whole suite take gigabytes; those of some modules are small, and others use them again.
MOST_MEMORY = 2 * 2**30


def memory():
    """The bytes that this process has now; infinitely many where the system does not say."""
    try:
        return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return math.inf


@pytest.fixture(scope="module", autouse=True)
def _programs(request):
    """Compiles a module's programs with optimisations or without.

    Processes that its tests start compile as it does, so that both come to the same bits. Programs of earlier modules
    are let go of where they were compiled otherwise, which JAX would not see, or where there are many.
    """
    import jax

    short = request.path.parent.name not in OPTIMISED
    if short != jax.config.read("jax_disable_most_optimizations") or memory() > MOST_MEMORY:
        jax.clear_caches()
    jax.config.update("jax_disable_most_optimizations", short)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("JAX_DISABLE_MOST_OPTIMIZATIONS", str(int(short)))
        yield


@pytest.fixture
def as_users(monkeypatch):
    """Steps are compiled as users' are: that runs of different programs come to the same bits is promised of them."""
    from sbn.train import step

    options = {**step.COMPILER_OPTIONS["cpu"], "xla_cpu_use_fusion_emitters": True}
    monkeypatch.setitem(step.COMPILER_OPTIONS, "cpu", options)


@pytest.fixture(scope="session")
def tiny():
    """Returns a function from changes to the tiny config."""

    def make(changes=None):
        return check(tree.to_config(tree.changed(tree.changed(tree.defaults(), TINY), changes or {})))

    return make


@pytest.fixture
def cifar10_dir():
    """The folder of a prepared CIFAR-10, where there is one."""
    if not (REAL_DATA / "cifar10").exists():
        pytest.skip(f"no prepared CIFAR-10 in {REAL_DATA} (set TFDS_DATA_DIR)")
    return str(REAL_DATA)


@pytest.fixture(scope="session")
def tasks_dir():
    """The folder of data and reference results for detection, segmentation and translation, where there is one."""
    folder = pathlib.Path(os.environ.get("SBN_TASK_DATA", ROOT.parent / "shared/data/tasks"))
    if not folder.exists():
        pytest.skip(f"no reference results in {folder} (set SBN_TASK_DATA)")
    return folder


@pytest.fixture
def waiting(tmp_path):
    """An experiments file, of which two of three rows wait for what is missing."""
    path = tmp_path / "waits.py"
    path.write_text(
        """
from sbn.config.rows import Paper, Row, Table
BASE = {}
TABLES = {"sight": Table("Of the eye", {
    "plain": Row({}, (Paper(67.4, "test/main/accuracy"),)),
    "left": Row({}, (Paper(73.3, "test/main/accuracy"),), waits_for="an eye"),
    "both": Row({}, waits_for="an eye"),
})}
"""
    )
    return path

"""What a command does before it trains or evaluates."""

import contextlib
import logging
import os
import re
import sys
from collections.abc import Callable
from typing import Any, Final

import jax

from sbn.config.environment import cache_folder, quieten_tensorflow
from sbn.config.errors import ConfigError
from sbn.runs.text import PlainFormatter
from sbn.train.program_cache import renew_damaged_programs

# Seconds without a sign of life after which the other processes give one up. JAX's own 100 keep a pod waiting.
_SILENCE = 30


def prepare() -> None:
    """Keeps compiled steps for the next start, shows this package's log, and keeps TensorFlow's remarks off it.

    A restart that finds the compiled step runs the very same program, also where compilers tune by timing.
    """
    named = os.environ.get("JAX_COMPILATION_CACHE_DIR")  # which jax has read
    programs = named or str(cache_folder() / "compiled")
    if kept := _can_be_kept(programs):
        renew_damaged_programs(programs)
    if not (named and kept):
        jax.config.update("jax_compilation_cache_dir", programs if kept else None)
    quieten_tensorflow()
    log = logging.getLogger("sbn")
    handler = logging.StreamHandler()  # bare messages; absl has the root logger
    handler.setFormatter(PlainFormatter())
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    if not os.environ.get("SBN_TRACEBACK"):
        logging.getLogger("absl").addFilter(_is_news)
        sys.excepthook, sys.unraisablehook = _hook(sys.excepthook), _unraisable_hook(sys.unraisablehook)
    if hosts := os.environ.get("SBN_MULTIHOST"):
        jax.distributed.initialize(**_place(hosts), heartbeat_timeout_seconds=_SILENCE)
        if jax.process_index() != 0:  # of several processes one says how far evaluations are
            logging.getLogger("sbn.runs.progress").setLevel(logging.WARNING)


def _can_be_kept(programs: str) -> bool:
    """Whether a folder can be written to: jax would complain of every program that it can't keep."""
    if "://" in programs:
        return True
    with contextlib.suppress(OSError):
        os.makedirs(programs, exist_ok=True)
        return os.access(programs, os.W_OK | os.X_OK)
    return False


# Settings of jax that change every number, or refuse what is computed here, as all runs are made
_AS_ALL_RUNS: Final = {
    "jax_enable_x64": False,
    "jax_default_prng_impl": "threefry2x32",
    "jax_threefry_partitionable": True,
    "jax_numpy_dtype_promotion": "standard",
    "jax_numpy_rank_promotion": "allow",
}


def check_jax() -> None:
    """Refuses settings of jax with which a run would have other numbers than with the same command elsewhere.

    Raises:
        ConfigError: for the first one; it names the variable.
    """
    for name, wanted in _AS_ALL_RUNS.items():
        found = getattr(jax.config, name)
        if (found := getattr(found, "value", found)) != wanted:  # some are enums
            raise ConfigError(
                f"{name.upper()} = {found!r} in the environment, or jax.config, would change the run's numbers, or "
                f"break it: leave it at {wanted!r}"
            )


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a record of the log is told nowhere else.

    Orbax remarks on the absence of a file that nothing here reads, and on how long it waits. Errors of its threads,
    tracebacks each, are raised where this process waits for them as well, and told there, in one line.
    """
    of_orbax = "orbax" in record.pathname and record.levelno >= logging.WARNING
    return not of_orbax and "_CHECKPOINT_METADATA" not in record.getMessage()


def _given_up(error: BaseException | None) -> bool:
    """Whether an error is that of an array whose reading or writing was given up: a damaged checkpoint has dozens.

    Orbax ends its event loop at the first error; every array that is still on its way then fails there.
    """
    return isinstance(error, RuntimeError) and str(error) == "Event loop is closed"


def _hook(otherwise: Callable[..., Any]) -> Callable[..., Any]:
    def show(kind: type[BaseException], error: BaseException, place: Any) -> None:
        if not _given_up(error):
            otherwise(kind, error, place)

    return show


def _unraisable_hook(otherwise: Callable[..., Any]) -> Callable[..., Any]:
    def show(unraisable: Any) -> None:
        if not _given_up(unraisable.exc_value):
            otherwise(unraisable)

    return show


def _place(hosts: str) -> dict[str, Any]:
    """What SBN_MULTIHOST says: '1', ask the cluster (TPU pod, SLURM, Kubernetes, MPI); or 'ADDRESS:PORT,COUNT,RANK'."""
    if hosts == "1":
        return {}
    named = re.fullmatch(r"(\S+:\d{1,5}),(\d{1,6}),(\d{1,6})", hosts, re.ASCII)
    if named is None:
        raise ConfigError(f"SBN_MULTIHOST={hosts!r}: write 1, or ADDRESS:PORT,COUNT,RANK")
    count, rank = int(named[2]), int(named[3])
    if rank >= count:
        raise ConfigError(f"SBN_MULTIHOST={hosts!r}: of {count} processes there is none of rank {rank}, from 0")
    return {"coordinator_address": named[1], "num_processes": count, "process_id": rank}

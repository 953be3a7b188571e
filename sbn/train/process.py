"""What a command does before it trains or evaluates."""

import logging
import os
import pathlib

import jax


def prepare() -> None:
    """Keeps compiled steps for the next start, shows this package's log, and keeps TensorFlow's remarks off it.

    A restart that finds the compiled step runs the very same program, also where compilers tune by timing.
    """
    if not os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "sbn" / "compiled"
        jax.config.update("jax_compilation_cache_dir", str(cache))
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    log = logging.getLogger("sbn")
    log.addHandler(logging.StreamHandler())  # bare messages; absl has the root logger
    log.setLevel(logging.INFO)
    log.propagate = False
    if os.environ.get("SBN_MULTIHOST") == "1":
        jax.distributed.initialize()

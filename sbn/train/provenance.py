"""What ran: command, versions, devices, source code, data."""

import importlib.metadata
import os
import pathlib
import platform
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from typing import Any

import jax

from sbn.config import imported
from sbn.config.environment import large_pages
from sbn.runs.text import masked_text, masked_words

_TELL = ("JAX_", "XLA_", "LIBTPU_", "NVIDIA_TF32", "SBN_")
PACKAGES = (
    "jax",
    "jaxlib",
    "flax",
    "optax",
    "orbax-checkpoint",
    "ml-collections",
    "clu",
    "numpy",
    "tensorflow",
    "tensorflow-cpu",
    "tensorflow-datasets",
)


def collect(data: Mapping[str, str], *, said: Iterable[str]) -> dict[str, Any]:
    """Returns what to record about this start of a run.

    Args:
        data: fingerprints of the data by split.
        said: all that its config says: of the user's own things that are named there the file and its hash are
            recorded, so call it once they are imported.
    """
    return {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "argv": masked_words(sys.argv),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
        "devices": [device.device_kind for device in jax.devices()],
        "processes": jax.process_count(),
        "large_pages": large_pages(),
        "environment": _variables(),
        "data": dict(data),
        "imported": imported.loaded(said),  # what is the user's own, with the hash of its file
        **_source_code(),
    }


def _variables() -> list[str]:
    """The variables that tell jax, XLA and this package how to compute, as NAME=VALUE."""
    told = [f"{name}={value}" for name, value in sorted(os.environ.items()) if name.startswith(_TELL)]
    return masked_words(told)


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _source_code() -> dict[str, str]:
    """The git commit of this package's checkout, and what differs from it; nothing where it is no checkout."""
    folder = str(pathlib.Path(__file__).parents[2])

    def git(*words: str) -> str:
        done = subprocess.run(["git", "-C", folder, *words], capture_output=True, check=False, timeout=30)
        return done.stdout.decode(errors="backslashreplace") if done.returncode == 0 else ""

    try:
        commit = git("rev-parse", "HEAD").strip()
        return (
            {"commit": commit, "diff": masked_text(git("diff", "HEAD", "--", "*.py", "*.cfg", "*.toml"))}
            if commit
            else {}
        )
    except (OSError, subprocess.TimeoutExpired):
        return {}

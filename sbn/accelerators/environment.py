"""`python -m sbn.accelerators.environment tpu|gpu` makes a Python environment that compiles for an accelerator.

It stands beside this one, with the same versions, since the compilers come as packages that would take JAX's CPU over
here, or need a GPU's libraries. Neither a TPU nor a GPU is asked for.
"""

import importlib.metadata
import os
import pathlib
import subprocess
import sys
from collections.abc import Sequence

from sbn.accelerators.chips import Kind
from sbn.config import arguments
from sbn.config.environment import cache_folder, expanded
from sbn.config.errors import ConfigError, unknown
from sbn.runs import commands

VARIABLE = "SBN_COMPILER_{}"
KINDS: tuple[Kind, ...] = ("tpu", "gpu")
# What training code imports; each in the version that this environment has. TensorFlow is not among them.
_PACKAGES = (
    "jax",
    "jaxlib",
    "flax",
    "optax",
    "orbax-checkpoint",
    "ml-collections",
    "etils",
    "clu",
    "numpy",
    "pillow",
    "scipy",
    "matplotlib",
)
# Tells whether an environment works: in its own words, what it has.
_ASK = "import importlib.metadata as m; import jax; print(m.version('{package}'), jax.__version__)"
_PROOF: dict[Kind, str] = {"tpu": "libtpu", "gpu": "jax-cuda12-pjrt"}


def folder(kind: Kind) -> pathlib.Path:
    """Returns where the environment of a kind lies: `SBN_COMPILER_TPU` or `_GPU`, else in the user's cache."""
    if named := os.environ.get(VARIABLE.format(kind.upper())):
        return expanded(named)
    return cache_folder() / f"compiler-{kind}-jax{importlib.metadata.version('jax')}"


def interpreter(kind: Kind) -> pathlib.Path:
    """Returns the Python of a kind's environment.

    Raises:
        ConfigError: if it has not been made; it says how.
    """
    python = folder(kind) / "bin" / "python"
    if not python.exists():
        raise ConfigError(
            f"no compiler for a {kind.upper()} is installed: run `python -m sbn.accelerators.environment {kind}` once "
            f"(about a minute, and 1 GB at {folder(kind)})"
        )
    return python


def variables(kind: Kind) -> dict[str, str]:
    """Returns the variables for a process of a kind's environment: this code, and no devices but the CPU."""
    root = str(pathlib.Path(__file__).parents[2])
    found = {**os.environ, "JAX_PLATFORMS": "cpu", "TF_CPP_MIN_LOG_LEVEL": "2"}
    found["PYTHONPATH"] = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
    if kind == "gpu":
        tools = next(folder(kind).glob("lib/python*/site-packages/nvidia/cuda_nvcc"), folder(kind))
        found["PATH"] = f"{tools / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
        # Nothing can be timed on a GPU that is not there.
        own = f"--xla_gpu_cuda_data_dir={tools} --xla_gpu_autotune_level=0"
        found["XLA_FLAGS"] = " ".join(filter(None, [os.environ.get("XLA_FLAGS", ""), own]))
    return found


def make(kind: Kind, path: pathlib.Path) -> None:
    """Makes an environment; one that is there and whole stays as it is.

    Args:
        kind: 'tpu' or 'gpu'.
        path: its folder.

    Raises:
        ConfigError: if a package can't be installed; it gives pip's last line.
    """
    python = path / "bin" / "python"
    if python.exists() and works(kind, python):
        return
    _run([sys.executable, "-m", "venv", "--clear", str(path)])
    version = importlib.metadata.version("jax")
    pip = [str(python), "-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check"]
    same = [f"{name}=={importlib.metadata.version(name)}" for name in _PACKAGES if _installed(name)]
    _run([*pip, *same, *([f"jax[tpu]=={version}"] if kind == "tpu" else [])])
    if kind == "gpu":  # without its dependencies, which are a GPU's libraries; the last brings ptxas
        plugin = [f"jax-cuda12-plugin=={version}", f"jax-cuda12-pjrt=={version}", "nvidia-cuda-nvcc-cu12"]
        _run([*pip, "--no-deps", *plugin])
    if not works(kind, python):
        raise ConfigError(f"{path} was made, but jax does not start in it")


def works(kind: Kind, python: pathlib.Path) -> bool:
    """Returns whether an interpreter has a kind's compiler and this environment's jax."""
    words = [str(python), "-c", _ASK.format(package=_PROOF[kind])]
    try:
        said = subprocess.run(words, capture_output=True, text=True, check=False, env=variables(kind)).stdout.split()
    except OSError:
        return False
    return said[1:] == [importlib.metadata.version("jax")]


def _installed(name: str) -> bool:
    try:
        return bool(importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return False


def _run(words: Sequence[str]) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        said = [line for line in (done.stderr + done.stdout).splitlines() if line.strip() and "WARNING" not in line]
        raise ConfigError(f"{' '.join(words[:4])} ... failed: {said[-1] if said else f'exit code {done.returncode}'}")


@commands.command("python -m sbn.accelerators.environment")
def main(argv: Sequence[str]) -> int:
    """Makes an environment and prints where it lies; returns the exit code."""
    parser = arguments.Parser(
        "python -m sbn.accelerators.environment",
        description="Creates the Python environment that compiles for TPUs or GPUs without having one.",
    )
    parser.add_argument("kind", help=f"{' or '.join(KINDS)}")
    parser.add_argument(
        "--path",
        type=pathlib.Path,
        help="folder for the environment; set SBN_COMPILER_TPU or SBN_COMPILER_GPU to it afterwards",
    )
    options = parser.parse_args(argv)
    if options.kind not in KINDS:
        raise unknown("kind", options.kind, KINDS)
    path = options.path or folder(options.kind)
    make(options.kind, path)
    print(path)
    return 0


if __name__ == "__main__":
    commands.start(main)

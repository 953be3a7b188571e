import subprocess
import sys

import jax
import pytest

from sbn.accelerators import environment
from sbn.config.errors import ConfigError


def test_an_environment_is_told_apart_by_the_version_of_jax(monkeypatch, tmp_path):
    monkeypatch.delenv("SBN_COMPILER_TPU", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert environment.folder("tpu") == tmp_path / "sbn" / f"compiler-tpu-jax{jax.__version__}"


def test_a_missing_environment_says_how_to_make_it(monkeypatch, tmp_path):
    monkeypatch.setenv("SBN_COMPILER_GPU", str(tmp_path))
    with pytest.raises(ConfigError, match=r"run `python -m sbn\.accelerators\.environment gpu` once"):
        environment.interpreter("gpu")


def test_processes_find_this_code_and_for_gpus_the_assembler(monkeypatch, tmp_path):
    monkeypatch.setenv("SBN_COMPILER_GPU", str(tmp_path))
    tools = tmp_path / "lib" / "python3.11" / "site-packages" / "nvidia" / "cuda_nvcc"
    tools.mkdir(parents=True)
    found = environment.variables("gpu")
    code = "import sbn.accelerators, sys; print('found')"
    done = subprocess.run(
        [sys.executable, "-c", code], env=found, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "found\n"
    assert found["JAX_PLATFORMS"] == "cpu"
    assert found["PATH"].startswith(str(tools / "bin"))
    assert f"--xla_gpu_cuda_data_dir={tools}" in found["XLA_FLAGS"]


def test_what_pip_says_last_is_told_in_one_line(monkeypatch, tmp_path):
    def run(words, **_):
        made = "venv" in words
        return subprocess.CompletedProcess(
            words, not made, "", "WARNING: an old pip\nERROR: no matching distribution\n"
        )

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(ConfigError, match="failed: ERROR: no matching distribution") as refused:
        environment.make("tpu", tmp_path)
    assert "\n" not in str(refused.value)


def test_an_unknown_kind_ends_with_its_line(capsys):
    with pytest.raises(SystemExit) as stop:
        environment.main(["gpus"])
    assert stop.value.code == 2
    assert "unknown kind 'gpus'; did you mean 'gpu'?" in capsys.readouterr().err

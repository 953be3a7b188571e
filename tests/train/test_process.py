"""What a command does before it trains or evaluates."""

import logging
import sys

import jax
import pytest

from sbn.config.errors import ConfigError
from sbn.train import provenance
from sbn.train.process import check_jax, prepare
from sbn.train.workdir import checked_path


@pytest.fixture
def loggers():
    """The logs of Orbax and of this package, as they were once the test is over."""
    logs = {name: logging.getLogger(name) for name in ("absl", "sbn")}
    before = {name: (log.filters[:], log.handlers[:], log.level, log.propagate) for name, log in logs.items()}
    for log in logs.values():  # other tests of this process may have prepared them
        log.filters = []
    yield logs
    for name, log in logs.items():
        log.filters, log.handlers, level, log.propagate = before[name]
        log.setLevel(level)


def test_orbax_remarks_on_a_file_that_nothing_reads_are_not_shown_and_others_are(loggers, monkeypatch):
    monkeypatch.delenv("SBN_MULTIHOST", raising=False)
    prepare()

    def shown(text, *values):
        return loggers["absl"].filter(logging.LogRecord("absl", logging.WARNING, "", 0, text, values, None))

    assert not shown("Metadata file does not exist: %s", "runs/a/checkpoints/8/_CHECKPOINT_METADATA")
    assert shown("Checkpoint %d is damaged", 8)


def test_a_work_directory_that_checkpoints_can_not_be_written_to_is_refused(tmp_path):
    assert checked_path(f"{tmp_path}/é😀").name == "é😀"
    with pytest.raises(ConfigError, match="is not UTF-8 in this locale"):
        checked_path(f"{tmp_path}/a\udcff")


def test_control_characters_in_the_log_are_spelt_out(loggers, monkeypatch, capsys):
    monkeypatch.delenv("SBN_MULTIHOST", raising=False)
    prepare()
    logging.getLogger("sbn.train.loop").info("%s: starts at step 0", "runs/a\x1b[2J\u202eb")
    assert capsys.readouterr().err.splitlines()[-1] == r"runs/a\x1b[2J\u202eb: starts at step 0"


def test_errors_of_orbaxs_threads_are_shown_where_they_are_asked_for_alone(loggers, monkeypatch):
    """Of a full disk each thread logs a traceback; the error is raised too, and told in one line."""
    for name in ("SBN_MULTIHOST", "SBN_TRACEBACK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    error = logging.LogRecord("absl", logging.ERROR, "/x/orbax/future.py", 0, "run() raised an exception", (), None)
    monkeypatch.setenv("SBN_TRACEBACK", "1")
    prepare()
    assert loggers["absl"].filter(error)
    monkeypatch.delenv("SBN_TRACEBACK")
    prepare()
    assert not loggers["absl"].filter(error)
    assert loggers["absl"].filter(logging.LogRecord("absl", logging.ERROR, "/x/clu/a.py", 0, "failed", (), None))


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("jax_enable_x64", True),
        ("jax_default_prng_impl", "rbg"),
        ("jax_threefry_partitionable", False),
        ("jax_numpy_dtype_promotion", "strict"),
    ],
)
def test_settings_of_jax_that_change_all_numbers_are_refused(setting, value):
    """A variable in somebody's shell would make other runs of the same commands, and resume them with other bits."""
    check_jax()
    before = getattr(jax.config, setting)
    jax.config.update(setting, value)
    try:
        with pytest.raises(ConfigError, match=f"^{setting.upper()} = {value!r} in the environment, or jax.config"):
            check_jax()
    finally:
        jax.config.update(setting, before)


def test_programs_that_can_not_be_kept_are_no_reason_to_complain_of_each(loggers, monkeypatch, tmp_path):
    """A home on a read-only disk, or none at all."""
    monkeypatch.delenv("SBN_MULTIHOST", raising=False)
    (tmp_path / "file").touch()
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")
    before = jax.config.jax_compilation_cache_dir
    try:
        for home, kept in ((tmp_path / "home", str(tmp_path / "home/sbn/compiled")), (tmp_path / "file", None)):
            monkeypatch.setenv("XDG_CACHE_HOME", str(home))
            prepare()
            assert jax.config.jax_compilation_cache_dir == kept
    finally:
        jax.config.update("jax_compilation_cache_dir", before)


def test_a_start_records_the_variables_that_tell_jax_how_to_compute(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=true")
    monkeypatch.setenv("SBN_API_TOKEN", "abc123")
    told = provenance.collect({}, said=())["environment"]
    assert "XLA_FLAGS=--xla_cpu_enable_fast_math=true" in told
    assert "SBN_API_TOKEN=***" in told


def test_a_difference_of_sources_in_another_encoding_is_no_error(monkeypatch):
    class Done:
        returncode, stdout = 0, b"+name = 'Jos\xe9'"

    monkeypatch.setattr(provenance.subprocess, "run", lambda *words, **how: Done())
    assert provenance.collect({}, said=())["diff"] == "+name = 'Jos\\xe9'"

"""A compiled program that is kept and can't be read makes way for one that can."""

import logging
import pathlib
import warnings

import jax
import pytest

from sbn.train.program_cache import renew_damaged_programs

NAME = "jit_tripled_by_a_test"


def compiled():
    """Compiles it, or reads what is kept of it; returns where that is."""

    def tripled_by_a_test(x):
        return 3 * x + 1

    assert jax.jit(tripled_by_a_test)(2.0) == 7
    (path,) = pathlib.Path(jax.config.jax_compilation_cache_dir).glob(f"{NAME}-*-cache")
    return path


@pytest.fixture
def kept(monkeypatch, caplog):
    """The file of a compiled program."""
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    monkeypatch.setattr(logging.getLogger("sbn"), "propagate", True)
    caplog.set_level(logging.INFO)
    before = jax.config.jax_persistent_cache_min_compile_time_secs
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    path = compiled()
    yield path
    path.unlink(missing_ok=True)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", before)


def cut(content):
    return content[: len(content) // 2]


def flipped(content):
    place = len(content) // 2
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


@pytest.mark.parametrize("damaged", [cut, flipped, lambda content: b""], ids=["cut", "a bit", "empty"])
def test_a_damaged_program_is_compiled_again_once_and_told_in_a_line(kept, caplog, damaged):
    kept.write_bytes(damaged(kept.read_bytes()))
    renew_damaged_programs(str(kept.parent))
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        renew_damaged_programs(str(kept.parent))
        assert compiled() == kept
        assert len(kept.read_bytes()) > 100
        compiled()
    (line,) = [record.getMessage() for record in caplog.records if NAME in record.getMessage()]
    assert line == f"the compiled program {NAME} that was kept is damaged: it is compiled again"


def test_other_warnings_are_shown_as_ever(monkeypatch):
    shown = []
    monkeypatch.setattr(warnings, "showwarning", lambda message, *words: shown.append(str(message)))
    renew_damaged_programs("nowhere")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("something else", stacklevel=1)
    assert shown == ["something else"]

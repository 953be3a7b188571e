import pytest

from benchmarks import compiled_small
from sbn.accelerators import environment
from sbn.accelerators.compiled import Answer
from sbn.config.errors import ConfigError
from tests.benchmarks.test_compiled import answer


@pytest.fixture
def compilers(monkeypatch):
    """Stands in for the environments, and for what they answer."""

    def use(*answers):
        monkeypatch.setattr(environment, "make", lambda kind, path: None)
        monkeypatch.setattr(compiled_small, "compile_all", lambda programs, where: iter(answers))

    return use


def test_a_split_step_as_cheap_as_the_other_passes(compilers, capsys):
    compilers(answer(10**6), answer(10**6))
    assert compiled_small.main(["tpu"]) == 0
    assert "estimated cycles, M 1.000 (<= 1.1)" in capsys.readouterr().out


def test_a_dear_split_step_fails_and_is_named(compilers, capsys):
    compilers(answer(10**6), answer(7 * 10**6))
    assert compiled_small.main(["tpu"]) == 1
    assert "MISSED: estimated cycles, M: split / one norm is 7.000, bar 1.1" in capsys.readouterr().out


def test_a_program_that_can_not_be_compiled_fails(compilers, capsys):
    compilers(Answer(error="no such op"), answer(1))
    assert compiled_small.main(["tpu"]) == 1
    assert "MISSED: no such op" in capsys.readouterr().out


def test_packages_that_can_not_be_installed_are_a_word_and_no_failure(monkeypatch, capsys):
    def make(kind, path):
        raise ConfigError("no index")

    monkeypatch.setattr(environment, "make", make)
    assert compiled_small.main([]) == 0
    assert "gpu: skipped, its compiler can't be installed here: no index" in capsys.readouterr().out

"""Answers of a worker that stands in for the one of a compiling environment."""

import json
import sys

import pytest

from sbn.accelerators import compiled, environment
from sbn.accelerators.chips import topology
from sbn.config.errors import ConfigError

V5E = topology("v5e:2x2")
FACTS = {"examples": 8, "steps": 10}
WORKER = """#!{python}
import json, pathlib, sys
asked = json.load(sys.stdin)
count = pathlib.Path({counter!r})
for one in asked["programs"]:
    count.write_text(count.read_text() + one["program"] + " ")
    answer = one["config"]["answer"]
    if answer == "end":
        sys.exit("the compiler fell over")
    print(json.dumps(answer), flush=True)
"""


@pytest.fixture
def worker(monkeypatch, tmp_path):
    """The file in which the stand-in notes what it was asked for."""
    counter, script = tmp_path / "asked.txt", tmp_path / "python"
    counter.write_text("")
    script.write_text(WORKER.format(python=sys.executable, counter=str(counter)))
    script.chmod(0o755)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(environment, "interpreter", lambda kind: script)
    return counter


def asked(answer, **more):
    return compiled.Asked({"answer": answer, "seed": 0, **more})


TOO_LARGE = {"held": 20, "facts": FACTS, "seconds": 1.5, "key": "a"}


def test_what_was_asked_before_is_not_asked_again_whatever_the_seed(worker):
    (first,) = compiled.compile_all([asked(TOO_LARGE)], V5E)
    (second,) = compiled.compile_all([asked(TOO_LARGE, seed=5)], V5E)
    assert (first.held, first.facts, first.fresh) == (20, FACTS, True)
    assert (second.held, second.fresh) == (20, False)
    assert worker.read_text() == "step "


def test_answers_come_in_the_order_asked_with_known_ones_among_them(worker):
    list(compiled.compile_all([asked({**TOO_LARGE, "held": 2})], V5E))
    found = compiled.compile_all([asked({**TOO_LARGE, "held": n}) for n in (1, 2, 3)], V5E)
    assert [answer.held for answer in found] == [1, 2, 3]


def test_another_topology_is_another_question(worker):
    for name in ("v5e:2x2", "v5e:2x4"):
        list(compiled.compile_all([asked(TOO_LARGE)], topology(name)))
    assert worker.read_text() == "step step "


def test_an_error_is_an_answer_and_is_not_kept(worker):
    for _ in range(2):
        (found,) = compiled.compile_all([asked({"error": "no such op"})], V5E)
        assert found.error == "no such op"
    assert worker.read_text() == "step step "


def test_a_worker_that_ends_early_is_told_with_its_last_word(worker):
    with pytest.raises(ConfigError, match="compiling for v5e:2x2 ended early: the compiler fell over"):
        list(compiled.compile_all([asked("end")], V5E))


def test_a_damaged_file_of_the_cache_counts_as_nothing(worker):
    list(compiled.compile_all([asked(TOO_LARGE)], V5E))
    for file in (compiled.cache() / "asked").glob("*.json"):
        file.write_text(json.dumps({"held": 1}))
    assert compiled.known(asked(TOO_LARGE), V5E) is None

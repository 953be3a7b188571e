import pytest

from launch import fitting
from launch.plan import make_jobs
from sbn.accelerators.chips import topology
from sbn.accelerators.compiled import Answer
from sbn.config.errors import ConfigError
from tests.launch.test_fit import ANSWER, FACTS

V5E = topology("v5e:4x4")
TOO_LARGE = Answer(None, 20 * 2**30, FACTS)


@pytest.mark.parametrize(
    ("accelerators", "hosts", "name"),
    [
        ("tpu-v5e-16", 1, "v5e:4x4"),
        ("tpu-v5litepod-4", 1, "v5e:2x2"),
        ("tpu-v4-16", 1, "v4:2x2x2"),  # v4 and v5p are named by cores
        ("H100:8", 1, "h100:8"),
        ("A100-80GB", 1, "a100:1"),
        ({"H200": 4}, 2, "h200:8"),
        ("tpu-v2-8", 1, None),
        ("T4:1", 1, None),
        ("H100:3", 1, None),
        (None, 1, None),
        (["H100:8", "A100:8"], 1, None),
    ],
)
def test_skypilots_accelerators_mean_a_topology(accelerators, hosts, name):
    found = fitting.asked_for(accelerators, hosts=hosts)
    assert (found.name if found else None) == name


@pytest.fixture
def jobs(tmp_path):
    return make_jobs(["split_bn:table3/weak_augment"], seeds=[0, 1], root=tmp_path)


def test_a_row_that_does_not_fit_is_refused_once_for_all_its_seeds(monkeypatch, jobs):
    monkeypatch.setattr(fitting, "known", lambda asked, where: TOO_LARGE)
    monkeypatch.setattr(fitting, "compile_all", lambda programs, where: iter([TOO_LARGE] * len(programs)))
    with pytest.raises(ConfigError) as refused:
        fitting.check_fits(jobs, V5E)
    said = str(refused.value)
    assert said.count("split_bn/table3/weak_augment needs 21.5 GB on each chip of v5e:4x4, which has 17.2 GB") == 1


def test_a_row_that_fits_passes_without_a_word(monkeypatch, jobs):
    monkeypatch.setattr(fitting, "known", lambda asked, where: ANSWER)
    monkeypatch.setattr(fitting, "compile_all", lambda programs, where: iter([ANSWER] * len(programs)))
    told = []
    fitting.check_fits(jobs, V5E, tell=told.append)
    assert told == []


def test_without_an_environment_nothing_is_compiled_and_a_line_says_so(monkeypatch, jobs, tmp_path):
    monkeypatch.setenv("SBN_COMPILER_TPU", str(tmp_path / "nothing"))
    monkeypatch.setattr(fitting, "known", lambda asked, where: None)
    told = []
    fitting.check_fits(jobs, V5E, tell=told.append)
    assert len(told) == 1
    assert told[0].startswith("not checked whether 1 of 1 rows fit v5e:4x4")

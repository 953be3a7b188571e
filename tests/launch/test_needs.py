"""Rows that go on from other rows' runs: those are planned too, before them, and nothing starts too early."""

import dataclasses
import json
import os
import pathlib
import socket
import textwrap
import threading
from collections.abc import Mapping

import pytest

from launch import sweep, watch
from launch.engines import Settings
from launch.engines.local import Local
from launch.plan import make_jobs
from launch.state import State, look
from sbn.config import command_line
from sbn.config.errors import ConfigError
from sbn.runs import processes
from tests.launch.results import result_of

# This very process, as an engine notes who runs a job
HERE = {"host": socket.gethostname(), "pid": os.getpid(), "began": processes.began(os.getpid())}

FIRST = "table1/preactresnet18_cifar100_mixup"
AGAIN = "no_augmentation/mixup"


def test_a_run_that_others_need_is_planned_once_and_before_them():
    jobs = make_jobs(["refine:*/mixup_*0", "refine:no_augmentation/mixup"], seeds=[0, 1], root="runs")
    rows = [(job.row, job.seed) for job in jobs]
    assert rows.count((FIRST, 0)) == rows.count((FIRST, 1)) == 1
    for job in jobs:
        for folder in job.needs.values():
            (needed,) = [other for other in jobs if other.workdir == folder]
            assert needed.seed == job.seed
            assert jobs.index(needed) < jobs.index(job)
    assert len([job for job in jobs if job.needs]) == 2 * 5  # 10, 20, 100, 200 epochs (50 are the first's), and none


def test_what_needs_something_that_needs_something_has_all_of_it(tmp_path):
    (tmp_path / "chain.py").write_text(
        "from sbn.config.rows import Row, Table\n"
        "BASE = {'data.name': 'shapes'}\n"
        "def row(of): return Row({'stages': (of,)}, needs={'init.from': of and f't/{of}'} if of != 'a' else {})\n"
        "TABLES = {'t': Table('', {'b': row('a'), 'c': row('b'), 'd': row('c')})}\n"
    )
    jobs = make_jobs([f"{tmp_path}/chain.py:t/d"], seeds=[3], root="runs")
    assert [job.row for job in jobs] == ["t/b", "t/c", "t/d"]
    assert [list(job.needs.values()) for job in jobs] == [[], [jobs[0].workdir], [jobs[1].workdir]]


def test_the_command_line_names_the_needed_run_and_makes_the_jobs_config():
    first, job = make_jobs([f"refine:{AGAIN}"], seeds=[2], root="r")
    assert (first.row, job.row) == (FIRST, AGAIN)
    assert job.needs == {"init.from": first.workdir}
    assert f"--config.init.from={first.workdir}" in job.words
    _, dotted = command_line.split(job.words)
    request = command_line.request(f"refine:{AGAIN}", dotted)
    assert json.loads(json.dumps(request.config.to_dict())) == job.config
    assert request.config.init["from"] == "r/refine/table1/preactresnet18_cifar100_mixup/seed2"
    assert request.overrides == {}


def test_overrides_go_along_but_those_of_the_second_stage():
    sets = ["model.width=8", "stage.refine.optim.lr=0.01,0.001", "batch_size=64"]
    first, *again = make_jobs([f"refine:{AGAIN}"], seeds=[0], sets=sets, root="r")
    assert first.overrides == {"model.width": 8, "batch_size": 64}
    assert [dict(job.overrides) for job in again] == [
        {"model.width": 8, "stage.refine.optim.lr": 0.01, "batch_size": 64},
        {"model.width": 8, "batch_size": 64},  # 0.001 is the row's own
    ]
    assert {job.needs["init.from"] for job in again} == {first.workdir}
    assert str(first.workdir) == f"r/refine/{FIRST}/batch_size=64,model.width=8/seed0"


def test_a_run_that_is_named_is_not_planned():
    (job,) = make_jobs([f"refine:{AGAIN}"], seeds=[0], sets=["init.from=mine"], root="r")
    assert job.needs == {}
    assert job.config["init"]["from"] == "mine"


def test_a_row_that_needs_what_cannot_be_run_is_refused(tmp_path):
    (tmp_path / "x.py").write_text(
        "from sbn.config.rows import Row, Table\nBASE = {}\n"
        "TABLES = {'t': Table('', {'a': Row({}, waits_for='rain'), 'b': Row({}, needs={'init.from': 't/a'})})}\n"
    )
    with pytest.raises(ConfigError, match="t/a can't be run yet: it waits for rain"):
        make_jobs([f"{tmp_path}/x.py:t/b"], seeds=[0], root="r")


def test_a_result_counts_whatever_the_folder_it_went_on_from_was_called(tmp_path):
    _, job = make_jobs([f"refine:{AGAIN}"], seeds=[0], root=tmp_path)
    job.workdir.mkdir(parents=True)
    config = json.loads(json.dumps(job.config))
    config["init"]["from"] = "elsewhere"
    result = result_of(job, config=config)
    (job.workdir / "result.json").write_text(json.dumps(result))
    assert look(job).kind == "done"
    config["init"]["stage"] = "other"
    (job.workdir / "result.json").write_text(json.dumps(result))
    assert look(job).kind == "refused"
    assert "init.stage: 'other' there, 'train' in the row" in look(job).detail


# --- running them ---


@dataclasses.dataclass(frozen=True)
class Script:
    """A job that runs a few lines of Python in its folder."""

    workdir: pathlib.Path
    code: str
    needs: Mapping[str, pathlib.Path] = dataclasses.field(default_factory=dict)

    @property
    def name(self):
        return self.workdir.name

    @property
    def words(self):
        places = [str(path) for path in (self.workdir, *self.needs.values())]
        return ["-c", textwrap.dedent(self.code), *places]


FINISH = "import sys, time; time.sleep(0.3); open(sys.argv[1] + '/result.json', 'w')"
GO_ON = "import sys; open(sys.argv[2] + '/result.json'); open(sys.argv[1] + '/result.json', 'w')"


def run(jobs):
    told = []
    Local(Settings(parallel=3, retries=0), tell=told.append).run(jobs)
    return told


def test_a_job_starts_when_the_run_it_needs_is_done(tmp_path):
    """Three at once would do: each would fail without the result of the one before."""
    a, b, c = (tmp_path / name for name in "abc")
    told = run([Script(c, GO_ON, {"init.from": b}), Script(a, FINISH), Script(b, GO_ON, {"init.from": a})])
    assert [line for line in told if line.endswith("done")] == ["a: done", "b: done", "c: done"]


def test_a_job_does_not_wait_for_runs_that_it_does_not_need(tmp_path):
    """The long run ends when it sees what stands at the end of the chain beside it: waves would never get there."""
    a, b, long = tmp_path / "a", tmp_path / "b", tmp_path / "long"
    wait = """
        import os, sys, time
        while not os.path.exists(os.path.join(os.path.dirname(sys.argv[1]), 'b/result.json')):
            time.sleep(0.05)
        open(sys.argv[1] + '/result.json', 'w')
        """
    told = run([Script(long, wait), Script(a, FINISH), Script(b, GO_ON, {"init.from": a})])
    ends = [line for line in told if line.endswith("done")]
    assert ends[0] == "a: done"
    assert sorted(ends[1:]) == ["b: done", "long: done"]  # whose processes end at one time


def test_a_job_whose_needed_run_failed_is_told_and_not_started(tmp_path):
    a, b, c, d = (tmp_path / name for name in "abcd")
    needs = {"init.from": a}
    jobs = [Script(a, "exit(3)"), Script(b, FINISH), Script(c, GO_ON, needs), Script(d, GO_ON, {"init.from": c})]
    told = run(jobs)
    assert f"c: not started, it needs the run in {a}, which is not done" in told
    assert f"d: not started, it needs the run in {c}, which is not done" in told
    assert not c.exists()
    assert not d.exists()
    assert "b: done" in told


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A job `a` that somebody else runs for half a second."""
    job = Script(tmp_path / "a", "raise SystemExit('run twice')")
    monkeypatch.setattr(watch, "POLL", 0.05)
    monkeypatch.setattr(watch, "look", lambda _: State("done" if (job.workdir / "result.json").exists() else "running"))
    job.workdir.mkdir()
    timer = threading.Timer(0.5, (job.workdir / "result.json").write_text, ["{}"])
    timer.start()
    yield job
    timer.join()


def test_a_job_waits_for_the_run_it_needs_where_somebody_else_runs_that(elsewhere, tmp_path):
    told = []
    job = Script(tmp_path / "b", GO_ON, {"init.from": elsewhere.workdir})
    Local(Settings(parallel=2, retries=0), tell=told.append).run([job], elsewhere=[elsewhere])
    assert told[0] == "elsewhere: 1 running"
    assert told.index("elsewhere: 1 done") < told.index("b: done")
    assert not (elsewhere.workdir / "log.txt").exists()


def test_a_job_that_somebody_began_since_it_was_planned_is_watched_and_not_run_twice(elsewhere, tmp_path):
    """As where two sweeps go through one table: each has planned what the other begins first."""
    told = []
    note = HERE
    (elsewhere.workdir / "job.json").write_text(json.dumps(note))
    job = Script(tmp_path / "b", GO_ON, {"init.from": elsewhere.workdir})
    Local(Settings(parallel=2, retries=0), tell=told.append).run([job, elsewhere])
    assert told[0] == "a: started by another sweep; monitoring it"
    assert told.index("elsewhere: 1 done") < told.index("b: done")
    assert not (elsewhere.workdir / "log.txt").exists()
    assert json.loads((elsewhere.workdir / "job.json").read_text()) == note


def test_a_sweep_whose_jobs_all_run_elsewhere_watches_them(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(watch, "POLL", 0.05)
    (job,) = make_jobs(["quickstart:methods/weak_augment"], seeds=[0], root=tmp_path)
    job.workdir.mkdir(parents=True)
    (job.workdir / "job.json").write_text(json.dumps(HERE))
    result = json.dumps(result_of(job))
    timer = threading.Timer(0.3, (job.workdir / "result.json").write_text, [result])
    timer.start()
    assert sweep.main(["--experiment=quickstart:methods/weak_augment", f"--root={tmp_path}"]) == 0
    timer.join()
    said = capsys.readouterr().out.splitlines()
    assert "1 jobs run or wait elsewhere; this sweep monitors them, and they continue if it is stopped" in said
    assert said[-3:-1] == ["elsewhere: 1 done", "1 jobs: 1 done"]
    assert said[-1] == f"next: python -m sbn.report quickstart:methods --root={tmp_path}"


def test_a_needed_run_of_an_earlier_sweep_will_do(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/result.json").write_text("{}")
    assert run([Script(tmp_path / "b", GO_ON, {"init.from": tmp_path / "a"})])[-1] == "b: done"

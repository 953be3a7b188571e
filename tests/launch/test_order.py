"""Jobs are handed out once, as soon as what they need is over; systems are given them so."""

import dataclasses
import json
import os
import pathlib
import socket
import time
from collections.abc import Mapping

import pytest

from launch import watch as watching
from launch.order import Order
from launch.queues import ACTIVE, NoAnswer, forget, slurm
from launch.state import State, taken
from launch.watch import watch
from sbn.runs import processes

# This very process, as an engine notes who runs a job
HERE = {"host": socket.gethostname(), "pid": os.getpid(), "began": processes.began(os.getpid())}


@dataclasses.dataclass(frozen=True)
class Job:
    workdir: pathlib.Path
    needs: Mapping[str, pathlib.Path] = dataclasses.field(default_factory=dict, hash=False)

    @property
    def name(self):
        return self.workdir.name

    def finish(self):
        self.workdir.mkdir(exist_ok=True)
        (self.workdir / "result.json").write_text("{}")


@pytest.fixture
def make(tmp_path):
    def job(name, *needs):
        return Job(tmp_path / name, {str(place): tmp_path / other for place, other in enumerate(needs)})

    return job


def test_a_job_falls_due_with_the_last_of_its_needs(make):
    jobs = a, b, c, both = make("a"), make("b"), make("c", "a"), make("both", "a", "b")
    order = Order(reversed(jobs), tell=pytest.fail)
    assert list(order.due()) == [b, a]
    assert list(order.due()) == []
    a.finish()
    assert list(order.due([a])) == [c]
    b.finish()
    assert list(order.due([a, b])) == [both]
    assert list(order.due(jobs)) == []


def test_what_needs_a_failed_run_never_starts_nor_does_what_needs_that(make):
    a, b, c = make("a"), make("b", "a"), make("c", "b")
    told = []
    order = Order([a, b, c], tell=told.append)
    assert list(order.due()) == [a]
    assert list(order.due([a])) == []
    assert [line.partition(":")[0] for line in told] == ["b", "c"]


def test_jobs_that_belong_together_start_together(make):
    needed = make("a0"), make("a1")
    seeds = make("b0", "a0"), make("b1", "a1")
    order = Order([*needed, *seeds], tell=pytest.fail, together=lambda job: job.name[0])
    assert order.due() == [*needed]
    needed[0].finish()
    assert order.due(needed[:1]) == []
    needed[1].finish()
    assert order.due(needed[1:]) == [*seeds]


def test_one_that_can_not_start_does_not_keep_its_group(make):
    needed = make("a0"), make("a1")
    seeds = make("b0", "a0"), make("b1", "a1")
    told = []
    order = Order([*needed, *seeds], tell=told.append, together=lambda job: job.name[0])
    order.due()
    needed[1].finish()
    assert order.due(needed) == [seeds[1]]
    assert len(told) == 1


def test_a_system_is_given_jobs_as_they_fall_due(make, monkeypatch):
    """The second look finds nobody at home: that is told, and waited for."""
    jobs = a, b, c = make("a"), make("b", "a"), make("c")
    submitted, told, looks = [], [], iter(range(100))

    def submit(due):
        submitted.append(list(due))

    def look(job):
        if not (job.workdir / "result.json").exists():
            if (count := next(looks)) == 2:
                raise NoAnswer("squeue: timed out")
            if count in (1, 4, 6):
                job.finish()
            return State("running")
        return State("done")

    monkeypatch.setattr(watching, "look", look)
    monkeypatch.setattr(watching, "POLL", 0.0)
    watch(Order(jobs, tell=pytest.fail), submit, tell=told.append)
    assert submitted == [[a, c], [b]]
    counts = ["2 running", "1 done, 1 running", "2 done", "2 done, 1 running", "3 done"]
    assert told == [counts[0], "squeue: timed out", *counts[1:]]


def test_what_somebody_has_begun_since_it_was_planned_is_not_submitted(make, monkeypatch):
    a, b = make("a"), make("b", "a")
    submitted, told = [], []

    def look(job):
        job.finish()
        return State("done")

    monkeypatch.setattr(watching, "taken", lambda job: job == a)
    monkeypatch.setattr(watching, "look", look)
    monkeypatch.setattr(watching, "POLL", 0.0)
    watch(Order([a, b], tell=pytest.fail), submitted.append, tell=told.append)
    assert submitted == [[b]]
    assert told[:2] == ["a: started by another sweep; monitoring it", "elsewhere: 1 done"]


@pytest.mark.parametrize(
    ("record", "answer", "expected"),
    [
        (None, None, False),
        (HERE, None, True),
        ({**HERE, "code": 1}, None, False),
        ({"host": "other", "pid": 1, "time": "now"}, None, True),
        ({"host": "other", "pid": 1, "time": 0.0}, None, False),
        ({"engine": "slurm", "id": 7}, {"7": "PENDING"}, True),
        ({"engine": "slurm", "id": 7}, {"8": "PENDING"}, False),
        ({"engine": "slurm", "id": 7}, NoAnswer("busy"), True),
    ],
)
def test_who_has_a_job_is_told_by_its_note_and_its_system(make, monkeypatch, record, answer, expected):
    def ask():
        if isinstance(answer, NoAnswer):
            raise answer
        return answer

    monkeypatch.setitem(ACTIVE, "slurm", ask)
    job = make("a")
    job.workdir.mkdir(parents=True, exist_ok=True)
    if record is not None:
        record = {key: time.time() if value == "now" else value for key, value in record.items()}
        (job.workdir / "job.json").write_text(json.dumps(record))
    assert taken(job) == expected
    (job.workdir / "result.json").write_text("{}")
    assert not taken(job)  # there is nothing left to have


def test_nothing_to_do_asks_nobody(make):
    watch(Order([], tell=pytest.fail), pytest.fail, tell=pytest.fail)


def test_what_somebody_else_runs_is_waited_for_and_then_gone_on_from(make, monkeypatch):
    """Between two tries of its own engine a job looks stopped for a moment; a system does not answer once."""
    a, b, other = make("a"), make("b", "a"), make("other")
    said = {a: ["running", "stopped", "running", None, "done"], other: ["queued"] * 5 + ["stopped"] * 2, b: ["done"]}
    submitted, told = [], []

    def look(job):
        kind = said[job].pop(0) if len(said[job]) > 1 else said[job][0]
        if kind is None:
            raise NoAnswer("squeue: timed out")
        if kind == "done":
            job.finish()
        return State(kind)

    monkeypatch.setattr(watching, "look", look)
    monkeypatch.setattr(watching, "POLL", 0.0)
    order = Order([b], elsewhere=[a, other], tell=pytest.fail)
    watch(order, submitted.append, elsewhere=[a, other], tell=told.append)
    assert submitted == [[b]]
    assert said == {a: ["done"], other: ["stopped"], b: ["done"]}
    assert told == [
        "elsewhere: 1 running, 1 queued",
        "elsewhere: 1 queued, 1 stopped",
        "elsewhere: 1 running, 1 queued",
        "squeue: timed out",
        "elsewhere: 1 done, 1 queued",
        "1 done",
        "elsewhere: 1 done, 1 stopped",
    ]


def test_looks_at_what_runs_elsewhere_are_apart(make, monkeypatch):
    """Two looks in a row would both fall between two tries of a job."""
    looked = []
    monkeypatch.setattr(watching, "look", lambda job: looked.append(job) or State("stopped"))
    others = watching.Elsewhere([make("a")], tell=[].append)
    assert others.ended() == others.ended() == []
    assert len(looked) == 1


@pytest.fixture
def squeue(tmp_path, monkeypatch):
    """A folder that alone is on the PATH, and a function that writes a squeue into it."""
    monkeypatch.setenv("PATH", str(tmp_path))

    def install(script):
        (tmp_path / "squeue").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "squeue").chmod(0o755)
        forget()

    forget()
    yield install
    forget()


def test_slurm_says_which_jobs_it_has(squeue):
    squeue("echo '7_0 RUNNING'; echo '7_1 PENDING'")
    assert slurm() == {"7_0": "RUNNING", "7_1": "PENDING"}


def test_no_slurm_is_not_a_slurm_without_jobs(squeue):
    assert slurm() is None
    squeue("exit 0")
    assert slurm() == {}


def test_a_slurm_that_does_not_answer_says_nothing_about_jobs(squeue):
    squeue("echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1")
    with pytest.raises(NoAnswer, match="Unable to contact"):
        slurm()

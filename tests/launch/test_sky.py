"""Tasks for SkyPilot: what they hold, what their script does, and that SkyPilot's own validator takes them."""

import json
import os
import subprocess
import sys

import pytest
import yaml

from launch import queues
from launch.engines import Settings
from launch.engines.sky import Sky, make_task
from launch.plan import make_jobs
from sbn.config.errors import ConfigError
from sbn.runs import files

TPU = {"accelerators": "tpu-v4-16", "use_spot": "true"}


def jobs_of(root, seeds=(0, 1), sets=()):
    return make_jobs(["quickstart:methods/weak_augment"], seeds=seeds, sets=sets, root=root)


def test_a_task_holds_the_resources_as_skypilot_names_them(tmp_path):
    task = make_task(jobs_of(tmp_path), Settings(retries=5, hosts=1, extra=TPU))
    assert task["resources"] == {
        "accelerators": "tpu-v4-16",
        "use_spot": True,
        "job_recovery": {"max_restarts_on_errors": 5, "recover_on_exit_codes": [75]},
    }
    assert task["name"] == "quickstart-methods-weak-augment"
    assert "[tpu]" in task["setup"]
    assert "export SBN_MULTIHOST=1" in task["run"].splitlines()


def test_hosts_that_are_no_pod_are_told_where_they_meet(tmp_path):
    task = make_task(jobs_of(tmp_path), Settings(hosts=2, extra={"accelerators": "H200:8"}))
    assert task["num_nodes"] == 2
    printed = run(
        task["run"].split("echo quickstart")[0] + "echo $SBN_MULTIHOST",
        SKYPILOT_NODE_IPS="10.0.0.1\n10.0.0.2",
        SKYPILOT_NUM_NODES="2",
        SKYPILOT_NODE_RANK="1",
    )
    assert printed.stdout.strip() == "10.0.0.1:8476,2,1"


def run(script, **environment):
    return subprocess.run(
        ["bash", "-c", script], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("codes", "ran", "end"),
    [([0, 0, 0], 3, 0), ([0, 1, 0], 3, 1), ([0, 75, 0], 2, 75)],
    ids=["all is well", "an error does not cost the seeds after it", "a preempted host stops at once"],
)
def test_the_script_runs_seed_after_seed(tmp_path, codes, ran, end):
    """The script itself, with a `python` that ends with the given codes."""
    task = make_task(jobs_of(tmp_path, seeds=range(3)), Settings())
    fake = tmp_path / "bin/python"
    fake.parent.mkdir()
    fake.write_text('#!/bin/sh\necho "$@" >> calls\nshift $(wc -l < calls)\nexit $(sed -n "$(wc -l < calls)p" codes)\n')
    fake.chmod(0o755)
    (tmp_path / "codes").write_text("\n".join(map(str, codes)) + "\n")
    path = f"{fake.parent}:{os.environ['PATH']}"
    done = run(f"cd {tmp_path}\n{task['run']}", PATH=path)
    calls = (tmp_path / "calls").read_text().splitlines()
    assert (len(calls), done.returncode) == (ran, end)
    for seed, call in enumerate(calls):
        assert "sbn.train" in call
        assert f"/seed{seed}" in call


@pytest.mark.parametrize(
    "name", ["$(touch hacked)", "`touch hacked`", "'; touch hacked; '", 'a"; touch hacked; "', "-rf *"]
)
def test_what_somebody_calls_a_folder_is_no_part_of_the_script(tmp_path, name):
    root = tmp_path / name
    fake = tmp_path / "bin/python"
    fake.parent.mkdir()
    fake.write_text('#!/bin/sh\nprintf "%s\\n" "$@" > arguments\n')
    fake.chmod(0o755)
    (job,) = jobs_of(root, seeds=(0,))
    task = make_task([job], Settings())
    done = run(f"cd '{tmp_path}'\n{task['run']}", PATH=f"{fake.parent}:{os.environ['PATH']}")
    assert done.returncode == 0
    assert f"--workdir={job.workdir}" in (tmp_path / "arguments").read_text().splitlines()
    assert not list(tmp_path.rglob("hacked"))


def test_a_task_goes_on_from_a_file(tmp_path):
    base = {"setup": "make all", "envs": {"A": "1"}, "resources": {"infra": "gcp", "job_recovery": {"strategy": "X"}}}
    (tmp_path / "task.yaml").write_text(yaml.safe_dump(base))
    extra = {**TPU, "task": str(tmp_path / "task.yaml")}
    task = make_task(jobs_of(tmp_path), Settings(extra=extra))
    assert (task["setup"], task["envs"]) == ("make all", {"A": "1"})
    assert (task["resources"]["infra"], task["resources"]["use_spot"]) == ("gcp", True)
    assert task["resources"]["job_recovery"]["strategy"] == "X"
    with pytest.raises(ConfigError, match=r"task=/nowhere\.yaml"):
        make_task(jobs_of(tmp_path), Settings(extra={"task": "/nowhere.yaml"}))


def test_a_bucket_keeps_its_name():
    (job,) = jobs_of("gs://bucket/runs", seeds=[3])
    assert str(job.workdir) == "gs://bucket/runs/quickstart/methods/weak_augment/seed3"
    assert "--workdir=gs://bucket/runs/quickstart/methods/weak_augment/seed3" in make_task([job], Settings())["run"]
    assert job.name == "quickstart/methods/weak_augment/seed3"


def test_a_folder_of_this_machine_alone_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="needs a bucket"):
        make_task(jobs_of("runs"), Settings())


def test_a_row_is_one_managed_job_and_its_runs_say_which(tmp_path, fake_sky):
    lines = []
    jobs = jobs_of(tmp_path, seeds=range(3), sets=["optim.lr=0.1,0.05"])
    Sky(Settings(extra={**TPU, "fit": "false"}), tell=lines.append).run(jobs)
    assert len(fake_sky) == 2
    assert [files.glance(job.workdir, files.JOB)["id"] for job in jobs] == [1, 1, 1, 2, 2, 2]
    assert lines[-1].startswith("6 ")  # none is done: the queue knows of no job any more


def test_nothing_is_submitted_if_skypilot_refuses_a_task(tmp_path, fake_sky):
    with pytest.raises(ConfigError, match="did you mean 'accelerators'"):
        Sky(Settings(extra={"accelerator": "tpu-v4-16"})).run(jobs_of(tmp_path))
    assert fake_sky == []


def test_a_skypilot_that_fails_says_nothing_about_jobs(fake_sky, monkeypatch):
    def fail(request):
        raise RuntimeError("Could not connect to the API server.\nStart it")

    monkeypatch.setattr(sys.modules["sky"], "get", fail)
    queues.forget()
    with pytest.raises(queues.NoAnswer, match=r"^SkyPilot: Could not connect to the API server\.$"):
        queues.sky()


@pytest.mark.sky
@pytest.mark.parametrize(
    ("settings", "refused"),
    [
        (Settings(extra=TPU), ""),
        (Settings(hosts=2, extra={"accelerators": "H200:8"}), ""),
        (Settings(extra={"accelerator": "tpu-v4-16"}), "accelerators"),
    ],
    ids=["pod", "two hosts", "mistake"],
)
def test_skypilots_validator_takes_our_tasks_and_no_mistakes(tmp_path, settings, refused):
    """SBN_SKY_PYTHON is the Python that has SkyPilot, whose pins may not agree with this project's."""
    python = os.environ.get("SBN_SKY_PYTHON", sys.executable)
    if subprocess.run([python, "-c", "import sky"], capture_output=True, check=False).returncode:
        pytest.skip(f"SkyPilot is not installed in {python}: name one that has it in SBN_SKY_PYTHON")
    task = make_task(jobs_of(tmp_path), settings)
    code = "import json, sys, sky; sky.Task.from_yaml_config(json.load(sys.stdin))"
    answer = subprocess.run([python, "-c", code], input=json.dumps(task), capture_output=True, text=True, check=False)
    assert (answer.returncode != 0) == bool(refused), answer.stderr
    assert refused in answer.stderr

"""Jobs on TPU pods and clouds, through SkyPilot: one managed job a row, which runs its seeds one after the other."""

import importlib
import itertools
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from etils import epath

from launch.attempts import PREEMPTED, Tell, note
from launch.engines import Settings, command_lines
from launch.fitting import asked_for, check_fits
from launch.order import Order
from launch.plan import Job
from launch.watch import watch
from sbn.config.errors import ConfigError

_PORT = 8476  # of the first host, where the others meet it
_EVERYWHERE = ("/", "gs://", "s3://", "r2://")  # how a path begins that means the same on every machine


class Sky:
    """Submits tasks, then tells how they get on. Ctrl-C ends the telling, not the jobs.

    A row is one job, since a pod takes minutes to come up: after a preemption SkyPilot brings it up elsewhere and runs
    the same script, where finished seeds exit at once and the others go on from their checkpoints.

    Args:
        settings: `extra` holds keys of SkyPilot's `resources` (accelerators=tpu-v4-16, use_spot=true, infra=gcp);
            task=FILE, a task in YAML to start from: its setup, file_mounts, envs; and fit=false, to submit rows without
            a look at whether they fit the accelerators.
    """

    def __init__(self, settings: Settings, *, tell: Tell = print) -> None:
        self._sky: Any = importlib.import_module("sky")
        self.parallel = settings.parallel or 1000
        self._settings, self._tell = settings, tell

    def preview(self, jobs: Sequence[Job]) -> list[str]:
        """Returns the tasks as YAML, checked by SkyPilot."""
        return [yaml.safe_dump(task, sort_keys=False) for task, _ in self._tasks(jobs) if self._checked(task)]

    def run(self, jobs: Sequence[Job], *, elsewhere: Sequence[Job] = ()) -> None:
        """Submits a task a row, and waits for their ends, and those of jobs elsewhere.

        Raises:
            ConfigError: if SkyPilot refuses a task, or a row does not fit its accelerators; none is submitted then.
            KeyboardInterrupt: Ctrl-C; the jobs stay with SkyPilot.
        """
        for task, members in self._tasks(jobs):
            self._checked(task)
            where = asked_for(task["resources"].get("accelerators"), hosts=self._settings.hosts)
            if where is not None and self._settings.extra.get("fit") != "false":
                check_fits(members, where, tell=self._tell)
        # The seeds of a row are one task: it starts when all of them can.
        order = Order(jobs, elsewhere=elsewhere, tell=self._tell, together=_row)
        watch(order, self._submit, elsewhere=elsewhere, tell=self._tell)

    def _submit(self, jobs: Sequence[Job]) -> None:
        for content, members in self._tasks(jobs):
            task = self._checked(content)
            ids, _ = self._sky.stream_and_get(self._sky.jobs.launch(task, name=task.name))
            for job in members:
                note(job.workdir, {"engine": "sky", "id": ids[0]})
            self._tell(f"submitted {task.name}: {len(members)} runs as managed job {ids[0]}")

    def _tasks(self, jobs: Sequence[Job]) -> list[tuple[dict[str, Any], list[Job]]]:
        rows = itertools.groupby(jobs, key=_row)
        return [(make_task(members, self._settings), members) for members in (list(group) for _, group in rows)]

    def _checked(self, task: Mapping[str, Any]) -> Any:
        try:
            return self._sky.Task.from_yaml_config(dict(task))
        except (ValueError, self._sky.exceptions.InvalidSkyPilotConfigError) as error:
            raise ConfigError(f"SkyPilot refuses the task: {error}") from None


def _row(job: Job) -> epath.Path:
    """The folder of a row's seeds."""
    return job.workdir.parent


def make_task(jobs: Sequence[Job], settings: Settings) -> dict[str, Any]:
    """Returns the SkyPilot task of one row's jobs, as its YAML has it.

    Raises:
        ConfigError: if the work directories are not to be reached from a machine elsewhere.
    """
    for job in jobs:
        if not str(job.workdir).startswith(_EVERYWHERE):
            raise ConfigError(f"--root={job.workdir}: --engine=sky needs a bucket, gs://..., or the path of a mount")
    extra = {name: yaml.safe_load(value) for name, value in settings.extra.items()}
    base = _read(extra.pop("task", None))
    extra.pop("fit", None)
    resources = {**base.get("resources", {}), **extra}
    recovery = {"max_restarts_on_errors": settings.retries, "recover_on_exit_codes": [PREEMPTED]}
    pod = str(resources.get("accelerators", "")).startswith("tpu")
    return {
        "workdir": ".",
        "setup": f"pip install -q -e '.[{'tpu' if pod else 'cuda'}]'",
        **base,
        "name": re.sub(r"[^a-z0-9]+", "-", "-".join(jobs[0].workdir.parts[-4:-1]).lower()).strip("-"),
        "num_nodes": settings.hosts,
        "resources": {**resources, "job_recovery": {**recovery, **resources.get("job_recovery", {})}},
        "run": _script(jobs, pod=pod, hosts=settings.hosts),
    }


def _read(path: str | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        with open(path) as file:
            content = yaml.safe_load(file)
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError(f"--engine_set task={path}: {error}") from None
    if not isinstance(content, dict):
        raise ConfigError(f"--engine_set task={path} is not a task: it has no keys")
    return content


def _script(jobs: Sequence[Job], *, pod: bool, hosts: int) -> str:
    """What every host runs: the seeds one after the other; an error does not cost the seeds after it."""
    lines = ["failed=0"]
    if pod:  # JAX asks the pod itself
        lines.append("export SBN_MULTIHOST=1")
    elif hosts > 1:
        lines += [
            'first=$(echo "$SKYPILOT_NODE_IPS" | head -n 1)',
            f'export SBN_MULTIHOST="$first:{_PORT},$SKYPILOT_NUM_NODES,$SKYPILOT_NODE_RANK"',
        ]
    for job, command in zip(jobs, command_lines(jobs), strict=True):
        lines += [
            f"echo {shlex.quote(job.name)}",
            command,
            f"code=$?; if [ $code -eq {PREEMPTED} ]; then exit $code; elif [ $code -ne 0 ]; then failed=$code; fi",
        ]
    return "\n".join([*lines, "exit $failed"]) + "\n"

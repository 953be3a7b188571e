"""A process that holds compiled steps and runs them when asked, since devices are counted when JAX starts.

It is given {name: settings of a `Step`} as JSON, prints what was counted of every step, and then reads lines 'NAME
TIMES' and answers each with the seconds of a step, until its input ends.
"""

import contextlib
import functools
import json
import os
import socket
import subprocess
import sys

from benchmarks import rounds


class Workers:
    """Processes that train together, and what was counted of their steps: name -> kind -> number."""

    def __init__(self, steps, *, simulated=None, processes=1):
        """Starts the processes; `ready` waits for them.

        Args:
            steps: name -> settings.
            simulated: devices of each process on the CPU; None: the devices that JAX finds.
            processes: how many, on this machine.
        """
        environments, address = [dict(os.environ)] * processes, free_address()
        if simulated:
            environments = [{**own, **simulating(simulated, own.get("XLA_FLAGS", ""))} for own in environments]
        if processes > 1:
            places = [{"SBN_MULTIHOST": f"{address},{processes},{rank}"} for rank in range(processes)]
            environments = [own | place for own, place in zip(environments, places, strict=True)]
        words = [sys.executable, "-m", "benchmarks.scaling_worker", json.dumps(steps)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self._started = [subprocess.Popen(words, env=own, **pipes) for own in environments]

    def ready(self):
        """Returns what was counted, once everything is compiled."""
        return self._answers()[0]

    def seconds(self, name, times):
        """Returns seconds of a step: of the slowest process by the clock, of all by CPU time."""
        for process in self._started:
            process.stdin.write(f"{name} {times}\n")
            process.stdin.flush()
        answers = self._answers()
        return {"wall": max(one["wall"] for one in answers), "cpu": sum(one["cpu"] for one in answers)}

    def _answers(self):
        return [answer(process.stdout) for process in self._started]

    def close(self):
        """Ends the processes, together."""
        for process in self._started:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
        for process in self._started:
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()


def found():
    """What JAX finds here, asked in a process of its own, which lets it go: the backend, and how many devices."""
    ask = "import jax, json; print(json.dumps([jax.default_backend(), jax.device_count()]))"
    return json.loads(subprocess.run([sys.executable, "-c", ask], stdout=subprocess.PIPE, check=True).stdout)


def answer(lines):
    """Returns the next answer; what connects the processes says things on the same stream."""
    for line in lines:
        if line.startswith("{"):
            return json.loads(line)
    raise RuntimeError("a process of the bench died; what it said stands above")


def simulating(devices, flags):
    """Returns the environment in which JAX sees so many devices on the CPU; of two such flags the last holds."""
    return {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": f"{flags} --xla_force_host_platform_device_count={devices}".strip()}


def free_address():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


def main(text):
    from benchmarks.collectives import collectives
    from benchmarks.steps import Step
    from sbn.train import process

    process.prepare()
    make = functools.cache(lambda text: Step(**json.loads(text)))  # two names may be one step
    steps, counted = {}, {}
    for name, settings in json.loads(text).items():
        timed = settings.pop("timed")
        step = make(json.dumps(settings))
        flops = step.compiled.cost_analysis().get("flops", float("nan"))
        exchanged = collectives(step.compiled.as_text())
        counted[name] = {"flops": flops, "temporary": step.temporary, "images": step.images, "collectives": exchanged}
        if timed:
            step()
            steps[name] = step
    print(json.dumps(counted), flush=True)
    for line in sys.stdin:
        name, times = line.split()
        print(json.dumps(rounds.clocked(steps[name], int(times))()), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])

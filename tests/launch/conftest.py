"""Stand-ins for the systems that run jobs."""

import sys
import types

import pytest


@pytest.fixture
def fake_sky(monkeypatch):
    """A SkyPilot that takes every task and remembers it."""
    launched = []

    class Task:
        @staticmethod
        def from_yaml_config(config):
            if "accelerator" in config["resources"]:
                raise ValueError("did you mean 'accelerators'?")
            return types.SimpleNamespace(name=config["name"], config=config)

    def launch(task, name):
        launched.append(task)
        return len(launched)

    sky = types.ModuleType("sky")
    sky.Task, sky.jobs = Task, types.SimpleNamespace(launch=launch, queue=lambda **_: "queue")
    sky.exceptions = types.SimpleNamespace(InvalidSkyPilotConfigError=KeyError)
    sky.stream_and_get = lambda request: ([request], None)
    sky.get = lambda request: []
    monkeypatch.setitem(sys.modules, "sky", sky)
    return launched

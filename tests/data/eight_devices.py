"""Prints, as one JSON object, what the device path does on 8 simulated devices. Run by test_device.

XLA_FLAGS=--xla_force_host_platform_device_count=8 python -m tests.data.eight_devices
"""

import json

import jax
import numpy as np

from benchmarks.collectives import collectives
from sbn.config import tree
from sbn.config.checks import check
from sbn.data import device, host
from sbn.train import mesh as meshes
from sbn.train.feed import make_feed
from sbn.train.optimiser import make_optimiser
from sbn.train.schedules import make_schedule
from sbn.train.setup import make_setup
from sbn.train.state import init_state
from sbn.train.step import make_step
from tests import compiling
from tests.conftest import TINY
from tests.data.test_device import SIZE, SPAN, STRONG, WEAK, make_mesh, make_source, views


def batches():
    source, asked, mesh = make_source(), views(WEAK, STRONG), make_mesh()
    prepare = compiling.jit(device.make_prepare(asked, stage=SPAN["stage"], image_size=SIZE, mesh=mesh))
    resident = meshes.place_whole(mesh, device.resident(source, seed=SPAN["seed"]))
    fed = [(meshes.place(mesh, batch), numbers) for batch, numbers in device.batches(source, **SPAN)]
    same = all(
        np.array_equal(prepare(*mine, resident)["inputs"]["image"], theirs["inputs"]["image"])
        for mine, (theirs, _) in zip(fed, host.batches(source, asked, **SPAN), strict=True)
    )
    assert len(prepare(*fed[0], resident)["inputs"]["image"].sharding.device_set) == 8
    return {"same_batches": same, "prepare": collectives(prepare.lower(*fed[0], resident).compile().as_text())}


def step(path):
    config = check(tree.to_config(tree.changed(tree.changed(tree.defaults(), TINY), {"data.path": path})))
    setup = make_setup(config)
    feed, stage = make_feed(setup, config), setup.plan.stages[0]
    schedule = make_schedule(stage, setup.plan)
    whole = meshes.replicated(setup.mesh)
    state = jax.device_put(init_state(setup.task, make_optimiser(stage, schedule), seed=0), whole)
    batch, numbers = next(iter(feed.batches(stage, 0)))
    fed = meshes.place(setup.mesh, batch), numbers
    take_step = make_step(setup.task, stage, schedule, setup.mesh, prepare=feed.prepare(stage))
    return collectives(take_step.lower(state, *fed, feed.resident).compile().as_text())


if __name__ == "__main__":
    assert len(jax.devices()) == 8
    print(json.dumps({**batches(), "host": step("host"), "device": step("device")}))

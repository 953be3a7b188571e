"""Many seeds at once: R runs of a small network as one program, against R training steps one after the other.

The step is a run's own, `sbn.train.step`, with weak and strong views and split BatchNorms. `vmap` maps it over R states
and R batches, by which every convolution becomes a grouped one; `map` loops over them inside one program; `unrolled`
writes them one after the other into one program, whose parts the compiler may run at the same time. Beside the time:
temporary memory against that of a single step, the seconds of compilation, and by how much the parameters of any
replica differ after two steps from those of its run on its own.

    python -m benchmarks.replicas --models=wide_resnet-10-1 --replicas=2,4 --batch=64

Bar: 0.8 of the time, for many seeds at once to be worth a key of the config. `map` must be asked for: on CPUs a
convolution inside a loop takes 28 times as long.
"""

import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import rounds as taking
from benchmarks.parts import batch_of
from benchmarks.steps import SEED
from sbn.config import tree
from sbn.config.checks import check
from sbn.data.pixels import pack
from sbn.train.optimiser import make_optimiser
from sbn.train.schedules import make_schedule
from sbn.train.setup import make_setup
from sbn.train.state import TrainState, init_state
from sbn.train.step import COMPILER_OPTIONS, Step, make_step

BAR = 0.8
VARIANTS = ("vmap", "map", "unrolled")
STEPS = 2  # before parameters are compared: the second one's gradients are those of the first one's parameters


def make_config(model: str, batch: int, precision: str) -> Any:
    name, depth, width = model.split("-")
    changes = {
        "data.name": "shapes",
        "data.train_examples": max(100, batch),
        "data.test_examples": 10,
        "model.name": name,
        "model.depth": int(depth),
        "model.width": int(width),
        "branches": ("main", "aux"),
        "views.main.augment": "flip",
        "views.aux.augment": "flip",
        "batch_size": batch,
        "precision": precision,
    }
    return check(tree.to_config(tree.changed(tree.defaults(), changes)))


def make_parts(model: str, batch: int, count: int, precision: str) -> tuple[Step, list[TrainState], list[Any]]:
    """Returns the step, to be a part of programs, and a state and a batch for each of `count` seeds."""
    setup = make_setup(make_config(model, batch, precision))
    stage = setup.plan.stages[0]
    schedule = make_schedule(stage, setup.plan)
    jitted: Any = make_step(setup.task, stage, schedule, setup.mesh, prepare=lambda batch, numbers, resident: batch)
    step: Step = jitted.__wrapped__  # the compiler's options are the whole program's
    optimiser = make_optimiser(stage, schedule)
    states = [init_state(setup.task, optimiser, seed=seed) for seed in range(count)]
    rng = np.random.default_rng(0)
    batches = [
        batch_of(
            pack(rng.integers(0, 256, (batch, 2, *setup.train.images.shape[1:]), np.uint8)),
            rng.integers(0, setup.train.classes, batch).astype(np.int32),
        )
        for _ in range(count)
    ]
    return step, states, jax.device_put(batches)


def stacked(trees: list[Any]) -> Any:
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)


def taken(tree: Any, replica: int) -> Any:
    return jax.tree.map(lambda leaf: leaf[replica], tree)


def make_program(variant: str, step: Step, count: int) -> Any:
    """Returns a function of `count` stacked states and batches: the new states and metrics, stacked."""

    def one(state: TrainState, batch: Any) -> Any:
        return step(state, batch, {}, SEED)

    if variant == "vmap":
        return jax.vmap(one)
    if variant == "map":
        return lambda states, batches: jax.lax.map(lambda both: one(*both), (states, batches))
    return lambda states, batches: stacked([one(taken(states, r), taken(batches, r)) for r in range(count)])


class Runner:
    """A compiled program and its states, which it donates."""

    def __init__(self, program: Any, states: list[Any], batches: list[Any]):
        # copies: what is donated may not be the other variants'
        self.states, self.batches = jax.tree.map(jnp.copy, states), batches
        start = time.perf_counter()
        lowered = jax.jit(program, donate_argnums=0).lower(self.states[0], batches[0])
        self.compiled = lowered.compile(COMPILER_OPTIONS.get(jax.default_backend()))
        self.compile_s = time.perf_counter() - start
        self.temp_bytes = self.compiled.memory_analysis().temp_size_in_bytes

    def __call__(self) -> None:
        for r, batch in enumerate(self.batches):
            self.states[r], _ = self.compiled(self.states[r], batch)
        jax.block_until_ready(self.states)


def apart(separate: Runner, together: Runner) -> float:
    """The largest difference of any parameter of any replica."""
    params = [stacked([state.params for state in separate.states]), together.states[0].params]
    return max(float(jnp.abs(one - other).max()) for one, other in zip(*map(jax.tree.leaves, params), strict=True))


def measured(
    model: str, count: int, *, batch: int, rounds: int, variants: str, precision: str
) -> tuple[list[dict], dict[str, Any]]:
    step, states, batches = make_parts(model, batch, count, precision)
    runners = {"separate": Runner(lambda state, batch: step(state, batch, {}, SEED), states, batches)}
    for name in variants.split(","):
        runners[name] = Runner(make_program(name, step, count), [stacked(states)], [stacked(batches)])
    for runner in runners.values():
        for _ in range(STEPS):
            runner()
    separate, lines = runners.pop("separate"), []
    facts: dict[str, Any] = {f"{model} x {count}, separate: compile s": separate.compile_s}
    for name, runner in runners.items():
        facts[f"{model} x {count}, {name}: compile s"] = runner.compile_s
        facts[f"{model} x {count}, {name}: parameters differ by"] = apart(separate, runner)
    both = {"separate": separate, **runners}
    times = taking.interleaved({name: taking.clocked(runner) for name, runner in both.items()}, rounds)
    for name, runner in runners.items():
        title, alone = f"{model} x {count}, {name} / separate", times["separate"]
        lines.append(taking.line(title, times[name]["wall"], alone["wall"], bar=BAR))
        lines.append(taking.line(f"{title}, cpu", times[name]["cpu"], alone["cpu"]))
        lines.append(taking.line(f"{title}, memory", runner.temp_bytes, separate.temp_bytes))
    return lines, facts


def bench(*, models: str, replicas: str, **settings: Any) -> tuple[list[dict], dict[str, Any]]:
    for name in settings["variants"].split(","):
        taking.chosen("variant", name, dict.fromkeys(VARIANTS))
    lines: list[dict] = []
    facts: dict[str, Any] = {}
    for model in models.split(","):
        for count in map(int, replicas.split(",")):
            found, more = measured(model, count, **settings)
            lines, facts = lines + found, facts | more
    return lines, facts


if __name__ == "__main__":
    jax.config.update("jax_enable_compilation_cache", False)  # whatever this shell has: compiling is measured
    taking.main(
        __doc__,
        bench,
        cached=False,
        models=("wide_resnet-10-1,wide_resnet-16-1,cifar_resnet-20-16", "wide_resnet-10-1"),
        replicas=("2,4,8", "2"),
        batch=(32, 4),
        rounds=(5, 2),
        variants=("vmap,unrolled", "vmap,map"),
        precision=("float32", "float32"),
    )

"""What a split step costs: a full training step of a split model against other ways to train on the same 2B images.

- plain: the same Wide ResNet with flax's stock `nn.BatchNorm` over the batch of 2B images, which all are beside;
- split: two branches, a pass of B images through each; shared: one branch on 2B images.

Time is that of a step and that of tracing and compiling it, anew in every round; memory is XLA's own count of
temporary bytes. Steps are compiled as `sbn.train` compiles them.

    python -m benchmarks.train_step --model=28-2 --batch=32 --rounds=7
    python -m benchmarks.train_step --model=28-10 --batch=512 --precision=bfloat16 --steps=50   # an accelerator

Bars of split: time ratio at most 1.05 (stretch 0.97), memory ratio at most 1.00 (stretch 0.70).
"""

import functools
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks import rounds as taking
from sbn.models.make import PRECISIONS
from sbn.models.network import STREAMS, init_variables
from sbn.models.wide_resnet import WideResNet
from sbn.nn.branched import Branched, branched
from sbn.nn.pass_by_pass import pass_by_pass
from sbn.train.step import COMPILER_OPTIONS

TIME_BAR, MEMORY_BAR = 1.05, 1.00
BRANCHES = 2


def stock_norm(x: jax.Array, *, train: bool, name: str) -> jax.Array:
    """Flax's BatchNorm, as the networks call their layers."""
    norm = nn.BatchNorm(use_running_average=not train, momentum=0.9, epsilon=1e-5, dtype=x.dtype, name=name)
    normalised: jax.Array = norm(x)
    return normalised


def make_variants(depth: int, width: int, precision: str = "float32") -> dict[str, Branched]:
    dtype = taking.chosen("precision", precision, PRECISIONS)
    network = WideResNet(depth=depth, width=width, classes=10, dtype=dtype)
    return {
        "plain": branched(network.clone(norm_layer=stock_norm), branches=1),
        "split": branched(network, branches=BRANCHES),
        "shared": branched(network, branches=1),
    }


def make_step(model: Branched, optimiser: optax.GradientTransformation) -> Callable[..., Any]:
    rngs = {stream: jax.random.key(2) for stream in STREAMS}

    def step(params, stats, moments, images, labels):
        def one_view(k, params, stats):
            variables, own = {"params": params, "batch_stats": stats}, slice(k, k + 1)
            logits, updates = model.apply(
                variables, images[:, own], train=True, through=(k,), mutable="batch_stats", rngs=rngs
            )
            loss = optax.softmax_cross_entropy_with_integer_labels(logits, labels[:, own]).mean()
            return loss / model.branches, (updates["batch_stats"], None)

        def loss(params):
            found, (new_stats, _) = pass_by_pass(ways, params, stats)
            return found, new_stats

        ways = [functools.partial(one_view, k) for k in range(model.branches)]
        (value, new_stats), grads = jax.value_and_grad(loss, has_aux=True)(params)
        updates, moments = optimiser.update(grads, moments, params)
        return optax.apply_updates(params, updates), new_stats, moments, value

    return jax.jit(step, donate_argnums=(0, 1, 2))


class Runner:
    """One compiled variant and its state."""

    def __init__(
        self,
        model: Branched,
        images: jax.Array,
        labels: jax.Array,
        *,
        rate: float = 0.1,
        decay: float = 5e-4,
        options: dict[str, str] | None = None,
    ):
        optimiser = optax.chain(optax.add_decayed_weights(decay), optax.sgd(rate, momentum=0.9, nesterov=True))
        variables = init_variables(model, jax.random.key(0), image_size=images.shape[2:4])
        self.state = (variables["params"], variables["batch_stats"], optimiser.init(variables["params"]))
        self.batch = (images, labels)
        self._make = lambda: make_step(model, optimiser)
        self._options = options
        self.compiled = self.compile()
        self.temp_bytes = self.compiled.memory_analysis().temp_size_in_bytes

    def compile(self) -> jax.stages.Compiled:
        """Traces and compiles the step, anew: JAX knows the last one's function and this one's as two."""
        return self._make().lower(*self.state, *self.batch).compile(compiler_options=self._options)

    def run(self, steps: int) -> None:
        for _ in range(steps):
            *state, self.loss = self.compiled(*self.state, *self.batch)
            self.state = tuple(state)
        jax.block_until_ready(self.loss)

    def __call__(self) -> None:
        self.run(1)


def beside_plain(
    runners: dict[str, Runner], bars: dict[str, tuple[float, float]], *, images: int, rounds: int, steps: int
) -> tuple[list[dict], dict[str, Any]]:
    """Returns time and memory of every variant over those of 'plain', and what was taken, by name.

    Args:
        runners: the variants.
        bars: name -> the most that its time and its memory may be.
        images: that pass through the network in a step.
        rounds: of all of them.
        steps: of each in a round.
    """
    for runner in runners.values():
        runner()
    times = taking.interleaved({name: taking.clocked(runner, steps) for name, runner in runners.items()}, rounds)
    memory = {name: runner.temp_bytes for name, runner in runners.items()}
    lines, facts = [], {}
    for name in runners:
        if name != "plain":
            time_bar, memory_bar = bars.get(name, (None, None))
            lines += taking.timed(f"{name} / plain", times[name], times["plain"], bar=time_bar)
            lines.append(taking.line(f"{name} / plain, memory", memory[name], memory["plain"], bar=memory_bar))
        facts[f"{name}: temporary MiB"] = memory[name] / 2**20
        facts[f"{name}: images a second"] = images / float(jnp.median(times[name]["wall"]))
    return lines, facts


def compiling(runners: dict[str, Runner], rounds: int) -> tuple[list[dict], dict[str, float]]:
    """Returns the time that it takes to compile every variant over that of 'plain', and seconds."""
    times = taking.interleaved({name: taking.clocked(runner.compile) for name, runner in runners.items()}, rounds)
    seconds = {f"{name}: compile s": float(np.median(kinds["wall"])) for name, kinds in times.items()}
    others = (name for name in times if name != "plain")
    return [found for n in others for found in taking.timed(f"{n} / plain, compile", times[n], times["plain"])], seconds


def bench(
    *, model: str, batch: int, rounds: int, steps: int, variants: str, compiles: int, precision: str
) -> tuple[list[dict], dict[str, Any]]:
    models = make_variants(*map(int, model.split("-")), precision)
    wanted = {name: taking.chosen("variant", name, models) for name in ("plain", *variants.split(","))}
    images = jax.random.normal(jax.random.key(1), (batch, BRANCHES, 32, 32, 3))
    labels = jnp.broadcast_to(jnp.arange(batch)[:, None] % 10, (batch, BRANCHES))
    folded = (images.reshape(-1, 1, 32, 32, 3), labels.reshape(-1, 1))
    runners = {
        name: Runner(
            network,
            *(folded if network.branches == 1 else (images, labels)),
            options=COMPILER_OPTIONS.get(jax.default_backend()),
        )
        for name, network in wanted.items()
    }
    bars = {"split": (TIME_BAR, MEMORY_BAR)}
    lines, facts = beside_plain(runners, bars, images=BRANCHES * batch, rounds=rounds, steps=steps)
    more, seconds = compiling(runners, compiles)
    return lines + more, facts | seconds


if __name__ == "__main__":
    jax.config.update("jax_enable_compilation_cache", False)  # whatever this shell has: compiling is measured
    taking.main(
        __doc__,
        bench,
        cached=False,
        model=("28-2", "10-1"),
        batch=(32, 4),
        rounds=(7, 2),
        steps=(1, 1),
        variants=("split,shared", "split,shared"),
        compiles=(2, 1),
        precision=("float32", "float32"),
    )

"""What a split step costs: a full training step of a split model against a plain one on the same 2B images.

The plain model is the same Wide ResNet with flax's stock `nn.BatchNorm` over the 4-D batch of 2B images.
Memory is XLA's own count of temporary bytes.

    python -m benchmarks.train_step --model=28-2 --batch=32 --rounds=7
    python -m benchmarks.train_step --model=16-1 --batch=64 --rounds=9 --steps=2

Bars: time ratio at most 1.05 (stretch 0.97), memory ratio at most 1.00 (stretch 0.70).
"""

import time
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from benchmarks import rounds as taking
from sbn.models.network import STREAMS, Network, init_variables
from sbn.models.wide_resnet import WideResNet

TIME_BAR, MEMORY_BAR = 1.05, 1.00
BRANCHES = 2


class StockNorm(nn.Module):
    """flax's BatchNorm over the 4-D batch, behind the calling convention of the models."""

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
        norm = nn.BatchNorm(use_running_average=not train, momentum=0.9, epsilon=1e-5)
        return norm(x[:, 0])[:, None]


class StockBranchNorm(nn.Module):
    """flax's BatchNorm with a branch axis, for orientation."""

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
        return nn.BatchNorm(axis=(1, -1), use_running_average=not train, momentum=0.9, epsilon=1e-5)(x)


def make_variants(depth: int, width: int) -> dict[str, Network]:
    model = {"depth": depth, "width": width, "classes": 10, "norm": "split"}
    return {
        "plain": WideResNet(branches=1, norm_layer=StockNorm, **model),
        "split": WideResNet(branches=BRANCHES, **model),
        "stock_split": WideResNet(branches=BRANCHES, norm_layer=StockBranchNorm, **model),
    }


def make_step(model: nn.Module, optimiser: optax.GradientTransformation) -> Callable[..., Any]:
    rngs = {stream: jax.random.key(2) for stream in STREAMS}

    def step(params, stats, moments, images, labels):
        def loss(params):
            logits, updates = model.apply(
                {"params": params, "batch_stats": stats}, images, train=True, mutable="batch_stats", rngs=rngs
            )
            losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
            return losses.mean(), updates["batch_stats"]

        (value, new_stats), grads = jax.value_and_grad(loss, has_aux=True)(params)
        updates, moments = optimiser.update(grads, moments, params)
        return optax.apply_updates(params, updates), new_stats, moments, value

    return jax.jit(step, donate_argnums=(0, 1, 2))


class Runner:
    """One compiled variant and its state."""

    def __init__(
        self,
        model: Network,
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
        start = time.perf_counter()
        self.compiled = make_step(model, optimiser).lower(*self.state, *self.batch).compile(compiler_options=options)
        self.compile_s = time.perf_counter() - start
        self.temp_bytes = self.compiled.memory_analysis().temp_size_in_bytes

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
    for name, runner in runners.items():
        if name != "plain":
            time_bar, memory_bar = bars.get(name, (None, None))
            lines += taking.timed(f"{name} / plain", times[name], times["plain"], bar=time_bar)
            lines.append(taking.line(f"{name} / plain, memory", memory[name], memory["plain"], bar=memory_bar))
        facts[f"{name}: compile s"] = runner.compile_s
        facts[f"{name}: temporary MiB"] = memory[name] / 2**20
        facts[f"{name}: images a second"] = images / float(jnp.median(times[name]["wall"]))
    return lines, facts


def bench(*, model: str, batch: int, rounds: int, steps: int, variants: str) -> tuple[list[dict], dict[str, Any]]:
    depth, width = map(int, model.split("-"))
    images = jax.random.normal(jax.random.key(1), (batch, BRANCHES, 32, 32, 3))
    labels = jnp.broadcast_to(jnp.arange(batch)[:, None] % 10, (batch, BRANCHES))
    folded = (images.reshape(-1, 1, 32, 32, 3), labels.reshape(-1, 1))
    models = {name: made for name, made in make_variants(depth, width).items() if name in variants.split(",")}
    runners = {n: Runner(m, *(folded if n == "plain" else (images, labels))) for n, m in models.items()}
    return beside_plain(runners, {"split": (TIME_BAR, MEMORY_BAR)}, images=BRANCHES * batch, rounds=rounds, steps=steps)


if __name__ == "__main__":
    taking.main(
        __doc__,
        bench,
        model=("28-2", "10-1"),
        batch=(32, 4),
        rounds=(7, 2),
        steps=(1, 1),
        variants=("plain,split", "plain,split,stock_split"),
    )

"""What rematerialisation (`model.remat`) saves and costs: a training step of two branches with it and without.

Memory is XLA's own count of temporary bytes: what passes forward and backward, without variables and momentum. The
step is compiled as `sbn.train` compiles it. On a CPU that takes an option, and `no option` is what XLA makes without:
it drops the barriers, computes all again beforehand, and saves nothing. Other platforms need none.

    python -m benchmarks.remat --model=wide_resnet --depth=28 --width=10 --batch=4 --rounds=5
    python -m benchmarks.remat --model=imagenet_resnet --depth=50 --width=64 --side=224 --batch=4 --rounds=5

Bars: memory ratio at most 0.60, time ratio at most 1.35: at most the forward pass again, a third of a step.
"""

from typing import Any

import jax
import jax.numpy as jnp

from benchmarks import rounds as taking
from benchmarks.train_step import BRANCHES, Runner, beside_plain
from sbn.models.make import MODELS, PRECISIONS
from sbn.nn.branched import branched
from sbn.train.step import COMPILER_OPTIONS

TIME_BAR, MEMORY_BAR = 1.35, 0.60


def bench(
    *, model: str, depth: int, width: int, side: int, batch: int, rounds: int, steps: int, precision: str
) -> tuple[list[dict], dict[str, Any]]:
    images = jax.random.normal(jax.random.key(1), (batch, BRANCHES, side, side, 3))
    labels = jnp.broadcast_to(jnp.arange(batch)[:, None] % 10, (batch, BRANCHES))
    fields = {"depth": depth, "width": width, "dtype": taking.chosen("precision", precision, PRECISIONS)}
    plain = branched(taking.chosen("model", model, MODELS)(classes=10, **fields), branches=BRANCHES)
    remat = plain.clone(network=plain.network.clone(remat=True))
    options = COMPILER_OPTIONS.get(jax.default_backend())
    runners = {
        "plain": Runner(plain, images, labels, options=options),
        "remat": Runner(remat, images, labels, options=options),
    }
    if options:
        runners["no option"] = Runner(remat, images, labels)
    return beside_plain(runners, {"remat": (TIME_BAR, MEMORY_BAR)}, images=BRANCHES * batch, rounds=rounds, steps=steps)


if __name__ == "__main__":
    taking.main(
        __doc__,
        bench,
        model=("cifar_resnet", "cifar_resnet"),
        depth=(110, 14),
        width=(16, 4),
        side=(32, 16),
        batch=(16, 4),
        rounds=(5, 2),
        steps=(1, 1),
        precision=("float32", "float32"),
    )

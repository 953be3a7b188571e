"""Where the time of both data paths goes: every op alone, on the host with TensorFlow and on the device with JAX.

    python -m benchmarks.augment_ops --side=32 --batch=128

An op of a policy is measured as RandAugment with nothing else to draw, one layer at level 10. Facts are CPU
nanoseconds a pixel (on an accelerator the device's are by the clock), the dearest first, then what the pipelines of
`benchmarks.augment_host` take. On the host a batch is parted by op and each image meets its own op alone; the device
path does the same work for all images of a batch, whichever op they drew, so that its sum over ops is what counts.
Without TensorFlow only the device's are measured.
"""

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import rounds as taking
from benchmarks.photographs import pictures
from sbn.augment.device.apply import make_apply as on_device
from sbn.augment.pipeline import parse
from sbn.augment.policies import OP_LISTS
from sbn.data.pixels import pack

ADDRESS = {"seed": 1, "stage": 0, "epoch": 0, "view": 0}
WHOLE = {
    "crop|flip|cutout": "crop(4)|flip|cutout(16)",
    "randaugment(2)": "randaugment(2, 10)",
    "autoaugment": "autoaugment('cifar10_code')",
    "augmix": "augmix",
}


def pipelines(names):
    """Returns name -> ops: of every single op of RandAugment, and of whole pipelines."""
    OP_LISTS.update({name: (name,) for name in names})
    made = {name: parse("randaugment(1, 10)") for name in names}
    for name, (policy,) in made.items():
        object.__setattr__(policy, "ops", name)  # it would refuse a list that was not there when it was defined
    return made | {name: parse(text) for name, text in WHOLE.items()}


def host(ops, words):
    import tensorflow as tf

    from sbn.augment.host.apply import make_apply

    apply = make_apply(ops, image_size=words.shape[1:])
    run = tf.function(lambda pixels, ids: apply(pixels, ids=ids, **ADDRESS))
    pixels, ids = tf.constant(words), tf.range(len(words))
    return lambda: run(pixels, ids).numpy()


def device(ops, words):
    apply = on_device(ops, image_size=words.shape[1:])
    run = jax.jit(lambda pixels, ids: apply(pixels, ids=ids, **ADDRESS))
    pixels, ids = jnp.asarray(words), jnp.arange(len(words))
    return lambda: jax.block_until_ready(run(pixels, ids))


def bench(*, side, batch, rounds, times, ops):
    names = OP_LISTS["tf_tpu_16"] if ops == "all" else tuple(ops.split(","))
    words, without = pack(pictures(batch, side)), taking.missing("tensorflow")
    paths = {"device": device} if without else {"host": host, "device": device}
    made = pipelines(names).items()
    runs = {f"{path}: {name}": make(pipeline, words) for name, pipeline in made for path, make in paths.items()}
    for run in runs.values():
        run()  # traces and compiles
    found = taking.interleaved({name: taking.clocked(run, times) for name, run in runs.items()}, rounds)
    kind = "cpu" if jax.default_backend() == "cpu" else "wall"
    cost = {
        name: 1e9 * float(np.median(kinds[kind if name.startswith("device") else "cpu"])) / words.size
        for name, kinds in found.items()
    }
    whole = {name: value for name, value in cost.items() if name.partition(": ")[2] in WHOLE}
    single = sorted(cost.keys() - whole.keys(), key=lambda name: (name.startswith("device"), -cost[name]))
    skipped = {"the host's ops were not measured": without} if without else {}
    return [], skipped | {f"{name}, ns a pixel": cost[name] for name in [*single, *whole]}


if __name__ == "__main__":
    taking.main(
        __doc__,
        bench,
        side=(32, 32),
        batch=(128, 8),
        rounds=(5, 2),
        times=(20, 1),
        ops=("all", "Rotate,Equalize"),
    )

"""Flax's half of `benchmarks.translation`: the training step of its example `wmt`, from the files of that example."""

import functools
import sys
import types

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import jax_utils

from benchmarks import rounds as taking
from benchmarks import worker


def build(*, folder, file, layers, width, heads, hidden, vocabulary, dropout, smoothing, steps):
    """Takes a step on the sentences in `file`, and returns what it is and a measure of it.

    The example's files are imported as they are, but for what reads its data, which needs packages of its own.
    """
    sys.path.insert(0, folder)
    sys.modules["input_pipeline"] = types.ModuleType("input_pipeline")
    import models
    import train

    with np.load(file) as arrays:
        source, target = arrays["source"], arrays["target"]
    config = models.TransformerConfig(
        vocab_size=vocabulary,
        output_vocab_size=vocabulary,
        share_embeddings=True,
        logits_via_embedding=True,
        emb_dim=width,
        num_heads=heads,
        num_layers=layers,
        qkv_dim=width,
        mlp_dim=hidden,
        max_len=256,
        dropout_rate=dropout,
        attention_dropout_rate=dropout,
    )
    network = models.Transformer(config.replace(deterministic=True))
    params = jax.jit(network.init)(jax.random.key(0), jnp.ones(source.shape), jnp.ones(target.shape))["params"]
    rate = train.create_learning_rate_schedule(1e-4, 1000)
    optimiser = optax.adamw(rate, b1=0.9, b2=0.98, eps=1e-9, weight_decay=0.0)
    state = train.TrainState.create(apply_fn=network.apply, params=params, tx=optimiser, dynamic_scale=None)
    # As the example does it: one device is an axis of length 1
    state = jax_utils.replicate(state, jax.local_devices()[:1])
    call = functools.partial(train.train_step, config=config, learning_rate_fn=rate, label_smoothing=smoothing)
    step = jax.pmap(call, axis_name="batch", donate_argnums=(0,), devices=jax.local_devices()[:1])
    batch = {"inputs": source[None], "targets": target[None]}
    keys = jax.random.split(jax.random.key(1), 1)

    def run(times):
        nonlocal state
        for _ in range(times):
            state, metrics = step(state, batch, dropout_rng=keys)
            jax.block_until_ready((state, metrics))

    run(2)
    facts = {"parameters": sum(leaf.size for leaf in jax.tree.leaves(params))}
    return facts, {"step": taking.clocked(lambda: run(steps), 1)}


if __name__ == "__main__":
    worker.serve(build)

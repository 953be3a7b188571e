"""Prints, as one JSON object, what train steps with branches do on 8 simulated devices. Run by test_eight_devices.

XLA_FLAGS=--xla_force_host_platform_device_count=8 python -m tests.nn.eight_devices
"""

import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from benchmarks.collectives import collectives
from sbn.models.wide_resnet import WideResNet
from sbn.nn.branch_norm import BranchNorm
from sbn.nn.branched import branched
from tests.models.variables import random_variables, small
from tests.nn.public_networks import ResNet

DEVICES, N, K, SIZE = 8, 16, 2, 16


# one of this library's, and one as other projects write them, with flax's BatchNorm in nested scopes and a max-pool
PLAIN = {"ours": WideResNet(depth=10, width=1, classes=10), "outside": ResNet(num_classes=10)}


def split_loss(model, params, stats, x, labels):
    v = {"params": params, "batch_stats": stats}
    rngs = {"shake": jax.random.key(3)}
    logits, updates = model.apply(v, x, train=True, mutable="batch_stats", rngs=rngs)
    return cross_entropy(logits, labels), updates["batch_stats"]


def cross_entropy(logits, labels):
    labels = jnp.broadcast_to(labels[:, None], logits.shape[:2])
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()


def make_step(model):
    def step(params, stats, x, labels):
        loss = functools.partial(split_loss, model)
        (value, stats), grads = jax.value_and_grad(loss, has_aux=True)(params, stats, x, labels)
        return jax.tree.map(lambda p, g: p - 0.1 * g, params, grads), stats, value

    return jax.jit(step)


def compiled(model, args):
    return make_step(model).lower(*args).compile()


def images():
    rng = np.random.default_rng(0)
    return jnp.asarray(rng.normal(size=(N, K, SIZE, SIZE, 3)) * np.array([1, 2]).reshape(K, 1, 1, 1), jnp.float32)


def arguments(mesh, variables):
    """Of a step: on one device, and spread over all."""
    args = (variables["params"], variables["batch_stats"], images(), jnp.arange(N) % 10)
    places = [PartitionSpec(), PartitionSpec(), PartitionSpec("data"), PartitionSpec("data")]
    return args, [jax.device_put(arg, NamedSharding(mesh, place)) for arg, place in zip(args, places, strict=True)]


def largest_difference(a, b):
    return max(jax.tree.leaves(jax.tree.map(lambda p, q: float(np.abs(np.asarray(p) - np.asarray(q)).max()), a, b)))


def whole_step(mesh, plain):
    model = branched(plain, branches=K)
    args, spread = arguments(mesh, random_variables(model))
    one, eight = (compiled(model, there) for there in (args, spread))
    return {
        "flops_ratio": eight.cost_analysis()["flops"] / (one.cost_analysis()["flops"] / DEVICES),
        "collectives": collectives(eight.as_text()),
        "state_difference": largest_difference(one(*args), eight(*spread)),
    }


def groups_against_replicas(mesh):
    """`group_size` under jit against per-device statistics under shard_map, averaged over devices."""
    x = images()
    v = BranchNorm(K).init(jax.random.key(0), x, train=False)
    weights = jnp.asarray(np.random.default_rng(1).normal(size=x.shape), jnp.float32)

    def loss(params, x, weights, layer):
        own = {"params": params, "batch_stats": v["batch_stats"]}
        y, updates = layer.apply(own, x, train=True, mutable="batch_stats")
        return jnp.mean(weights * jnp.sin(y)), (y, updates)

    def replica(params, x, weights):
        def mean_loss(params):
            value, (y, updates) = loss(params, x, weights, BranchNorm(K))
            # The mean belongs inside the gradient: that of a replicated parameter is already summed over devices.
            return jax.lax.pmean(value, "data"), (y, jax.lax.pmean(updates, "data"))

        (value, (y, updates)), grads = jax.value_and_grad(mean_loss, has_aux=True)(params)
        return value, y, updates, grads

    data, none = PartitionSpec("data"), PartitionSpec()
    in_specs, out_specs = (none, data, data), (none, data, none, none)
    mapped = jax.jit(jax.shard_map(replica, mesh=mesh, in_specs=in_specs, out_specs=out_specs))
    layer = BranchNorm(K, group_size=N // DEVICES)
    grouped = jax.jit(jax.value_and_grad(lambda p, *rest: loss(p, *rest, layer), has_aux=True))
    x8, w8 = (jax.device_put(array, NamedSharding(mesh, data)) for array in (x, weights))
    (value, (y, updates)), grads = grouped(v["params"], x8, w8)
    ungrouped = loss(v["params"], x, weights, BranchNorm(K))[1]
    return {
        "difference": largest_difference((value, y, updates, grads), mapped(v["params"], x, weights)),
        "moved_by_grouping": largest_difference((y, updates), ungrouped),
        "collectives": collectives(grouped.lower(v["params"], x8, w8).compile().as_text()),
    }


def random_shares(mesh):
    """A network that draws: the shares of Shake-Shake."""
    model = small("shake_shake", classes=10)
    args, spread = arguments(mesh, random_variables(model))
    one, eight = (compiled(model, there) for there in (args, spread))
    return {
        "collectives": collectives(eight.as_text()),
        "loss_difference": abs(float(one(*args)[2]) - float(eight(*spread)[2])),
    }


def main():
    mesh = jax.make_mesh((DEVICES,), ("data",), axis_types=(AxisType.Auto,))
    measured = {
        "step": {name: whole_step(mesh, plain) for name, plain in PLAIN.items()},
        "groups": groups_against_replicas(mesh),
        "shares": random_shares(mesh),
    }
    print(json.dumps(measured))


if __name__ == "__main__":
    main()

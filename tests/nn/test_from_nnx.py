"""A module of flax.nnx with branches is K such modules, that share what is not normalisation's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from flax.traverse_util import flatten_dict

from sbn.nn import branched
from sbn.nn.branches import plain_branch
from sbn.nn.from_nnx import FromNnx

K, N = 2, 6


class Block(nnx.Module):
    def __init__(self, width, rate, *, rngs):
        self.norm, self.dense = nnx.LayerNorm(width, rngs=rngs), nnx.Linear(width, width, rngs=rngs)
        self.drop = nnx.Dropout(rate, rngs=rngs)

    def __call__(self, x):
        return x + self.drop(self.dense(self.norm(x)))


class Net(nnx.Module):
    """BatchNorm, LayerNorm in a list, dropout; parts without parameters."""

    def __init__(self, rate=0.0, *, rngs):
        self.conv, self.bn = nnx.Conv(3, 4, (3, 3), rngs=rngs), nnx.BatchNorm(4, momentum=0.9, rngs=rngs)
        self.blocks = nnx.List([Block(4, rate, rngs=rngs) for _ in range(2)])
        self.head = nnx.Linear(4, 5, rngs=rngs)

    def __call__(self, x):
        x = nnx.relu(self.bn(self.conv(x))).mean((1, 2))
        for block in self.blocks:
            x = block(x)
        return self.head(x)


class Counter(nnx.Module):
    def __init__(self, *, rngs):
        self.count = nnx.Variable(jnp.zeros(()))

    def __call__(self, x):
        return x


OWN = {f"params/{layer}/{leaf}" for layer in ("bn", "blocks/0/norm", "blocks/1/norm") for leaf in ("scale", "bias")}


def network(rate=0.0):
    return FromNnx(lambda rngs: Net(rate, rngs=rngs))


def model_of(net):
    return branched(net, branches=K, own=net.per_branch)


def views():
    return jnp.asarray(np.random.default_rng(0).normal(size=(N, K, 4, 4, 3)) * [[[[[1]]], [[[3]]]]], jnp.float32)


def drawn(shapes):
    """Random leaves, so that no two branches agree."""
    rng = np.random.default_rng(1)
    return jax.tree.map(lambda leaf: jnp.asarray(rng.uniform(0.2, 1.0, leaf.shape), jnp.float32), shapes)


def loss_of(module, x):
    found = module(x)
    return jnp.sin(found).sum(), found


def test_it_equals_separate_modules_in_forward_gradients_and_statistics():
    model, x = model_of(network()), views()
    variables = drawn(jax.eval_shape(lambda: model.init(jax.random.key(0), x, train=False)))
    layout = model.layout(x[:, 0])
    assert layout == {tuple(name.split("/")) for name in OWN | {"batch_stats/bn/mean", "batch_stats/bn/var"}}

    @jax.jit
    def ours(params):
        def loss(params):
            found, new = model.apply({**variables, "params": params}, x, train=True, mutable=["batch_stats"])
            return jnp.sin(found).sum(), (found, new["batch_stats"])

        return jax.grad(loss, has_aux=True)(params)

    grads, (logits, stats) = ours(variables["params"])
    at_rest = jax.jit(lambda variables: model.apply(variables, x, train=False))(variables)
    forward, differentiate = nnx.jit(lambda module, x: module(x)), nnx.jit(nnx.grad(loss_of, has_aux=True))
    total = dict.fromkeys(flatten_dict(dict(grads), sep="/"), 0.0)
    for k in range(K):
        alone = Net(rngs=nnx.Rngs(0))
        own = flatten_dict(plain_branch(variables, k, layout=layout))
        for path, variable in nnx.to_flat_state(nnx.state(alone, (nnx.Param, nnx.BatchStat))):
            kind = "params" if isinstance(variable, nnx.Param) else "batch_stats"
            variable.set_value(own[(kind, *map(str, path))])
        alone.eval()
        np.testing.assert_allclose(at_rest[:, k], forward(alone, x[:, k]), rtol=1e-5, atol=1e-5)
        alone.train()
        gradient, want = differentiate(alone, x[:, k])
        # float32, summed in two programs
        np.testing.assert_allclose(logits[:, k], want, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(stats["bn"]["mean"][k], alone.bn.mean[...], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(stats["bn"]["var"][k], alone.bn.var[...], rtol=1e-5, atol=1e-6)
        for path, leaf in nnx.to_flat_state(gradient):
            name = "/".join(map(str, path))
            if f"params/{name}" in OWN:
                mine = flatten_dict(dict(grads), sep="/")[name][k]
                np.testing.assert_allclose(mine, leaf[...], rtol=1e-4, atol=1e-4, err_msg=name)
            else:
                total[name] = total[name] + leaf[...]
    for name, leaf in flatten_dict(dict(grads), sep="/").items():
        if f"params/{name}" not in OWN:
            np.testing.assert_allclose(leaf, total[name], rtol=1e-4, atol=1e-4, err_msg=name)


def test_dropout_is_that_of_the_step_and_differs_by_view():
    model, x = model_of(network(rate=0.5)), views()
    x = jnp.repeat(x[:, :1], K, axis=1)
    variables = jax.jit(lambda: model.init(jax.random.key(0), x, train=False))()

    @jax.jit
    def trained(key):
        return model.apply(variables, x, train=True, mutable=["batch_stats"], rngs={"dropout": jax.random.key(key)})[0]

    np.testing.assert_array_equal(trained(1), trained(1))
    assert (trained(1) != trained(2)).any()
    assert (trained(1)[:, 0] != trained(1)[:, 1]).any()
    at_rest = model.apply(variables, x, train=False)
    np.testing.assert_array_equal(at_rest[:, 0], at_rest[:, 1])


def test_variables_of_other_kinds_are_refused():
    with pytest.raises(ValueError, match="Counter keeps count, a variable of the kind Variable: only Param and"):
        branched(FromNnx(lambda rngs: Counter(rngs=rngs)), branches=2).init(jax.random.key(0), views(), train=False)

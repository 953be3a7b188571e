"""Branches for modules that know nothing of them: K separate networks that share what is not normalisation's."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from sbn.nn import branched, from_batch_norm, to_batch_norm
from sbn.nn.branches import plain_branch
from sbn.nn.layout import MODES
from tests.nn.public_networks import PUBLIC, Dropped, ResNet
from tests.nn.separate import KEY, SIZE, K, N, is_own, separate_networks, together, views


@pytest.mark.parametrize(
    ("name", "split_affine"),
    [("resnet", True), ("resnet", False), ("transformer", True), ("dropped", True), ("scanned", True)],
)
def test_it_equals_separate_networks_in_forward_gradients_and_statistics(name, split_affine):
    network, scopes = PUBLIC[name]
    networks, mode = separate_networks(network, scopes, split_affine=split_affine)
    variables = together(networks, scopes, split_affine=split_affine)
    model, x = branched(network, branches=K, split_affine=split_affine), views()
    weights = jnp.asarray(np.random.default_rng(2).normal(size=(N, K, 5)), jnp.float32)

    @jax.jit
    def ours(params, x):
        def loss(params, x):
            logits, updates = model.apply(
                {**variables, "params": params}, x, train=True, mutable=["batch_stats"], rngs={"dropout": KEY}
            )
            return (jnp.sin(logits) * weights).sum(), (logits, updates)

        return jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)(params, x)

    @jax.jit
    def alone(own, x, weights, key):
        def loss(params, x):
            logits, updates = network.apply(
                {**own, "params": params}, x, **{mode: MODES[mode]}, mutable=["batch_stats"], rngs={"dropout": key}
            )
            return (jnp.sin(logits) * weights).sum(), (logits, updates)

        return jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)(own["params"], x)

    (_, (logits, updates)), (grads, to_x) = ours(variables["params"], x)
    found = []
    for k, own in enumerate(networks):
        key = jax.random.fold_in(KEY, k) if k else KEY
        (_, (want, new)), (own_grads, want_x) = alone(own, x[:, k], weights[:, k], key)
        # The same float32 arithmetic in two programs; a sum of a hundred numbers moves by a few of its last bits
        np.testing.assert_allclose(logits[:, k], want, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(to_x[:, k], want_x, rtol=1e-5, atol=1e-5)
        jax.tree.map(lambda a, b, k=k: np.testing.assert_allclose(a[k], b, rtol=1e-5, atol=1e-5), updates, new)
        found.append(flatten_dict({"params": own_grads}))
    for path, leaf in flatten_dict({"params": grads}).items():
        parts = [flat[path] for flat in found]
        want = np.stack(parts) if is_own(path, scopes, split_affine=split_affine) else np.sum(parts, axis=0)
        np.testing.assert_allclose(leaf, want, rtol=1e-4, atol=1e-4 * max(1, np.abs(want).max()), err_msg=str(path))


def test_the_first_view_has_the_bits_of_the_plain_module():
    model, x = branched(Dropped(), branches=2), views(count=2)
    variables = model.init(KEY, x, train=False)
    plain = Dropped().init(KEY, x[:, 0], training=False)
    jax.tree.map(np.testing.assert_array_equal, plain_branch(variables, 1), plain)
    rngs = {"dropout": jax.random.key(1)}
    got = model.apply(variables, x, train=True, mutable=["batch_stats"], rngs=rngs)[0][:, 0]
    np.testing.assert_array_equal(got, Dropped().apply(plain, x[:, 0], True, mutable=["batch_stats"], rngs=rngs)[0])


def test_views_may_differ_in_size_and_go_through_any_branches_one_after_the_other():
    model, x = branched(ResNet(), branches=2), views(count=2)
    variables = model.init(KEY, x, train=False)
    sizes = (x[:, 0], x[:, 1, :6, :6])
    logits, updates = model.apply(variables, sizes, train=True, mutable=["batch_stats"])
    assert logits.shape == (N, 2, 5)
    for k, view in enumerate(sizes):
        one = model.apply(variables, view[:, None], train=True, through=(k,), mutable=["batch_stats"])
        np.testing.assert_allclose(logits[:, k], one[0][:, 0], atol=1e-5)
        mine = one[1]["batch_stats"]
        jax.tree.map(lambda a, b, k=k: np.testing.assert_allclose(a[k], b[k], atol=1e-6), mine, updates["batch_stats"])
        jax.tree.map(
            lambda a, b, k=k: np.testing.assert_array_equal(a[1 - k], b[1 - k]), mine, variables["batch_stats"]
        )
    # twice through one branch: the second pass goes on from the statistics that the first leaves
    _, twice = model.apply(variables, x, train=True, through=(1, 1), mutable=["batch_stats"])
    stats = variables
    for k in (0, 1):
        _, stats = model.apply(
            {**variables, **stats}, x[:, k : k + 1], train=True, through=(1,), mutable=["batch_stats"]
        )
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), twice, stats)


class Dense(nn.Module):
    """Outputs of the size of the input."""

    @nn.compact
    def __call__(self, image, mask, train):
        return {"map": nn.BatchNorm(use_running_average=not train)(nn.Conv(2, (3, 3))(image)) * mask[..., None]}


def test_several_inputs_and_trees_of_outputs():
    model, x = branched(Dense(), branches=2), views(count=2)
    variables = model.init(KEY, x, x[..., 0], train=False)
    whole = model.apply(variables, x, x[..., 0], train=False)
    assert whole["map"].shape == (N, 2, SIZE, SIZE, 2)
    small = (x[:, 0], x[:, 1, :4, :4])
    parts = model.apply(variables, small, tuple(view[..., 0] for view in small), train=False)
    assert [part["map"].shape for part in parts] == [(N, SIZE, SIZE, 2), (N, 4, 4, 2)]


@pytest.mark.parametrize("mode", MODES)
def test_training_has_many_names(mode):
    def call(self, x, **modes):
        return nn.BatchNorm(use_running_average=modes[mode] != MODES[mode])(x)

    source = f"def __call__(self, x, {mode}):\n    return call(self, x, {mode}={mode})"
    space = {"call": call}
    exec(source, space)
    module = type("Net", (nn.Module,), {"__call__": nn.compact(space["__call__"])})()
    model, x = branched(module, branches=2), views(count=2)
    variables = model.init(KEY, x, train=False)
    trained = model.apply(variables, x, train=True, mutable=["batch_stats"])[0]
    np.testing.assert_allclose(trained.mean((0, 2, 3)), 0, atol=1e-5)
    assert float(jnp.abs(model.apply(variables, x, train=False).mean((0, 2, 3))).min()) > 0.1


def test_it_nests_as_a_flax_module():
    class Outer(nn.Module):
        @nn.compact
        def __call__(self, x, *, train):
            return nn.Dense(2, name="after")(branched(Dropped(), branches=2)(x, train=train))

    x = views(count=2)
    rngs = {"params": KEY, "dropout": KEY}
    (y, variables) = Outer().init_with_output(rngs, x, train=True)
    assert y.shape == (N, 2, 2)
    assert set(variables["params"]) == {"after", "Branched_0"}
    _, updates = Outer().apply(variables, x, train=True, mutable=["batch_stats"], rngs={"dropout": KEY})
    moved = jax.tree.map(lambda a, b: bool((a != b).all()), updates["batch_stats"], variables["batch_stats"])
    assert all(jax.tree.leaves(moved))


def test_checkpoints_of_the_plain_module_come_in_and_go_out():
    model, x = branched(ResNet(), branches=2), views(count=2)
    plain = ResNet().init(KEY, x[:, 0])
    like = jax.eval_shape(lambda: model.init(KEY, x, train=False))
    loaded = from_batch_norm(plain, like=like)
    np.testing.assert_allclose(
        model.apply(loaded, x, train=False)[:, 1], ResNet().apply(plain, x[:, 1], train=False), atol=1e-5
    )
    jax.tree.map(np.testing.assert_array_equal, to_batch_norm(loaded, 1, like=plain), plain)


class Cached(nn.Module):
    @nn.compact
    def __call__(self, x, train):
        self.variable("cache", "seen", jnp.zeros, ())
        return x


class Modeless(nn.Module):
    @nn.compact
    def __call__(self, x):
        return nn.BatchNorm(use_running_average=False)(x)


@pytest.mark.parametrize(
    ("module", "call", "words"),
    [
        (Cached(), {}, "Cached keeps variables in 'cache'"),
        (Modeless(), {}, "Modeless.__call__ has none of the arguments train, training, is_training, deterministic"),
        (ResNet(), {"through": (0,)}, r"views of shape \(6, 2, 8, 8, 3\), but 1 branches take \(N, 1, ...\)"),
        (ResNet(), {"through": (0, 2)}, "branch 2 is not one of 0, 1"),
    ],
)
def test_what_can_have_no_branches_is_refused_in_one_line(module, call, words):
    with pytest.raises(ValueError, match=words) as caught:
        branched(module, branches=2).init(KEY, views(count=2), train=False, **call)
    assert "\n" not in str(caught.value)


def test_what_is_no_module_is_refused():
    with pytest.raises(TypeError, match=r"not a flax\.linen module"):
        branched(ResNet, branches=2)
    with pytest.raises(ValueError, match="branches 0 is below 1"):
        branched(ResNet(), branches=0)

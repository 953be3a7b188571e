"""Branches for modules that know nothing of them: K separate networks that share what is not normalisation's."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict, unflatten_dict

from sbn.nn import (
    BranchNorm,
    branch_count,
    branched,
    from_batch_norm,
    from_plain,
    put_branches,
    select_branch,
    take_branches,
    to_batch_norm,
)
from sbn.nn.branches import plain_branch
from sbn.nn.layout import MODES
from sbn.nn.native import Native
from tests.nn.public_networks import PUBLIC, Dropped, ResNet, Transformer

N, K, SIZE = 6, 3, 8
KEY = jax.random.key(5)


def views(seed=0, count=K):
    rng = np.random.default_rng(seed)
    spread = rng.uniform(0.5, 2, (1, count, 1, 1, 3))
    return jnp.asarray(rng.normal(size=(N, count, SIZE, SIZE, 3)) * spread + spread, jnp.float32)


def is_own(path, scopes, *, split_affine=True):
    """Written down here, not asked of the code."""
    named = any(part.startswith(scope) for part in path for scope in scopes)
    return path[0] == "batch_stats" or (split_affine and named)


def separate_networks(network, scopes, *, split_affine=True):
    """Variables of K plain networks: random, different in what is a branch's own, the same in the rest."""
    mode = (
        "deterministic" if isinstance(network, Transformer) else "training" if isinstance(network, Dropped) else "train"
    )
    shapes = jax.eval_shape(lambda: network.init(KEY, views()[:, 0], **{mode: MODES[mode] is False}))
    rng = np.random.default_rng(1)

    def draw(leaf):
        return jnp.asarray(rng.uniform(0.2, 1.0, leaf.shape), jnp.float32)

    first = {path: draw(leaf) for path, leaf in flatten_dict(shapes).items()}
    every = [
        {path: draw(leaf) if is_own(path, scopes, split_affine=split_affine) else leaf for path, leaf in first.items()}
        for _ in range(K)
    ]
    return [unflatten_dict(flat) for flat in every], mode


def together(networks, scopes, *, split_affine=True):
    """The same as variables of one network of K branches."""
    flats = [flatten_dict(variables) for variables in networks]
    return unflatten_dict(
        {
            path: jnp.stack([flat[path] for flat in flats]) if is_own(path, scopes, split_affine=split_affine) else leaf
            for path, leaf in flats[0].items()
        }
    )


@pytest.mark.parametrize(
    ("name", "split_affine"), [("resnet", True), ("resnet", False), ("transformer", True), ("dropped", True)]
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


@pytest.mark.parametrize("name", PUBLIC)
def test_the_layout_is_what_normalises_and_nothing_that_looks_like_it(name):
    network, scopes = PUBLIC[name]
    model = branched(network, branches=K)
    variables = jax.eval_shape(lambda: model.init(KEY, views(), train=False))
    layout = model.layout(views()[:, 0])
    assert layout == {path for path in flatten_dict(variables) if is_own(path, scopes)}
    for path, leaf in flatten_dict(variables).items():
        assert (leaf.shape[0] == K and leaf.ndim == 2) or path not in layout
    assert branch_count(variables, layout=layout) == K
    if name == "transformer":  # whose variables alone can't tell: a scale of 2 heads
        with pytest.raises(ValueError, match="leaves disagree about the number of branches"):
            branch_count(variables)


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


def test_tools_for_the_branch_axis_take_the_layout():
    network, scopes = PUBLIC["transformer"]
    variables = together(separate_networks(network, scopes)[0], scopes)
    model = branched(network, branches=K)
    layout = model.layout(views()[:, 0])
    one = select_branch(variables, 1, layout=layout)
    want = model.apply(variables, views(), train=False)[:, 1]
    alone = branched(network, branches=1).apply(one, views()[:, 1:2], train=False)[:, 0]
    np.testing.assert_allclose(alone, want, atol=1e-5)
    plain = plain_branch(variables, 1, layout=layout)
    np.testing.assert_allclose(network.apply(plain, views()[:, 1], deterministic=True), want, atol=1e-5)
    assert branch_count(from_plain(one, 4, layout=layout), layout=layout) == 4
    two = take_branches(variables, [2, 0], layout=layout)
    back = put_branches(variables, two, [2, 0], layout=layout)
    jax.tree.map(np.testing.assert_array_equal, back, variables)


def test_checkpoints_of_the_plain_module_come_in_and_go_out():
    model, x = branched(ResNet(), branches=2), views(count=2)
    plain = ResNet().init(KEY, x[:, 0])
    like = jax.eval_shape(lambda: model.init(KEY, x, train=False))
    loaded = from_batch_norm(plain, like=like)
    np.testing.assert_allclose(
        model.apply(loaded, x, train=False)[:, 1], ResNet().apply(plain, x[:, 1], train=False), atol=1e-5
    )
    jax.tree.map(np.testing.assert_array_equal, to_batch_norm(loaded, 1, like=plain), plain)


def test_own_names_further_parameters():
    class Scaled(nn.Module):
        @nn.compact
        def __call__(self, x):
            return nn.LayerNorm()(x) * self.param("gain", nn.initializers.ones, (3,))

    def own(patterns):
        return {"/".join(path[1:]) for path in branched(Scaled(), branches=2, own=patterns).layout(views()[:, 0])}

    assert own(None) == {"LayerNorm_0/scale", "LayerNorm_0/bias"}
    assert own(("gain",)) == {"gain"}
    assert own(("*",)) == {"gain", "LayerNorm_0/scale", "LayerNorm_0/bias"}
    assert own(()) == set()
    with pytest.raises(ValueError, match="no parameter of Scaled is called 'gian'; it has LayerNorm_0/bias"):
        own(("gian",))


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


class OfViews(nn.Module):
    """A module on (N, K, ...) with layers of ours."""

    branches: int

    @nn.compact
    def __call__(self, x, *, train):
        x = BranchNorm(self.branches)(nn.Conv(4, (3, 3))(x), train=train)
        return nn.Dense(5)(nn.relu(x).mean((2, 3)))


def test_a_module_that_takes_the_views_itself_is_taken_as_it_is():
    model, x = Native(OfViews(2), 2), views(count=2)
    variables = model.init(KEY, x, train=False)
    jax.tree.map(np.testing.assert_array_equal, variables, OfViews(2).init(KEY, x, train=False))
    logits, updates = model.apply(variables, x, train=True, mutable=["batch_stats"])
    want, new = OfViews(2).apply(variables, x, train=True, mutable=["batch_stats"])
    np.testing.assert_array_equal(logits, want)
    jax.tree.map(np.testing.assert_array_equal, updates, new)
    one, updates = model.apply(variables, x[:, 1:], train=True, through=(1,), mutable=["batch_stats"])
    np.testing.assert_allclose(one[:, 0], want[:, 1], atol=1e-5)
    old, got = variables["batch_stats"]["BranchNorm_0"], updates["batch_stats"]["BranchNorm_0"]
    np.testing.assert_array_equal(got["mean"][0], old["mean"][0])
    assert (got["mean"][1] != old["mean"][1]).all()

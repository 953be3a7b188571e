"""What holds for every network: equality with a slow NumPy one, branches, precision, taps, Fixup's start."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from sbn.models.make import MODELS
from sbn.models.network import STREAMS, init_variables
from sbn.models.wide_resnet import WideResNet
from sbn.nn.branched import Branched
from sbn.nn.branches import branch_count, plain_branch, select_branch
from sbn.nn.initialisers import INITIALISATIONS
from sbn.tasks.passes import heads
from tests import compiling
from tests.models import slow_networks
from tests.models.variables import SMALL, K, apply, images, initial, plain, random_variables, small

# a network of cells takes half a minute to trace and to compile
NAMES = [pytest.param(name, marks=pytest.mark.slow) if name == "pdarts" else name for name in MODELS]
TRAINING = {stream: jax.random.key(7) for stream in STREAMS}


@functools.partial(jax.jit, static_argnums=0)
def trained(network, variables, x):
    """Logits, of all heads added up, and new statistics of a training pass."""
    outputs, updates = network.apply(variables, x, train=True, mutable=["batch_stats"], rngs=TRAINING)
    return sum(heads(outputs)), updates


@pytest.mark.parametrize(
    ("name", "fields", "size"),
    [
        ("wide_resnet", {}, 8),
        ("wide_resnet", {"shortcut": "conv", "width": 2, "depth": 16}, (9, 7)),
        ("wide_resnet", {"group_skips": True, "width": 2}, (9, 7)),
        pytest.param("wide_resnet", {"norm": "none"}, 8, marks=pytest.mark.slow),
        ("wide_resnet", {"norm": "none", "shortcut": "conv", "width": 2}, (9, 7)),
        ("wide_resnet", {"norm": "split_stats"}, 8),
        ("preact_resnet", {"depth": 18}, (9, 14)),
        ("preact_resnet", {"final_norm": True, "stem_stride": 2}, 17),
        ("preact_resnet", {"norm": "none", "final_norm": True}, 8),
        ("shake_shake", {"depth": 14}, (9, 7)),
        ("shake_shake", {"norm": "none"}, 8),
        ("cifar_resnet", {"depth": 14}, (9, 7)),
        pytest.param("cifar_resnet", {"shortcut": "conv", "norm": "split_stats"}, 8, marks=pytest.mark.slow),
        pytest.param("cifar_resnet", {"norm": "none"}, (9, 7), marks=pytest.mark.slow),
        ("cifar_resnet", {"norm": "none", "shortcut": "conv"}, 8),
        ("imagenet_resnet", {"depth": 18}, (33, 40)),
        ("imagenet_resnet", {}, 32),
        ("imagenet_resnet", {"norm": "none"}, (33, 40)),
        pytest.param("pdarts", {}, (9, 14), marks=pytest.mark.slow),
        pytest.param("pdarts", {"norm": "none", "depth": 11}, 8, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_forward_equals_the_slow_network(name, fields, size):
    network, x = small(name, **fields), images(size, n=2)
    v = random_variables(network)
    logits = apply(network, v, x)
    assert logits.shape == (2, K, 5)
    described = {field: value for field, value in {**SMALL[name], **fields}.items() if field != "norm"}
    for k in range(K):
        want = getattr(slow_networks, name)(plain(v, k), np.asarray(x[:, k], np.float64), **described)
        # float32 through ten to twenty layers, relative to the largest logit; a wrong detail moves it by percents
        np.testing.assert_allclose(logits[:, k], want, rtol=0, atol=2e-5 * np.abs(want).max())


# Branches are made around networks, and know nothing of them: two networks show it, the others do when asked.
@pytest.fixture(
    scope="module",
    params=[
        name if name in ("wide_resnet", "imagenet_resnet") else pytest.param(name, marks=pytest.mark.slow)
        for name in MODELS
    ],
)
def case(request):
    """A network of two branches with random variables, images, and both of its passes."""
    network, x = small(request.param), images(16)
    v = random_variables(network)
    return network, v, x, apply(network, v, x), trained(network, v, x)


def test_a_branch_sees_nothing_of_the_other(case):
    network, v, x, logits, (train_logits, updates) = case
    other = x.at[:, 1].set(-x[::-1, 1])
    new = apply(network, v, other)
    np.testing.assert_array_equal(new[:, 0], logits[:, 0])
    assert float(jnp.abs(new[:, 1] - logits[:, 1]).max()) > 1e-3
    new, new_updates = trained(network, v, other)
    np.testing.assert_array_equal(new[:, 0], train_logits[:, 0])
    moved = jax.tree.map(lambda a, b: (a != b).any(-1), updates, new_updates)
    for leaf in jax.tree.leaves(moved):
        assert not leaf[0]
    assert any(leaf[1] for leaf in jax.tree.leaves(moved))


def test_a_selected_branch_is_a_plain_network(case):
    network, v, x, logits, _ = case
    assert branch_count(v) == K
    assert branch_count({"params": v["params"]}) == K
    for k in range(K):
        alone = apply(network.clone(branches=1), select_branch(v, k), x[:, k : k + 1])
        # another batch size, and with it another order of float32 sums
        np.testing.assert_allclose(alone[:, 0], logits[:, k], rtol=0, atol=1e-5 * float(jnp.abs(logits).max()))


def test_taps_see_and_replace_what_passes(case):
    network, v, x, logits, _ = case
    network, v, x, logits = network.network, plain_branch(v, 0), x[:, 0], logits[:, 0]
    order, seen = np.array([2, 0, 1]), {}

    @jax.jit
    def look(v, x):
        own = {}
        network.apply(v, x, train=False, tap=lambda name, y: own.setdefault(name, y))
        return own

    names = []
    jax.eval_shape(lambda: network.apply(v, x, train=False, tap=lambda name, y: (names.append(name), y)[1]))
    seen = look(v, x)
    first, *stages, last = names
    assert (first, last) == ("input", "features")
    assert set(network.mixing_points) <= set(names)
    assert network.mixing_points == tuple(names[:3])
    np.testing.assert_array_equal(seen["input"], x)
    blocks = {name for name in v["params"] if "block" in name}
    assert {name.split("_")[0] for name in blocks} == set(stages)
    head = v["params"]["head"]
    # of sums of up to 128 float32 numbers
    np.testing.assert_allclose(seen["features"] @ head["kernel"] + head["bias"], logits, rtol=2e-5)
    for point in (*stages[:2], "features"):
        # With running statistics no example sees another, so that swapping examples anywhere swaps the logits.
        swap = jax.jit(
            lambda v, x, point=point: network.apply(
                v, x, train=False, tap=lambda name, y: y[order] if name == point else y
            )
        )
        np.testing.assert_allclose(swap(v, x), logits[order], rtol=1e-5, atol=1e-5 * float(jnp.abs(logits).max()))


def test_stages_are_what_their_last_block_gives(case):
    network, v, x, _, _ = case
    network, v, x = network.network, plain_branch(v, 0), x[:, 0]
    seen = {}

    def look(v, x):
        _, state = network.apply(
            v, x, train=False, capture_intermediates=True, tap=lambda name, y: seen.setdefault(name, y)
        )
        inner = {name: value for name, value in seen.items() if name not in ("input", "features")}
        blocks = {name: [block for block in v["params"] if block.startswith(f"{name}_block")][-1] for name in inner}
        return {name: (value, state["intermediates"][blocks[name]]["__call__"][0]) for name, value in inner.items()}

    for tapped, block in jax.jit(look)(v, x).values():  # the last two of cells
        np.testing.assert_array_equal(tapped[..., -block.shape[-1] :], block)


@pytest.mark.parametrize("name", NAMES)
def test_bfloat16_computes_low_and_keeps_high(name):
    network, x = small(name, dtype=jnp.bfloat16).network, images(16)[:, 0]
    v = jax.eval_shape(lambda: network.init(jax.random.key(0), x, train=False))
    assert {leaf.dtype for leaf in jax.tree.leaves(v)} == {jnp.dtype("float32")}
    dtypes = {}

    def tap(point, y):
        dtypes[point] = y.dtype
        return y

    def run(v, x):
        return network.apply(v, x, train=True, tap=tap, mutable=["batch_stats"], rngs=TRAINING)

    outputs, updates = jax.eval_shape(run, v, x)
    assert {logits.dtype for logits in heads(outputs)} == {jnp.dtype("float32")}
    assert {leaf.dtype for leaf in jax.tree.leaves(updates)} == {jnp.dtype("float32")}
    high = {"input", "features"}
    assert {str(dtype) for point, dtype in dtypes.items() if point not in high} == {"bfloat16"}
    assert {str(dtypes[point]) for point in high} == {"float32"}
    none = network.clone(norm="none")
    v = jax.eval_shape(lambda: none.init(jax.random.key(0), x, train=False))
    jax.eval_shape(lambda v: none.apply(v, x, train=True, tap=tap, rngs=TRAINING), v)
    assert {str(dtype) for point, dtype in dtypes.items() if point not in high} == {"bfloat16"}


def test_bfloat16_is_near_float32(case):
    network, v, x, full, _ = case
    low = apply(network.clone(network=network.network.clone(dtype=jnp.bfloat16)), v, x)
    # bfloat16 rounds at 0.4 %, over ten layers
    np.testing.assert_allclose(low, full, rtol=0, atol=0.05 * float(jnp.abs(full).max()))
    assert not np.array_equal(low, full)


@pytest.mark.parametrize("name", NAMES)
def test_without_normalisation_the_branches_share_everything_and_the_network_starts_at_zero(name):
    network, x = small(name, norm="none"), images(16)
    v = initial(network, x)
    assert set(v) == {"params"}
    assert branch_count(v) == 0
    np.testing.assert_array_equal(apply(network, v, x), 0)
    scalars = {path: float(leaf) for path, leaf in flatten_dict(v["params"]).items() if leaf.ndim == 0}
    assert {value for path, value in scalars.items() if path[-1] == "bias"} == {0.0}
    assert {value for path, value in scalars.items() if path[-1] == "scale"} == {1.0}
    assert len(scalars) >= 5 * sum("block" in module for module in v["params"])
    alike = apply(network, random_variables(network), jnp.repeat(x[:, :1], K, axis=1))
    np.testing.assert_allclose(alike[:, 1], alike[:, 0], rtol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_shared_scales_and_biases_are_those_of_a_plain_network(name):
    shapes = [
        jax.eval_shape(lambda n=n: n.init(jax.random.key(0), jnp.zeros((1, n.branches, 32, 32, 3)), train=False))
        for n in (small(name, norm="split_stats"), small(name, branches=1))
    ]
    shared, alone = (sum(leaf.size for leaf in jax.tree.leaves(shape["params"])) for shape in shapes)
    assert shared == alone


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"initialiser": "he_fan_on"}, "unknown initialiser 'he_fan_on'; did you mean 'he_fan_in'"),
        ({"branches": 3}, r"3 branches take \(N, 3, ...\)"),
        ({"depth": 27}, "depth"),
    ],
)
def test_errors_name_what_is_wrong(name, fields, message):
    with pytest.raises(ValueError, match=message):
        small(name, **fields).init(jax.random.key(0), images(), train=False)


class Drawn(nn.Module):
    """Weights of every kind of draw that networks start with, each once."""

    @nn.compact
    def __call__(self, x, *, train):
        for name in ("autoaugment", "pytorch", "tpu"):
            x = nn.Conv(3, (3, 3), use_bias=False, kernel_init=INITIALISATIONS[name].conv)(x)
        return nn.Dense(5, use_bias=False, kernel_init=INITIALISATIONS["tpu"].head)(x.mean((1, 2)))


def test_weights_are_those_of_a_program_compiled_with_all_effort():
    """To the bit: it is the same program, and what compiles it faster may not round in another way."""
    network = Branched(Drawn(), K, split_affine=True)
    key = jax.random.key(4)
    found = init_variables(network, key, image_size=(16, 16))
    images = jnp.zeros((1, K, 16, 16, 3))
    short = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", False)
    try:
        expected = compiling.jit(lambda k: network.init(k, images, train=False))(key)
    finally:
        jax.config.update("jax_disable_most_optimizations", short)
    assert all((leaf != 0).any() for leaf in jax.tree.leaves(expected["params"]))
    jax.tree.map(np.testing.assert_array_equal, found["params"], expected["params"])


def test_an_unknown_layer_that_normalises_is_refused():
    with pytest.raises(ValueError, match=r"unknown norm\.layer 'bacth'; did you mean 'batch'"):
        WideResNet(classes=5, depth=10, norm="bacth").init(jax.random.key(0), jnp.zeros((1, 8, 8, 3)), train=False)


def test_shapes_of_weights_are_told_without_compiling_anything():
    network = small("wide_resnet")
    shapes = jax.eval_shape(lambda k: init_variables(network, k, image_size=(16, 16)), jax.random.key(0))
    assert shapes["params"]["head"]["kernel"].shape[-1] == network.network.classes

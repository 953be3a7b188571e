"""ResNets: published parameter counts, shortcuts, starts at zero, and Fixup's rules."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from sbn.models.resnet import CifarResNet, ImageNetResNet
from sbn.nn.branches import plain_branch
from tests.models.variables import images, initial, made, parameters, shapes_of, small


@pytest.mark.parametrize(
    ("depth", "fields", "published"),
    [
        (32, {}, 464_154),
        (32, {"shortcut": "conv"}, 466_906),
        (32, {"norm": "none"}, 461_959),
        # depth is a loop: what is true of 32 layers and of 56 is of 110
        pytest.param(110, {}, 1_727_962, marks=pytest.mark.slow),
        pytest.param(110, {"shortcut": "conv"}, 1_730_714, marks=pytest.mark.slow),
        pytest.param(110, {"norm": "none"}, 1_720_138, marks=pytest.mark.slow),
        # rounded in He et al. 2016, Table 6: 0.27 M and 0.85 M
        (20, {}, 269_722),
        (56, {}, 853_018),
    ],
)
def test_cifar_parameter_counts_are_the_published_ones(depth, fields, published):
    assert parameters("cifar_resnet", classes=10, depth=depth, **fields) == published


@pytest.mark.parametrize(
    ("depth", "published"),
    [
        (18, 11_689_512),
        (34, 21_797_672),
        (50, 25_557_032),
        pytest.param(101, 44_549_160, marks=pytest.mark.slow),
        pytest.param(152, 60_192_808, marks=pytest.mark.slow),
    ],
)
def test_imagenet_parameter_counts_are_the_published_ones(depth, published):
    assert parameters("imagenet_resnet", classes=1000, depth=depth) == published


@pytest.mark.parametrize(
    ("network", "channels"),
    [
        (made(CifarResNet, depth=32, classes=10, branches=3), 1_136),
        pytest.param(made(CifarResNet, depth=110, classes=10, branches=3), 4_048, marks=pytest.mark.slow),
        (made(ImageNetResNet, depth=50, classes=10, branches=3), 26_560),
    ],
)
def test_every_branch_has_so_many_channels_to_normalise(network, channels):
    v = shapes_of(network)
    assert sum(leaf.size for leaf in jax.tree.leaves(v["batch_stats"])) == 3 * 2 * channels


@pytest.mark.parametrize("depth", [18, 50])
@pytest.mark.parametrize(("size", "last"), [(320, 10), (224, 7), (192, 6), (128, 4), (96, 3), (32, 1)])
def test_imagenet_networks_take_any_size(depth, size, last):
    network, seen = ImageNetResNet(depth=depth, classes=1000), {}

    def tap(name, x):
        seen[name] = x.shape
        return x

    x = jnp.zeros((1, size, size, 3))
    shapes = jax.eval_shape(lambda: network.init(jax.random.key(0), x, train=False, tap=tap))
    features = {18: 512, 50: 2048}[depth]
    assert seen["stage4"] == (1, last, last, features)
    assert shapes["params"]["head"]["kernel"].shape == (features, 1000)


def test_a_bottleneck_has_its_stride_in_the_3x3():
    network = ImageNetResNet(depth=50, classes=10)
    x = jnp.zeros((1, 64, 64, 3))
    _, state = jax.eval_shape(
        lambda: network.init_with_output(
            jax.random.key(0),
            x,
            train=False,
            capture_intermediates=True,
            mutable=["params", "batch_stats", "intermediates"],
        )
    )
    block = state["intermediates"]["stage2_block1"]
    assert [block[f"conv{n}"]["__call__"][0].shape[1:] for n in (1, 2, 3)] == [(16, 16, 128), (8, 8, 128), (8, 8, 512)]


@pytest.mark.parametrize(("name", "last"), [("cifar_resnet", "norm2"), ("imagenet_resnet", "norm3")])
def test_scales_that_start_at_zero_make_blocks_their_shortcuts(name, last):
    network, x = small(name, zero_last_scale=True), images()
    v = initial(network, x)
    for path, leaf in flatten_dict(v["params"]).items():
        if path[-1] == "scale":
            np.testing.assert_array_equal(leaf, float(path[-2] != last))
    if name == "cifar_resnet":
        seen = {}
        own = plain_branch(v, 0)
        network.network.apply(own, x[:, 0], train=False, tap=lambda point, y: seen.setdefault(point, y))
        np.testing.assert_array_equal(seen["stage2"][..., :4], seen["stage1"][:, ::2, ::2])
        np.testing.assert_array_equal(seen["stage2"][..., 4:], 0)


@pytest.mark.parametrize(
    ("network", "convolutions", "blocks"),
    [
        (made(CifarResNet, depth=14, classes=5, norm="none", shortcut="conv"), 2, 6),
        (made(ImageNetResNet, depth=14, width=16, classes=5, norm="none"), 3, 4),
    ],
    ids=["cifar", "imagenet"],
)
def test_fixup_weights_follow_the_rule(network, convolutions, blocks):
    v = initial(network, images(16, branches=1))
    for path, leaf in flatten_dict(v["params"]).items():
        if path[0] == "head" or path[-2:] == (f"conv{convolutions}", "kernel"):
            np.testing.assert_array_equal(leaf, 0)
        elif path[-1] == "kernel":
            size, _, _, channels = leaf.shape
            gain = blocks ** (-1 / (2 * convolutions - 2)) if path[-2].startswith("conv") else 1.0
            wanted = gain * math.sqrt(2 / (size**2 * channels))
            # the std of n draws is off by 1/sqrt(2n) of itself; five of those
            assert float(leaf.std()) == pytest.approx(wanted, rel=5 / math.sqrt(2 * leaf.size)), path


def test_fixup_blocks_start_as_the_identity_and_a_relu():
    network, x = small("cifar_resnet", norm="none", depth=14).network, images()[:, 0]
    v = initial(network, x)
    _, state = jax.jit(lambda v, x: network.apply(v, x, train=False, capture_intermediates=True))(v, x)
    parts = state["intermediates"]
    stem = np.maximum(parts["stem"]["__call__"][0], 0)
    out = {name: parts[name]["__call__"][0] for name in v["params"] if "block" in name}
    for block in ("stage1_block1", "stage1_block2"):
        np.testing.assert_array_equal(out[block], stem)
    np.testing.assert_array_equal(out["stage2_block1"][..., :4], stem[:, ::2, ::2])
    np.testing.assert_array_equal(out["stage2_block2"], out["stage2_block1"])
    np.testing.assert_array_equal(parts["head"]["__call__"][0], 0)


@pytest.mark.slow
def test_a_step_changes_a_fixup_network_as_much_whatever_its_depth():
    """The rule's reason: to first order a step changes the function by the squared gradients, summed over the blocks.

    Every block adds to that through its last convolution, as all others of its branch stand behind a zero; its
    gradient carries L^(-1/2), its square 1 / L. Without the rule the sum would grow with the depth.
    """
    x, totals = images(8, n=8, branches=1), []
    for depth in (8, 20):
        network = made(CifarResNet, depth=depth, width=16, classes=5, norm="none")
        v = initial(network, x)
        rng = np.random.default_rng(0)  # the same stem and the same head for all, the latter no longer 0
        params = {
            **v["params"],
            "stem": {"kernel": jnp.asarray(rng.normal(size=(3, 3, 3, 16)) / 12, jnp.float32)},
            "head": {"kernel": jnp.asarray(rng.normal(size=(64, 5)), jnp.float32), "bias": jnp.zeros(5)},
        }
        wanted = jnp.asarray(rng.normal(size=(8, 1, 5)), jnp.float32)
        grads = jax.jit(jax.grad(lambda p, n=network, w=wanted: (n.apply({"params": p}, x, train=True) * w).sum()))(
            params
        )
        blocks = [grads[name] for name in grads if "block" in name]
        assert all(not block["conv1"]["kernel"].any() for block in blocks)
        totals.append(float(sum((block["conv2"]["kernel"] ** 2).sum() for block in blocks)))
    # random first convolutions of 16 to 64 channels: within a third, where no rule gives 3 times as much
    np.testing.assert_allclose(totals, totals[0], rtol=1 / 3)


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        ("cifar_resnet", {"depth": 31}, r"depth 31 is not 6n \+ 2 .* the nearest is 32"),
        ("cifar_resnet", {"shortcut": "pool_pad"}, "unknown shortcut 'pool_pad'; did you mean 'pad'"),
        ("imagenet_resnet", {"depth": 51}, "unknown depth '51'; did you mean '50'|unknown depth '51'"),
    ],
)
def test_errors_name_what_is_wrong(name, fields, message):
    with pytest.raises(ValueError, match=message):
        small(name, **fields).init(jax.random.key(0), images(), train=False)

"""Every network against a PyTorch one with the same weights: logits, gradients and new running statistics.

Needs PyTorch, which nothing else here does: skipped where it is not installed.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from sbn.models.make import MODELS
from tests.models.variables import images, made, random_variables, shapes_of

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from tests.models import torch_networks  # noqa: E402  after the skip

SMALL = [
    ("wide_resnet", {"depth": 10, "width": 1, "shortcut": "conv"}, 8),
    ("wide_resnet", {"depth": 16, "width": 2, "shortcut": "conv", "fixup": True}, 8),
    ("preact_resnet", {"depth": 18, "width": 4}, 16),
    ("preact_resnet", {"depth": 10, "width": 4, "final_norm": True, "stem_stride": 2}, 32),
    ("preact_resnet", {"depth": 10, "width": 4, "fixup": True}, 16),
    ("cifar_resnet", {"depth": 14, "width": 4}, 16),
    ("cifar_resnet", {"depth": 14, "width": 4, "shortcut": "conv"}, 16),
    ("cifar_resnet", {"depth": 14, "width": 4, "fixup": True}, 16),
    ("imagenet_resnet", {"depth": 18, "width": 4}, 64),
    ("imagenet_resnet", {"depth": 14, "width": 4}, 64),
    ("imagenet_resnet", {"depth": 14, "width": 4, "fixup": True}, 64),
    # its auxiliary head takes 8 x 8 pixels, a quarter of the image's side
    ("pdarts", {"depth": 8, "width": 4}, 32),
]
FULL = [
    ("wide_resnet", {"depth": 28, "width": 10, "shortcut": "conv"}, 32),
    ("preact_resnet", {"depth": 18, "width": 64}, 32),
    ("shake_shake", {"depth": 26, "width": 96}, 32),
    ("cifar_resnet", {"depth": 32}, 32),
    ("cifar_resnet", {"depth": 110}, 32),
    ("cifar_resnet", {"depth": 110, "fixup": True}, 32),
    ("imagenet_resnet", {"depth": 18}, 64),
    ("imagenet_resnet", {"depth": 50}, 65),
    ("imagenet_resnet", {"depth": 101}, 64),
    ("pdarts", {"depth": 20, "width": 36}, 32),
]


def pair(name, fields, size):
    """Our network of one branch, its variables, the PyTorch one with the same weights, and images."""
    torch.manual_seed(0)
    theirs = getattr(torch_networks, name)(7, **fields)
    ours = {key: value for key, value in fields.items() if key != "fixup"}
    network = made(MODELS[name], classes=7, norm="none" if fields.get("fixup") else "split", **ours)
    variables = random_variables(network)
    torch_networks.load(theirs, plain_leaves(variables))
    x = images(size, n=4, branches=1)
    return network, variables, theirs, x, torch.from_numpy(np.asarray(x[:, 0]).transpose(0, 3, 1, 2).copy())


def plain_leaves(tree):
    """(collection, *path) -> float32 array without the K axis of scales, biases and statistics."""
    flat = {path: np.asarray(leaf) for path, leaf in flatten_dict(tree).items()}
    return {path: leaf[0] if path[-1] != "kernel" and leaf.ndim == 2 else leaf for path, leaf in flat.items()}


def _all_logits(found):
    """Those of the network, and of its auxiliary head where it has one."""
    return found if isinstance(found, tuple) else (found,)


def assert_near(ours, theirs, tolerance, scale=0.0):
    """Relative to the largest of the values, or to `scale` where that is larger."""
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance * max(np.abs(theirs).max(), scale))


@pytest.mark.parametrize(("name", "fields", "size"), [*SMALL, ("shake_shake", {"depth": 14, "width": 4}, 16)], ids=str)
def test_logits_equal_pytorchs(name, fields, size):
    network, variables, theirs, x, tx = pair(name, fields, size)
    theirs.eval()
    with torch.no_grad():
        want = theirs(tx).numpy()
    got = jax.jit(lambda v, x: network.apply(v, x, train=False))(variables, x)[:, 0]
    assert_near(got, want, 2e-5)  # float32 through twenty layers, summed in another order


@pytest.mark.slow
@pytest.mark.parametrize(("name", "fields", "size"), FULL, ids=str)
def test_logits_of_the_papers_networks_equal_pytorchs(name, fields, size):
    network, variables, theirs, x, tx = pair(name, fields, size)
    assert sum(p.numel() for p in theirs.parameters()) == sum(
        leaf.size for leaf in jax.tree.leaves(shapes_of(network)["params"])
    )
    theirs.eval()
    with torch.no_grad():
        want = theirs(tx).numpy()
    got = jax.jit(lambda v, x: network.apply(v, x, train=False))(variables, x)[:, 0]
    assert_near(got, want, 2e-4)  # float32 through up to 110 layers


@pytest.mark.parametrize(("name", "fields", "size"), SMALL, ids=str)
def test_gradients_and_statistics_of_training_equal_pytorchs(name, fields, size):
    network, variables, theirs, x, tx = pair(name, fields, size)
    theirs.train()
    weights = np.random.default_rng(2).normal(size=(4, 7)).astype(np.float32)
    sum((logits * torch.from_numpy(weights)).sum() for logits in _all_logits(theirs(tx))).backward()

    def loss(params):
        own = {**variables, "params": params}
        logits, updates = network.apply(own, x, train=True, mutable=["batch_stats"])
        return sum((own[:, 0] * weights).sum() for own in _all_logits(logits)), updates

    grads, updates = jax.jit(jax.grad(loss, has_aux=True))(variables["params"])
    params, buffers = dict(theirs.named_parameters()), dict(theirs.named_buffers())
    # A shift that the next batch statistics take away has no gradient, and both compute rounding errors: they are
    # measured by the network's gradients, which are a thousand times as large and more.
    scale = 1e-3 * max(float(p.grad.abs().max()) for p in params.values())
    seen = 0
    for path, leaf in plain_leaves({"params": grads, **updates}).items():
        name = torch_networks.torch_name(path[0], path[1:], leaf.ndim)
        of_gradient = path[0] == "params"
        want = params[name].grad if of_gradient else buffers[name]
        # float32 through twenty layers of batch statistics; a wrong detail moves them by percents
        assert_near(torch_networks.torch_layout(leaf), want.numpy(), 1e-3, scale if of_gradient else 0.0)
        seen += 1
    assert seen == len(params) + sum(name.endswith(("mean", "var")) for name in buffers)


@pytest.mark.parametrize("name", ["preact_resnet"])
def test_weights_start_as_pytorchs_own(name):
    """Spreads of every kernel, and of the last bias, beside those of PyTorch's default start."""
    torch.manual_seed(0)
    theirs = dict(torch_networks.preact_resnet(1000, depth=10, width=16).named_parameters())
    network = made(MODELS[name], classes=1000, depth=10, width=16)
    ours = network.init(jax.random.key(0), jnp.zeros((1, 1, 8, 8, 3)), train=False)
    for path, leaf in plain_leaves({"params": ours["params"]}).items():
        want = theirs[torch_networks.torch_name("params", path[1:], leaf.ndim)].detach().numpy()
        if path[-1] == "kernel" or path[1] == "head":
            # spreads of n uniform draws differ by 0.6 / sqrt(n) each
            assert leaf.std() == pytest.approx(want.std(), rel=4 / leaf.size**0.5)
        else:
            np.testing.assert_array_equal(leaf, want)

"""Fixup's scalars and its rule. tests/models/test_resnet.py has what they do to a network."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sbn.nn.fixup import Multiplier, Shift, gains


@pytest.mark.parametrize(
    ("blocks", "convolutions", "expected"),
    [
        (15, 2, (0.2582, 0.0)),  # ResNet-32
        (54, 2, (0.1361, 0.0)),  # ResNet-110
        (16, 3, (0.5, 0.5, 0.0)),  # ResNet-50
    ],
)
def test_the_rule_gives_the_published_factors(blocks, convolutions, expected):
    assert gains(blocks, convolutions) == pytest.approx(expected, abs=5e-5)


def test_one_convolution_has_no_rule():
    with pytest.raises(ValueError, match="1 convolutions"):
        gains(4, 1)


@pytest.mark.parametrize(
    ("module", "leaf", "start", "expected"),
    [(Shift(), "bias", 0.0, lambda x: x + 0.5), (Multiplier(), "scale", 1.0, lambda x: x * 0.5)],
    ids=["shift", "multiplier"],
)
def test_scalars_do_nothing_at_first_and_then_what_they_say(module, leaf, start, expected):
    x = jnp.asarray(np.random.default_rng(0).normal(size=(2, 2, 3, 3, 4)), jnp.float32)
    y, variables = module.init_with_output(jax.random.key(0), x)
    np.testing.assert_array_equal(y, x)
    assert float(variables["params"][leaf]) == start
    assert variables["params"][leaf].shape == ()
    half = {"params": {leaf: jnp.asarray(0.5)}}
    np.testing.assert_array_equal(module.apply(half, x), expected(x))
    low = module.apply(half, x.astype(jnp.bfloat16))
    assert low.dtype == jnp.bfloat16

"""The variants that a split step is held against are what they are called; nothing here is timed."""

import jax
import numpy as np
import pytest

from benchmarks import train_step
from sbn.config.errors import ConfigError


def test_plain_and_shared_are_one_branch_and_the_same_network():
    made = train_step.make_variants(10, 1)
    assert {name: model.branches for name, model in made.items()} == {
        "plain": 1,
        "split": 2,
        "shared": 1,
    }
    images = jax.random.normal(jax.random.key(1), (6, 1, 8, 8, 3))
    variables = train_step.init_variables(made["shared"], jax.random.key(0), image_size=(8, 8))

    shared, plain = (
        jax.jit(lambda v, m=made[name]: m.apply(v, images, train=True, mutable="batch_stats")[0])(variables)
        for name in ("shared", "plain")
    )
    np.testing.assert_allclose(shared, plain, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("wrong", "said"), [({"variants": "splt"}, "split"), ({"precision": "bf16"}, "bfloat16")])
def test_what_is_misspelt_is_named_with_the_nearest(wrong, said):
    settings = {"model": "10-1", "batch": 2, "rounds": 1, "steps": 1, "compiles": 1}
    with pytest.raises(ConfigError, match=said):
        train_step.bench(**{**settings, "variants": "split", "precision": "float32", **wrong})

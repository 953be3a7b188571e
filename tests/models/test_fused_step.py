"""One fused pass over both branches against one pass a branch, by whole training steps."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.nn import eight_devices as program


@pytest.fixture(scope="module")
def after_two_steps():
    results = []
    for loss in (program.fused, program.two_applies):
        step = jax.jit(program.make_step(loss))
        params, stats, x, labels = program.inputs()
        for _ in range(2):
            params, stats, _ = step(params, stats, x, labels)
        grads = jax.jit(jax.grad(loss, has_aux=True))(params, stats, x, labels)[0]
        results.append({"params": params, "stats": stats, "grads": grads})
    return results


@pytest.mark.parametrize("part", ["params", "stats", "grads"])
def test_fused_equals_two_applies_after_two_steps(after_two_steps, part):
    fused, two = (result[part] for result in after_two_steps)
    assert all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(fused))
    # O(1) numbers after two float32 steps; from here on ReLU amplifies the difference and it would tell nothing
    tolerance = {"params": 1e-6, "stats": 2e-6, "grads": 1e-6}[part]
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=tolerance), fused, two)


def test_the_branches_are_really_different(after_two_steps):
    mean = after_two_steps[0]["stats"]["final_norm"]["mean"]
    assert float(np.abs(mean[0] - mean[1]).max()) > 1e-3

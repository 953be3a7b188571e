"""Modules that take the views themselves."""

import flax.linen as nn
import jax
import numpy as np

from sbn.nn import BranchNorm
from sbn.nn.native import Native
from tests.nn.separate import KEY, views


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

"""Which variables have an axis of branches, and the tools that take that layout."""

import flax.linen as nn
import jax
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from sbn.nn import branch_count, branched, from_plain, put_branches, select_branch, take_branches
from sbn.nn.branches import plain_branch
from sbn.nn.layout import _found, find_layout
from tests.nn.public_networks import PUBLIC
from tests.nn.separate import KEY, K, is_own, separate_networks, together, views


@pytest.mark.parametrize("name", PUBLIC)
def test_the_layout_is_what_normalises_and_nothing_that_looks_like_it(name):
    network, scopes = PUBLIC[name]
    model = branched(network, branches=K)
    variables = jax.eval_shape(lambda: model.init(KEY, views(), train=False))
    layout = model.layout(views()[:, 0])
    assert layout == {path for path in flatten_dict(variables) if is_own(path, scopes)}
    for path, leaf in flatten_dict(variables).items():
        assert (leaf.shape[0] == K and leaf.ndim == (3 if name == "scanned" else 2)) or path not in layout
    assert branch_count(variables, layout=layout) == K
    if name == "transformer":  # whose variables alone can't tell: a scale of 2 heads
        with pytest.raises(ValueError, match="leaves disagree about the number of branches"):
            branch_count(variables)


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


def test_it_is_found_once_for_batches_of_all_sizes_and_again_for_images_of_another():
    class Own(nn.Module):
        @nn.compact
        def __call__(self, x, train):
            return nn.Dense(2)(nn.BatchNorm(use_running_average=not train)(x).mean((1, 2)))

    found = []
    for shape in ((1, 4, 4, 3), (5, 4, 4, 3), (5, 8, 8, 3)):
        find_layout(Own(), (jax.ShapeDtypeStruct(shape, np.float32),), {})
        found.append(_found.cache_info().misses)
    assert np.diff(found).tolist() == [0, 1]

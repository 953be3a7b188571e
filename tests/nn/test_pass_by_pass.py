"""A sum over passes whose gradient is taken pass by pass: the sum's gradient, for the memory of one pass."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sbn.nn.pass_by_pass import one_at_a_time, pass_by_pass
from sbn.train.step import COMPILER_OPTIONS

VIEWS = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)


def quadratic(number, params, carried, *, views):
    """Half of the square of w . x, with what is found and carried beside it."""
    product = params["norm"]["scale"] @ views[number]
    return jnp.square(product) / 2, (carried + product, {"product": product})


def total(params, views, start=0.0):
    ways = [functools.partial(quadratic, number, views=views) for number in range(len(views))]
    return pass_by_pass(ways, params, start)


PARAMS = {"norm": {"scale": jnp.arange(1.0, 5.0)}}
PRODUCTS = VIEWS.astype(np.float64) @ np.arange(1.0, 5.0)


def test_it_is_the_sum_with_what_goes_from_pass_to_pass():
    value, (carried, found) = jax.jit(total)(PARAMS, VIEWS, 2.0)
    np.testing.assert_allclose(value, np.square(PRODUCTS).sum() / 2, rtol=1e-6)
    np.testing.assert_allclose(carried, 2.0 + PRODUCTS.sum(), rtol=1e-6)
    np.testing.assert_allclose([one["product"] for one in found], PRODUCTS, rtol=1e-5)


@pytest.mark.parametrize("order", ["jit of grad", "grad of jit"])
def test_the_gradient_is_that_of_the_sum_also_of_values_from_around_it(order):
    def loss(params, views):
        value, found = total(params, 2 * views, 2.0)  # the views are a value of the traced function, and no argument
        return 3 * value, found

    gradient = (
        jax.jit(jax.grad(loss, has_aux=True)) if order == "jit of grad" else jax.grad(jax.jit(loss), has_aux=True)
    )
    gradients, (carried, found) = gradient(PARAMS, VIEWS)
    expected = 3 * 2 * (2 * PRODUCTS) @ VIEWS  # d/dw of 3 (w . 2x)^2 / 2
    np.testing.assert_allclose(gradients["norm"]["scale"], expected, rtol=1e-5)
    np.testing.assert_allclose(carried, 2.0 + 2 * PRODUCTS.sum(), rtol=1e-6)  # the passes before it are in it
    np.testing.assert_allclose([one["product"] for one in found], 2 * PRODUCTS, rtol=1e-5)


def temporary(loss, params):
    """Bytes of temporary memory of a compiled gradient, on a CPU with the order of passes kept."""
    lowered = jax.jit(jax.grad(loss)).lower(params)
    return lowered.compile(COMPILER_OPTIONS["cpu"]).memory_analysis().temp_size_in_bytes


def test_the_activations_of_one_pass_are_held_at_a_time():
    views = jax.random.normal(jax.random.key(0), (4, 512, 64))

    def one(number, params, carried):
        x = views[number] * params["norm"]["scale"]
        for weights in params["layers"]:
            x = jnp.tanh(x @ weights)
        return x.sum(), (carried, None)

    ways = [functools.partial(one, number) for number in range(len(views))]
    params = {"layers": jnp.ones((6, 64, 64)), "norm": {"scale": jnp.ones(64)}}
    single = temporary(lambda p: one(0, p, 0.0)[0], params)
    assert temporary(lambda p: sum(way(p, 0.0)[0] for way in ways), params) > 3 * single
    assert temporary(lambda p: pass_by_pass(ways, p, 0.0)[0], params) < 1.5 * single


def test_passes_wait_for_each_other_unless_they_need_not():
    def waits():
        found = str(jax.make_jaxpr(jax.grad(lambda p: total(p, VIEWS)[0]))(PARAMS))
        return found.count("optimization_barrier")

    assert waits() == len(VIEWS)
    with one_at_a_time(False):
        assert waits() == 0
        with one_at_a_time(True):
            assert waits() == len(VIEWS)
    assert waits() == len(VIEWS)


def products(params, x):
    """In bfloat16 as layers do it: parameters are float32, and narrowed where they are used."""
    narrow = {name: leaf.astype(jnp.bfloat16) for name, leaf in params.items()}
    once = (x @ narrow["narrow"]).astype(jnp.float32).sum() + (x.astype(jnp.float32) @ params["wide"]).sum()
    return once + jnp.square(x @ narrow["both"]).astype(jnp.float32).sum() + jnp.square(params["both"]).sum()


def test_gradients_are_added_in_the_type_in_which_passes_make_them():
    draw = np.random.default_rng(0).normal
    views = jnp.asarray(draw(size=(3, 64, 16)), jnp.bfloat16)
    names = ("narrow", "wide", "both", "unused")
    params = {name: jnp.asarray(draw(size=(16, 8)), jnp.float32) for name in names} | {"number": jnp.float32(1)}

    def one(number, params, carried):
        return products(params, views[number]), (carried, None)

    ways = [functools.partial(one, number) for number in range(3)]
    # op by op: within a program XLA may leave out roundings
    gradient = jax.grad(lambda p: pass_by_pass(ways, p, 0.0)[0])(params)
    own = [jax.grad(lambda p, number=number: one(number, p, 0.0)[0])(params) for number in range(3)]
    assert {leaf.dtype for leaf in gradient.values()} == {jnp.dtype("float32")}
    a, b, c = (each["narrow"] for each in own)
    narrow = [leaf.astype(jnp.bfloat16) for leaf in (a, b, c)]
    assert all((leaf.astype(jnp.float32) == each).all() for leaf, each in zip(narrow, (a, b, c), strict=True))
    summed = (narrow[0] + narrow[1]) + narrow[2]
    assert (gradient["narrow"] == summed.astype(jnp.float32)).all()
    assert (gradient["narrow"] != a + b + c).any()  # this is what float32 would have made of it
    for name in ("wide", "both"):  # whose gradient, or a part of it, is made in float32
        assert (gradient[name] == own[0][name] + own[1][name] + own[2][name]).all()
    assert not gradient["unused"].any()
    assert not gradient["number"]


def test_gradients_that_reach_less_far_are_added_in_float32():
    """The largest float16 is 65504."""

    def one(number, params, carried):
        return 40000 * params["a"].astype(jnp.float16).astype(jnp.float32), (carried, None)

    ways = [functools.partial(one, number) for number in range(2)]
    gradient = jax.jit(jax.grad(lambda p: pass_by_pass(ways, p, 0.0)[0]))({"a": jnp.float32(1)})
    assert gradient["a"] == 80000

"""A loss that is a sum over passes through a network, with the gradient of every pass taken right after it."""

import contextlib
import contextvars
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import traverse_util
from jax.extend import core

from sbn.nn.branches import AFFINE

Array = jax.Array
# (parameters, what goes from pass to pass) -> (loss (), (the latter anew, whatever else the pass finds))
Pass = Callable[[Any, Any], tuple[Array, tuple[Any, Any]]]
# A pass, which is given whatever else it reads as a third argument
Way = Callable[[Any, Any, Any], tuple[Array, tuple[Any, Any]]]

_ONE_AT_A_TIME = contextvars.ContextVar("one_at_a_time", default=True)


@contextlib.contextmanager
def one_at_a_time(wanted: bool) -> Iterator[None]:
    """Says whether a pass that is traced in here waits for the gradient of the one before.

    On one device that halves the memory of two passes. GPUs that share a batch exchange gradients once, as a sum, until
    when activations are held anyway; there waiting only keeps passes from exchanging their statistics together. The
    compiler of TPUs has passes exchange them together even so.

    Args:
        wanted: True, as it is outside of every such context, or False.
    """
    before = _ONE_AT_A_TIME.set(wanted)
    try:
        yield
    finally:
        _ONE_AT_A_TIME.reset(before)


def pass_by_pass(passes: Sequence[Pass], params: Any, carried: Any) -> tuple[Array, tuple[Any, list[Any]]]:
    """Returns the sum of the losses of several passes; what is kept for its gradient is the gradient itself.

    Differentiated as it stands, a sum over passes holds the activations of all passes until the last one is done. Here
    every pass makes its gradient before the next one begins, so that the activations of one pass are held at a time.
    The gradient is that of the sum over `params`, but for rounding; that it is to be differentiated once, backwards and
    by `params` alone, is what makes this possible. Gradients that passes make in bfloat16 are added in bfloat16: those
    of one large batch are held, and exchanged between devices, in it as well.

    Args:
        passes: in order; none of them may use another one's activations.
        params: a nested dict of parameters.
        carried: what every pass takes from the one before, as running statistics are: no gradient flows through it.

    Returns:
        the sum (), and (`carried` after the last pass, what every pass found).
    """

    ways, read = zip(*_closed(passes, params, carried), strict=True)
    return _summed(ways, params, carried, read)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _summed(ways: tuple[Way, ...], params: Any, carried: Any, read: tuple[Any, ...]) -> tuple[Array, tuple[Any, Any]]:
    losses, found = [], []
    for way, own in zip(ways, read, strict=True):
        loss, (carried, other) = way(params, carried, own)
        losses.append(loss)
        found.append(other)
    return sum(losses[1:], losses[0]), (carried, found)


def _with_gradient(ways: tuple[Way, ...], params: Any, carried: Any, read: tuple[Any, ...]) -> tuple[Any, Any]:
    losses, found, total = [], [], None
    for way, own in zip(ways, read, strict=True):
        (loss, (carried, other)), gradient = _value_and_gradient(way, params, carried, own)
        losses.append(loss)
        found.append(other)
        total = gradient if total is None else jax.tree.map(jnp.add, total, gradient)
        if _ONE_AT_A_TIME.get():
            params = _after(params, gradient)
    total = jax.tree.map(lambda leaf, param: leaf.astype(param.dtype), total, params)
    return (sum(losses[1:], losses[0]), (carried, found)), total


def _value_and_gradient(way: Way, params: Any, carried: Any, own: Any) -> tuple[Any, Any]:
    """What `jax.value_and_grad` gives, but gradients that are widened at the end, as they were before."""
    function = jax.value_and_grad(way, has_aux=True)
    closed, shapes = jax.make_jaxpr(function, return_shape=True)(params, carried, own)
    outputs = core.jaxpr_as_fun(closed)(*jax.tree.leaves((params, carried, own)))
    widened: dict[Any, Any] = {
        equation.outvars[0]: equation.invars[0].aval
        for equation in closed.jaxpr.eqns
        if equation.primitive.name == "convert_element_type"
    }
    made = [widened.get(output) if isinstance(output, core.Var) else None for output in closed.jaxpr.outvars]
    narrowed = [_as_before(output, aval) for output, aval in zip(outputs, made, strict=True)]
    form = jax.tree.structure(shapes)
    return jax.tree.unflatten(form, outputs)[0], jax.tree.unflatten(form, narrowed)[1]


def _as_before(leaf: Array, made: Any) -> Array:
    """The leaf in bfloat16 where it was converted from that, which loses nothing, and whose sums reach as far."""
    narrow = made is not None and made.dtype == jnp.bfloat16 and leaf.dtype == jnp.float32
    return leaf.astype(jnp.bfloat16) if narrow else leaf


def _back(ways: tuple[Way, ...], total: Any, cotangents: tuple[Array, Any]) -> tuple[Any, None, None]:
    return jax.tree.map(lambda leaf: leaf * cotangents[0].astype(leaf.dtype), total), None, None


_summed.defvjp(_with_gradient, _back)


def _closed(passes: Sequence[Pass], params: Any, carried: Any) -> Iterator[tuple[Way, Any]]:
    """Every pass as a function of all that it reads, and what that is beside its arguments.

    Batches, keys and the like are values of the function that is being traced around the pass; `jax.custom_vjp` takes
    them as arguments alone.
    """
    for one in passes:
        closed, shapes = jax.make_jaxpr(one, return_shape=True)(params, carried)
        carried = shapes[1][0]
        yield functools.partial(_evaluated, closed.jaxpr, jax.tree.structure(shapes)), closed.consts


def _evaluated(jaxpr: core.Jaxpr, form: Any, params: Any, carried: Any, read: Sequence[Any]) -> Any:
    function = core.jaxpr_as_fun(core.ClosedJaxpr(jaxpr, read))
    return jax.tree.unflatten(form, function(*jax.tree.leaves((params, carried))))


def _after(params: Any, gradient: Any) -> Any:
    """The parameters, for a next pass that begins once this gradient is there: compilers would mix the two.

    Waited for are the gradients of scales and biases that normalise. They come last of all, and are whole on every
    device, as normalising has exchanged them; a device's share of any other gradient would have to be exchanged at this
    point, where the sum over passes is exchanged once. A network without them waits for what is as small.
    """
    flat = traverse_util.flatten_dict(gradient)
    known = [leaf for path, leaf in flat.items() if path[-1] in AFFINE and (*path[:-1], "scale") in flat]
    return jax.lax.optimization_barrier((params, known or [leaf for leaf in flat.values() if leaf.ndim < 2]))[0]

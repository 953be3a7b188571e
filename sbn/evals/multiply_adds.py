"""Multiply-adds of a function: what papers call a network's FLOPs. Counted, and the same on any device."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import jax


def multiply_adds(function: Callable[..., Any], *arguments: Any) -> int:
    """Returns the products that the convolutions and matrix products of `function` add up.

    As is usual a convolution's zeros of padding count like pixels, and sums, scales and activations do not count.

    Args:
        function: of arrays.
        arguments: of it, or their shapes.
    """
    return _count(jax.make_jaxpr(function)(*arguments).jaxpr)


def _count(jaxpr: Any) -> int:
    total = 0
    for equation in jaxpr.eqns:
        name, parameters = equation.primitive.name, equation.params
        shapes = [getattr(variable.aval, "shape", ()) for variable in (*equation.invars, *equation.outvars)]
        if name == "conv_general_dilated":
            _, kernel, made = shapes
            features = kernel[parameters["dimension_numbers"].rhs_spec[0]]
            total += math.prod(made) * math.prod(kernel) // features
        elif name == "dot_general":
            left, _, made = shapes
            (contracted, _), _ = parameters["dimension_numbers"]
            total += math.prod(made) * math.prod(left[axis] for axis in contracted)
        times = parameters["length"] if name == "scan" else 1
        total += times * sum(_count(inner) for inner in _inner(parameters))
    return total


def _inner(parameters: dict[str, Any]) -> Iterator[Any]:
    """The functions that an equation calls."""
    for value in parameters.values():
        for part in value if isinstance(value, tuple | list) else (value,):
            inner = getattr(part, "jaxpr", part)
            if hasattr(inner, "eqns"):
                yield inner

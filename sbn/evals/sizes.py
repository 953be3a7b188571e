"""One network at several image sizes, each through the branch trained at it (Consistent Normalization, Table 5).

Test images are resized as `resize` does, from the size at which they are evaluated otherwise. A size that no view was
trained at goes through the first branch, and every size does besides: the price of leaving the others at home. The cost
of a size is its multiply-adds: what papers call a network's FLOPs; counted, and the same on any device.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import numpy as np

from sbn.augment.size_ops import sizes, variants
from sbn.evals.augmented import Augmented, make_augment
from sbn.evals.base import Materials
from sbn.evals.predictions import Predict, of_branches
from sbn.evals.scores import Labelled, Scorer, named
from sbn.tasks.base import Variables


class Sizes:
    """Yields `test_SIZE/BRANCH/` accuracy, top5_accuracy and loss, and `model/size_SIZE/multiply_adds` of an image.

    As arrays (S,): `sizes/own/accuracy`, of each size's branch, `sizes/BRANCH/accuracy` of the first branch, where it
    is not every size's own, `sizes/multiply_adds` and `sizes/sizes`, descending.

    Args:
        materials: the parts of the run.
        sizes: sides in pixels of the test images; empty: those that the views of the last stage have.
    """

    def __init__(self, materials: Materials, *, sizes: Sequence[int]) -> None:
        self._task, self._test = materials.image_task("sizes", "classes"), materials.test
        trained = trained_at(materials)
        self._own = {size: trained.get(size, 0) for size in sorted(sizes or trained, reverse=True)}
        config, branches = materials.config, self._task.branches
        self._augments, self._measures = {}, {}
        for size, own in self._own.items():
            shape = self._test.images.shape[1:3]
            self._augments[size] = make_augment(config, f"resize({size})", image_size=shape, key="eval.sizes.sizes")
            which = tuple(dict.fromkeys((own, 0)))
            predict = Predict(
                self._task,
                materials.mesh,
                batch_size=config.eval.batch_size,
                forward=of_branches(self._task, which),
            )
            names = [branches[branch] for branch in which]
            self._measures[size] = Scorer(predict, branches=names, mix=(), average=config.eval.average)

    def __call__(self, variables: Variables) -> Iterator[tuple[str, float | np.ndarray]]:
        """Yields (name, value) pairs."""
        own, first, costs = [], [], []
        for size, measure in self._measures.items():
            images = Augmented(self._test, self._augments[size], draw=0)
            sets = {"test": Labelled.of(images, self._test.labels)}
            found = measure(variables, sets, what=f"sizes, {size} pixels")["test"]
            yield from named(found, measure.names, f"test_{size}", classes=self._test.classes)
            costs.append(self._cost(variables, images))
            yield f"model/size_{size}/multiply_adds", float(costs[-1])
            own.append(found.accuracy[0])
            first.append(found.accuracy[-1])
        yield "sizes/own/accuracy", np.array(own)
        if any(self._own.values()):
            yield f"sizes/{self._task.branches[0]}/accuracy", np.array(first)
        yield "sizes/multiply_adds", np.array(costs, np.float64)
        yield "sizes/sizes", np.array(list(self._own))

    def _cost(self, variables: Variables, images: Augmented) -> int:
        """Multiply-adds of one branch for one image."""
        one = jax.ShapeDtypeStruct(images[slice(0, 1)].shape, np.int32)
        return multiply_adds(self._task.outputs, variables, {"image": one}) // len(self._task.branches)


def trained_at(materials: Materials) -> dict[int, int]:
    """Returns {shorter side: branch} of the views of the last stage, every size that mini-batches draw among them.

    Of several views of one size it is the first's branch.
    """
    stage = materials.stages[-1]
    found: dict[int, int] = {}
    for view, branch in zip(stage.data, stage.views.branches, strict=True):
        for ops in variants(view.ops):
            found.setdefault(min(sizes(ops, materials.train.images.shape[1:3])[-1]), branch)
    return found


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

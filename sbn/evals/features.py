"""How a layer's features of clean and of transformed test images are distributed (Zhou et al. 2019, Figure 3).

The images as they are go through the first branch, those of another view's transform through the branch of that view,
or all through the one that they share (`sbn.evals.views`). Layers are found by name here, for other evaluators too.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from sbn.config.errors import unknown
from sbn.data.examples import LabelledImages
from sbn.evals.base import Materials
from sbn.evals.predictions import Images, Predict
from sbn.evals.views import transformed
from sbn.runs.progress import shown
from sbn.tasks.base import ImageTask, Variables

BINS = 200  # of a density
_FINER = 64  # bins of the counts, for one of a density
_TAIL = 0.001  # share of the values on either side that stands in a density's first and last bin


class Shown(NamedTuple):
    """Images, and the branch that they go through."""

    images: Images
    branch: int


class Features:
    """Yields `test/VIEW/overlap`, ∫ min(p, q), and `test/VIEW/wasserstein`, ∫ |P - Q|, of clean and transformed images.

    p and q are the densities over 200 bins, `test/clean_FIRST/density` and `test/VIEW/density` (200,), over
    `test/edges` (201,); P and Q their distribution functions, on a grid 64 times as fine from the least to the largest
    value, so that the distance, in units of the features, is exact to one of its steps.

    Args:
        materials: the parts of the run.

    Raises:
        ConfigError: for one view, which nothing is compared with, or a layer that the model does not have.
    """

    def __init__(self, materials: Materials) -> None:
        config, task, test = materials.config, materials.image_task("features", "activations"), materials.test
        stage, per_channel = materials.stages[-1], config.eval.features.per_channel
        self._layer = find_layer(layer_shapes(task, test), config.eval.features.layer, key="eval.features.layer")
        count = min(config.eval.features.examples or len(test), len(test))
        others = transformed(materials)
        self._clean = f"clean_{stage.views.names[0]}"
        self._sets = {self._clean: Shown(_First(test.images, count), stage.views.branches[0])}
        self._sets |= {name: Shown(_First(images, count), branch) for name, (images, branch) in others.items()}

        def make(branch: int, summary: Callable[[jax.Array], jax.Array]) -> Predict:
            def forward(variables: Variables, images: jax.Array) -> jax.Array:
                values = task.activations(variables, images)[self._layer][:, branch].astype(jnp.float32)
                if per_channel:
                    values = values.mean(axis=tuple(range(1, values.ndim - 1)))
                return summary(values.reshape(len(values), -1))

            return Predict(task, materials.mesh, batch_size=config.eval.batch_size, forward=forward)

        used = {shown.branch for shown in self._sets.values()}
        self._ranges = {branch: make(branch, _range) for branch in used}
        self._values = {branch: make(branch, lambda values: values) for branch in used}

    def __call__(self, variables: Variables) -> Iterator[tuple[str, float | np.ndarray]]:
        """Yields (name, value) pairs."""
        ranges = [self._ranges[branch](variables, images) for images, branch in self._sets.values()]
        low, high = min(found[:, 0].min() for found in ranges), max(found[:, 1].max() for found in ranges)
        grid = np.linspace(low, high if high > low else low + 1, BINS * _FINER + 1, dtype=np.float64)
        distributions = {name: self._distribution(variables, name, grid) for name in self._sets}
        edges = _edges(grid, np.mean(list(distributions.values()), axis=0))
        masses = {name: _masses(grid, found, edges) for name, found in distributions.items()}
        for name in self._sets:
            if name != self._clean:
                yield f"test/{name}/overlap", float(np.minimum(masses[self._clean], masses[name]).sum())
                apart = np.abs(distributions[self._clean] - distributions[name])
                yield f"test/{name}/wasserstein", float(np.trapezoid(apart, grid))
            yield f"test/{name}/density", masses[name] / np.diff(edges)
        yield "test/edges", edges
        yield "test/layer", np.array(self._layer)

    def _distribution(self, variables: Variables, name: str, grid: np.ndarray) -> np.ndarray:
        """The share of a set's values up to every point of the grid."""
        images, branch = self._sets[name]
        predict, counts = self._values[branch], np.zeros(len(grid) - 1, np.int64)
        batches = predict.stream(variables, [(None, lambda: images)])
        for _, _, values in shown(batches, f"features, {name}: batches", total=predict.count(len(images))):
            counts += np.histogram(values, len(counts), range=(grid[0], grid[-1]))[0]
        return np.concatenate([[0], np.cumsum(counts)]) / counts.sum()


class _First:
    """The first images of a set (`Images`)."""

    def __init__(self, images: Images, count: int) -> None:
        self._images, self._count = images, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, where: slice) -> np.ndarray:
        return self._images[where]


def _range(values: jax.Array) -> jax.Array:
    """(N, values) -> (N, 2), the least and the largest."""
    return jnp.stack([values.min(axis=1), values.max(axis=1)], axis=1)


def _edges(grid: np.ndarray, distribution: np.ndarray) -> np.ndarray:
    """(BINS + 1,), over all but the tails."""
    low = grid[np.searchsorted(distribution, _TAIL, side="right") - 1]
    high = grid[np.searchsorted(distribution, 1 - _TAIL)]
    return np.linspace(low, high, BINS + 1)


def _masses(grid: np.ndarray, distribution: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """(BINS,), the share of the values in every bin; the tails stand in the first and the last."""
    at_edges = np.interp(edges, grid, distribution)
    at_edges[0], at_edges[-1] = 0, 1
    return np.diff(at_edges)


def layer_shapes(task: ImageTask, source: LabelledImages) -> dict[str, tuple[int, ...]]:
    """Shapes (1, K, ...) of what every layer gives, in the order of the forward pass, which jax's own dicts lose."""
    found: dict[str, tuple[int, ...]] = {}

    def trace(variables: Any, images: jax.Array) -> None:
        found.update({name: value.shape for name, value in task.activations(variables, images).items()})

    images = jax.ShapeDtypeStruct((1, *source.images.shape[1:3]), np.int32)
    jax.eval_shape(trace, jax.eval_shape(task.init, jax.random.key(0)), images)
    return found


def find_layer(shapes: Mapping[str, tuple[int, ...]], name: str | None, *, key: str) -> str:
    """Returns the layer called `name`, or the first residual block for None.

    Args:
        shapes: of all layers, in order.
        name: of one.
        key: the config key that `name` stands under.

    Raises:
        ConfigError: for a layer that the model does not have; it names the nearest.
    """
    chosen = name or next((layer for layer in shapes if "block" in layer and "/" not in layer), "")
    if chosen not in shapes:
        raise unknown(f"layer in {key}", chosen, shapes)
    return chosen

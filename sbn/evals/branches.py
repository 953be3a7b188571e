"""How much the branches of a model differ, layer by layer, and a layer's features in each of them.

The second is Figure 3 of Consistent Normalization (Zhou et al. 2019), for any layer: the density of its activations for
the images of each view through the branch of that view, and for the images as they are through every branch.
"""

import itertools
from collections.abc import Iterator, Mapping

import jax
import numpy as np
from flax import traverse_util
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from sbn.data.examples import LabelledImages
from sbn.data.pixels import pack
from sbn.evals.augmented import Augment, Augmented
from sbn.evals.features import find_layer, layer_shapes
from sbn.tasks.base import ImageTask, Variables

_VALUES = 1 << 21  # activations that a density is made of, at most
_BINS = 100


class Branches:
    """Yields, for every pair of branches, distances a layer as arrays and their means over the layers as scalars.

    `model/MAIN_AUX/divergence` is the symmetric Kullback-Leibler divergence of the Gaussians that the running
    statistics describe, in nats, averaged over the channels; `scale_difference` and `bias_difference` are relative:
    |a - b| / ((|a| + |b|) / 2) of the vectors, from 0 to 2.

    `test/VIEW/density` and `test/clean_BRANCH/density` (bins,) are those of the features, and `test/edges` (bins + 1,).

    Args:
        task: what is learned.
        mesh: the devices.
        source: the test split; its first images are enough for the densities.
        views: by name, the branch of a view and its pipeline.
        epsilon: what normalisation adds to the variance.
        layer: whose features are shown; None for the first residual block.
        batch_size: images to show them of, at most.

    Raises:
        ConfigError: for a layer that the model does not have.
    """

    def __init__(
        self,
        task: ImageTask,
        mesh: Mesh,
        source: LabelledImages,
        views: Mapping[str, tuple[int, Augment]],
        *,
        epsilon: float,
        layer: str | None,
        batch_size: int,
    ) -> None:
        self._task, self._source, self._views, self._epsilon = task, source, views, epsilon
        self._shapes = layer_shapes(task, source)
        self._layer = find_layer(self._shapes, layer, key="eval.branches.layer")
        size = int(np.prod(self._shapes[self._layer][2:]))
        self._images = max(1, min(batch_size, len(source), _VALUES // size))
        whole = NamedSharding(mesh, PartitionSpec())
        self._features = jax.jit(
            lambda variables, images: task.activations(variables, images)[self._layer], out_shardings=whole
        )

    def __call__(self, variables: Variables) -> Iterator[tuple[str, float | np.ndarray]]:
        """Yields (name, value) pairs."""
        yield from self._distances(variables)
        yield from self._densities(variables)

    def _distances(self, variables: Variables) -> Iterator[tuple[str, float | np.ndarray]]:
        flat = {k: np.asarray(v, np.float64) for k, v in traverse_util.flatten_dict(dict(variables), sep="/").items()}
        names = [name for name in self._shapes if f"batch_stats/{name}/mean" in flat]
        affine = all(flat[f"params/{name}/scale"].ndim == 2 for name in names)  # shared ones do not differ
        pairs = list(itertools.combinations(range(len(self._task.branches)), 2))
        for a, b in pairs if names else []:
            title = f"model/{self._task.branches[a]}_{self._task.branches[b]}"
            per_layer: dict[str, list[float]] = {"divergence": []}
            if affine:
                per_layer |= {"scale_difference": [], "bias_difference": []}
            for name in names:
                mean, var = flat[f"batch_stats/{name}/mean"], flat[f"batch_stats/{name}/var"] + self._epsilon
                per_layer["divergence"].append(divergence(mean[a], var[a], mean[b], var[b]))
                for leaf in ("scale", "bias") if affine else ():
                    values = flat[f"params/{name}/{leaf}"]
                    per_layer[f"{leaf}_difference"].append(relative_difference(values[a], values[b]))
            for metric, numbers in per_layer.items():
                yield f"{title}/{metric}", float(np.mean(numbers))
                yield f"{title}/{metric}/by_layer", np.array(numbers)
        if pairs and names:
            yield "model/layers", np.array(names)

    def _densities(self, variables: Variables) -> Iterator[tuple[str, np.ndarray]]:
        where = slice(0, self._images)
        features: dict[str, np.ndarray] = {}
        for view, (branch, augment) in self._views.items():
            images = Augmented(self._source, augment, draw=0)[where]
            features[view] = self._of(variables, images, branch)
        clean = pack(self._source.images[where])
        for branch, name in enumerate(self._task.branches):
            features[f"clean_{name}"] = self._of(variables, clean, branch)
        pooled = np.concatenate(list(features.values()))
        low, high = np.quantile(pooled, [0.001, 0.999])
        edges = np.linspace(low, high, _BINS + 1)
        width = edges[1] - edges[0]
        for name, values in features.items():
            counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)  # the tails go into the last bins
            yield f"test/{name}/density", counts / (len(values) * width)
        yield "test/edges", edges
        yield "test/layer", np.array(self._layer)

    def _of(self, variables: Variables, images: np.ndarray, branch: int) -> np.ndarray:
        return np.asarray(self._features(variables, images))[:, branch].astype(np.float32).ravel()


def divergence(mean_a: np.ndarray, var_a: np.ndarray, mean_b: np.ndarray, var_b: np.ndarray) -> float:
    """Returns KL(a, b) + KL(b, a) of Gaussians of (C,) channels, in nats, averaged over the channels."""
    square = (mean_a - mean_b) ** 2
    return float(np.mean(((var_a + square) / var_b + (var_b + square) / var_a) / 2 - 1))


def relative_difference(a: np.ndarray, b: np.ndarray) -> float:
    """Returns |a - b| / ((|a| + |b|) / 2), from 0 to 2; 0 of two zeros."""
    size = float(np.linalg.norm(a) + np.linalg.norm(b))
    return 2 * float(np.linalg.norm(a - b)) / size if size else 0.0

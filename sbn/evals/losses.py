"""Empirical risks: the loss on unchanged and on augmented training images (He et al. 2019, Table 2).

R̂ is the mean cross-entropy of the un-augmented training images with their labels. R̂_aug is that of one pass over
training images augmented anew, by the views of the stage that the weights stand in, with the targets of these views:
soft where they mix labels, as often as in training, inside the network too. Both of the network at rest.
"""

import collections
import dataclasses
import functools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from sbn.augment import draws
from sbn.data import device, host
from sbn.data.spectrum import NO_STAGE
from sbn.data.views import Fed
from sbn.evals.base import Evaluator, Materials, StageData
from sbn.evals.predictions import Chosen, ahead
from sbn.evals.scores import Labelled
from sbn.runs.progress import shown
from sbn.tasks.base import Arrays, Variables, stream_key

_BATCHES = {"host": host.batches_of, "device": device.batches_of}
_ON_DEVICE = 3  # batches handed to the device and not fetched yet


class Losses:
    """Yields `train_clean/PREDICTION/cross_entropy`, R̂, and `train_augmented/VIEW/cross_entropy`, R̂_aug, in nats.

    Every example counts once. Its augmentation and its partners follow from the seed and are the same at every step and
    in every stage, so that a curve over steps shows the network's changes alone. A view that fades is as strong as at
    the step that is measured.

    Args:
        materials: the parts of the run.
    """

    def __init__(self, materials: Materials) -> None:
        config, train = materials.config, materials.train
        self._materials, self._measure = materials, materials.measure(config.eval.mix, evaluator="losses")
        self._examples = min(config.eval.losses.examples or len(train), len(train))
        order = draws.order(config.seed, stage=NO_STAGE, epoch=0, count=len(train)).astype(np.int32)
        self._clean = np.sort(order[: self._examples])
        # In random order, for partners to be anybody; what fills up the last batch has partners, but does not count.
        batches = -(-self._examples // config.batch_size)
        self._ids = np.resize(order, (batches, config.batch_size))
        self._sharding = NamedSharding(materials.mesh, PartitionSpec("data"))
        self._compute = [self._make(stage) for stage in materials.stages]

    def __call__(self, variables: Variables) -> Iterator[tuple[str, float]]:
        """Yields (name, value) pairs of a state at the end of the run."""
        return self._at(self._materials.stages[-1].stop, variables)

    def at(self, step: int) -> Evaluator:
        """Returns the evaluator of a state that `step` steps led to."""
        return functools.partial(self._at, step)

    def _at(self, step: int, variables: Variables) -> Iterator[tuple[str, float]]:
        train = self._materials.train
        chosen = Labelled.of(Chosen(train.images, self._clean), train.labels[self._clean])
        found = self._measure(variables, {"train": chosen}, what="losses, clean")["train"]
        for name, loss in zip(self._measure.names, found.loss, strict=True):
            yield f"train_clean/{name}/cross_entropy", float(loss)
        stages = self._materials.stages
        number = next((n for n, stage in enumerate(stages) if step <= stage.stop), len(stages) - 1)
        for view, loss in zip(stages[number].views.names, self._augmented(variables, number, step), strict=True):
            yield f"train_augmented/{view}/cross_entropy", float(loss)

    def _augmented(self, variables: Variables, number: int, step: int) -> np.ndarray:
        """The mean loss of each of the K views, (K,) float64."""
        stage, compute = self._materials.stages[number], self._compute[number]
        total, left = np.zeros(len(stage.data)), self._examples
        waiting: collections.deque[jax.Array] = collections.deque()

        def fetch() -> None:
            nonlocal total, left
            losses = np.asarray(waiting.popleft(), np.float64)[:left]
            total, left = total + losses.sum(axis=0), left - len(losses)

        batches = shown(ahead(self._batches(stage, step)), "losses, augmented: batches", total=len(self._ids))
        for index, (batch, numbers) in enumerate(batches):
            waiting.append(compute(variables, jax.tree.map(self._place, batch), numbers, index))
            if len(waiting) > _ON_DEVICE:
                fetch()
        while waiting:
            fetch()
        return total / self._examples

    def _batches(self, stage: StageData, step: int) -> Iterator[Fed]:
        now = min(max(step - stage.start - 1, 0), stage.stop - stage.start - 1)
        views = [
            view
            if view.strengths is None
            else dataclasses.replace(view, strengths=np.full(len(self._ids), view.strengths[now]))
            for view in stage.data
        ]
        config = self._materials.config
        make = _BATCHES[config.data.path]
        return make(self._materials.train, views, self._ids, seed=config.seed, stage=NO_STAGE, epoch=0)

    def _place(self, array: np.ndarray) -> jax.Array:
        return jax.make_array_from_callback(array.shape, self._sharding, array.__getitem__)

    def _make(self, stage: StageData) -> Callable[[Variables, Any, Any, int], jax.Array]:
        task, seed = self._materials.image_task("losses", "losses"), self._materials.config.seed

        def losses(variables: Variables, batch: Arrays, numbers: Arrays, index: jax.Array) -> jax.Array:
            def keys(stream: str) -> jax.Array:
                return stream_key(seed, f"losses/{stream}", index)

            return task.losses(variables, batch, views=stage.views, numbers=numbers, keys=keys)

        whole = NamedSharding(self._materials.mesh, PartitionSpec())
        return jax.jit(losses, in_shardings=(whole, self._sharding, whole, whole), out_shardings=whole)

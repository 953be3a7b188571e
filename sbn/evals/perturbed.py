"""Errors on test images perturbed in many ways: every branch and mix, every way, in one pass over few dispatches.

The images stay on the devices; a dispatch perturbs and counts for a chunk of settings, one after the other.
"""

import logging
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from etils import epath
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from sbn.augment import draws
from sbn.data.spectrum import NO_STAGE
from sbn.evals.base import Materials
from sbn.evals.partial import Partial, fingerprint
from sbn.metrics.accuracy import ranked
from sbn.runs.progress import shown
from sbn.tasks.base import Variables

log = logging.getLogger(__name__)

# (images (N, H, W, 3) float32 in [0, 1], ids (N,) int32, setting) -> images
Perturb = Callable[[jax.Array, jax.Array, jax.Array], jax.Array]


class Perturbed:
    """Measures errors under a row of perturbations, on a random draw of test images, the same for all of them.

    Args:
        materials: the parts of the run.
        name: of the evaluator, for progress and for the file that a killed evaluation goes on from.
        perturb: computed in the jitted step. Its result for an image depends on that image, its id and the setting.
        settings: (F, ...) what tells one perturbation from another.
        key: everything else that the errors depend on; part of the fingerprint of what is kept.
        examples: so many test images, drawn by the seed; all, where there are fewer.
        dispatch: images a dispatch, roughly; several dispatches a frequency are one.
    """

    def __init__(
        self,
        materials: Materials,
        name: str,
        perturb: Perturb,
        settings: np.ndarray,
        *,
        key: str,
        examples: int,
        dispatch: int = 4096,
    ) -> None:
        config, source, mesh = materials.config, materials.test, materials.mesh
        task = materials.image_task(name, "predict_floats")
        self._name, self._settings, self._workdir = name, settings, materials.workdir
        names = tuple(task.branches)
        mix = config.eval.mix if len(names) > 1 else ()
        self.outcomes = (*names, *(f"mix_{weight:g}" for weight in mix))
        self._ids = np.sort(draws.order(config.seed, stage=NO_STAGE, epoch=0, count=len(source))[:examples]).astype(
            np.int32
        )
        self._images, self._labels = source.images[self._ids], source.labels[self._ids]
        self._key = f"{name} {key} seed={config.seed} {self.outcomes} average={config.eval.average}"
        self._chunk = min(max(1, dispatch // len(self._ids)), len(settings))
        self._layout = _layout(len(self._ids), batch_size=_batch_size(config.eval.batch_size, mesh), mesh=mesh)
        self._sharding = NamedSharding(mesh, PartitionSpec(None, "data"))

        def of_batch(variables: Variables, setting: jax.Array, batch: tuple[jax.Array, ...]) -> jax.Array:
            images, labels, ids = batch
            inputs = perturb(images.astype(jnp.float32) / 255, ids, setting)
            logits = task.predict_floats(variables, inputs)
            return count_errors(logits, labels, mix=mix, average=config.eval.average)

        def local(variables: Variables, settings: jax.Array, *batches: jax.Array) -> jax.Array:
            def of_setting(setting: jax.Array) -> jax.Array:
                return jax.lax.map(lambda batch: of_batch(variables, setting, batch), batches).sum(axis=0)

            return jax.lax.psum(jax.lax.map(of_setting, settings), "data")

        whole, own = PartitionSpec(), PartitionSpec(None, "data")
        # By hand rather than by the compiler, which would gather the images of all devices for a Fourier transform.
        self._count = jax.jit(jax.shard_map(local, mesh=mesh, in_specs=(whole, whole, own, own, own), out_specs=whole))

    @property
    def examples(self) -> int:
        """How many images are measured."""
        return len(self._ids)

    def __call__(self, variables: Variables) -> dict[str, np.ndarray]:
        """Returns the error rates (F,) float64 of every branch, and of every mix as `mix_λ`."""
        folder: epath.Path | None = self._workdir and self._workdir / "artifacts" / self._name
        partial = Partial(
            folder, fingerprint(self._key, self._settings, variables, self._images, self._labels, self._ids)
        )
        counts = partial.read((len(self._settings), len(self.outcomes)))
        batches = [self._place(array, fill) for array, fill in ((self._images, 0), (self._labels, -1), (self._ids, 0))]
        missing = np.flatnonzero(counts[:, 0] < 0)
        if len(missing) < len(counts):
            log.info("%s goes on after %d of %d", self._name, len(counts) - len(missing), len(counts))
        starts = range(0, len(missing), self._chunk)
        for start in shown(starts, f"{self._name}: chunks of {self._chunk}"):
            rows = missing[start : start + self._chunk]
            filled = np.resize(rows, self._chunk)  # one shape, compiled once: the last chunk counts some again
            counts[rows] = np.asarray(self._count(variables, self._settings[filled], *batches))[: len(rows)]
            partial.keep(counts)
        return {name: counts[:, i] / self.examples for i, name in enumerate(self.outcomes)}

    def _place(self, array: np.ndarray, fill: int) -> jax.Array:
        """Returns (batches, N, ...) over the devices, filled up."""
        filled = np.full((self._layout[0] * self._layout[1], *array.shape[1:]), fill, array.dtype)
        filled[: len(array)] = array
        shaped = filled.reshape(*self._layout, *array.shape[1:])
        return jax.make_array_from_callback(shaped.shape, self._sharding, shaped.__getitem__)


def count_errors(logits: jax.Array, labels: jax.Array, *, mix: Sequence[float], average: str) -> jax.Array:
    """Returns how many predictions are wrong, by branch and then by mix: (K + len(mix),) int32.

    Ties count against the model, and so does NaN, as in the accuracy.

    Args:
        logits: (N, K, classes).
        labels: (N,) int; -1 stands for no example.
        mix: lambdas, of the first two branches.
        average: what a mix averages, 'probabilities' or 'logits'.
    """
    ranks, _ = ranked(logits, labels, mix=mix, average=average)
    return ((ranks != 1) & (labels >= 0)[:, None]).sum(axis=0, dtype=jnp.int32)


def _batch_size(batch_size: int, mesh: Mesh) -> int:
    # In a scan a batch costs no dispatch. On CPUs small ones stay in the cache: two thirds of the time, for WRN-10-1.
    return min(batch_size, 64 * mesh.devices.size) if mesh.devices.flat[0].platform == "cpu" else batch_size


def _layout(examples: int, *, batch_size: int, mesh: Mesh) -> tuple[int, int]:
    """Returns (batches, examples a batch): as even as they can be, the batch a multiple of the devices."""
    batches, devices = -(-examples // batch_size), mesh.devices.size
    return batches, -(-examples // (batches * devices)) * devices

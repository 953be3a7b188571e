"""The device path: the data set is in accelerator memory, and the step makes its views from ids. No TensorFlow.

Every device holds the whole set, packed: 4 bytes a pixel, 205 MB for CIFAR's 50,000 training images. Sharding it would
save memory that such sets don't need, at the price of an order in which each device draws from its own part alone. So
the order is the host path's, and so is every batch: bit for bit, but for the rounding of `gaussian` and `augmix`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec

from sbn.augment import draws
from sbn.augment.device.apply import make_apply
from sbn.data.examples import LabelledImages
from sbn.data.targets import LABEL, Targets
from sbn.data.views import Batch, Fed, Numbers, View, assemble, strengths

Arrays = Mapping[str, jax.Array]


def resident(source: LabelledImages, *, seed: int, targets: Targets = LABEL) -> Batch:
    """Returns what lies on the devices: 'pixels' (M, H, W) int32, packed, 'seed' () uint32, and the targets by name.

    Args:
        source: M examples.
        seed: the experiment's seed.
        targets: what batches carry beside the images.
    """
    return {"pixels": targets.packed(source), **targets.arrays(source), "seed": np.asarray(seed, np.uint32)}


def batches(
    source: LabelledImages,
    *,
    seed: int,
    stage: int,
    batch_size: int,
    start: int,
    stop: int,
    shard: tuple[int, int] = (0, 1),
    views: Sequence[View] = (),
) -> Iterator[Fed]:
    """Yields what the steps `start` to `stop - 1` of a stage need to know; arguments are those of the host path.

    Yields:
        ({'id': (n,) int32}, the numbers of the step), n = batch_size / count.
    """
    left = strengths(views)
    index, count = shard
    local = batch_size // count
    steps_per_epoch = len(source) // batch_size
    order, of_epoch = np.empty(0, np.int32), -1
    for step in range(start, stop):
        epoch, place = divmod(step, steps_per_epoch)
        if epoch != of_epoch:
            order, of_epoch = draws.order(seed, stage=stage, epoch=epoch, count=len(source)).astype(np.int32), epoch
        first = place * batch_size + index * local
        yield {"id": order[first : first + local]}, _numbers(epoch, left, step)


def batches_of(
    source: LabelledImages,
    views: Sequence[View],
    ids: np.ndarray,
    *,
    seed: int,
    stage: int,
    epoch: int,
    targets: Targets = LABEL,
) -> Iterator[Fed]:
    """Yields batches of examples that the caller names; arguments and result are those of the host path's."""
    left, known = strengths(views), targets.arrays(source)
    make = _make_batch(views, image_size=source.images.shape[1:3], stage=stage, targets=targets)

    @jax.jit
    def made(words: jax.Array, own: Arrays, ids: jax.Array, now: Sequence[Any]) -> Batch:
        return make(words, own, ids, seed=seed, epoch=epoch, now=now)

    for step, own in enumerate(ids):
        now = [1.0] * len(views) if left is None else left[step]
        mine = {name: array[own] for name, array in known.items()}
        yield jax.tree.map(np.asarray, made(targets.packed(source, own), mine, own, now)), _numbers(epoch, left, step)


def _make_batch(
    views: Sequence[View], *, image_size: tuple[int, int], stage: int, targets: Targets
) -> Callable[..., Batch]:
    """Returns what makes the batch of packed images (N, H, W), the targets of these examples, and their ids (N,)."""
    applies = [make_apply(view.ops, image_size=image_size, fading=view.strengths is not None) for view in views]

    def make(words: jax.Array, own: Arrays, ids: jax.Array, *, seed: Any, epoch: Any, now: Sequence[Any]) -> Batch:
        placed = {} if targets.boxes is None else {"boxes": own[targets.boxes]}
        augmented = [
            apply(words, seed=seed, stage=stage, epoch=epoch, ids=ids, view=view.draws, strength=now[k], **placed)
            for k, (apply, view) in enumerate(zip(applies, views, strict=True))
        ]
        return assemble(augmented, own, ids, targets, jnp.stack)

    return make


def _numbers(epoch: int, left: np.ndarray | None, step: int) -> Numbers:
    """The numbers of a step (`sbn.data.views`): `left` are the strengths at every step of the stage."""
    return {"epoch": np.asarray(epoch, np.int32)} | ({} if left is None else {"strength": left[step]})


def make_prepare(
    views: Sequence[View], *, stage: int, image_size: tuple[int, int], mesh: Mesh, targets: Targets = LABEL
) -> Callable[[Arrays, Arrays, Arrays], Batch]:
    """Returns `prepare(batch, numbers, resident)`, for the jitted step to call: ids become the host path's batches.

    Args:
        views: K pipelines.
        stage: index of the stage.
        image_size: (H, W).
        mesh: of one axis, over which the examples lie.
        targets: what batches carry beside the images.

    Returns:
        a function to the host path's batches, over the mesh as 'id' is. Every device makes its own part, and nothing
        passes between them.
    """
    make = _make_batch(views, image_size=image_size, stage=stage, targets=targets)

    def local(batch: Arrays, numbers: Arrays, resident: Arrays) -> Batch:
        ids = batch["id"]
        own = {name: array[ids] for name, array in resident.items() if name != "seed"}
        now = numbers["strength"] if "strength" in numbers else [None] * len(views)
        words = own.pop("pixels")
        return make(words, own, ids, seed=resident["seed"], epoch=numbers["epoch"], now=now)

    own, whole = PartitionSpec(*mesh.axis_names), PartitionSpec()
    return jax.shard_map(local, mesh=mesh, in_specs=(own, whole, whole), out_specs=own)

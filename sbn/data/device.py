"""The device path: the data set lies in accelerator memory, a step gets ids and makes its views there. No TensorFlow.

Every device holds the whole set, packed: 4 bytes a pixel, 205 MB for CIFAR's 50,000 training images. Sharding it would
save memory that such sets don't need, at the price of an order in which each device draws from its own part alone. So
the order is the host path's, and so is every batch: bit for bit, but for the rounding that `gaussian` is allowed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec

from sbn.augment import draws
from sbn.augment.device.apply import make_apply
from sbn.data import pixels
from sbn.data.examples import LabelledImages
from sbn.data.views import Batch, Fed, Numbers, View, strengths, together

Arrays = Mapping[str, jax.Array]


def resident(source: LabelledImages, *, seed: int) -> Batch:
    """Returns what lies on the devices: {'pixels': (M, H, W) int32, packed, 'label': (M,) int32, 'seed': () uint32}."""
    return {
        "pixels": pixels.pack(np.asarray(source.images)),
        "label": source.labels,
        "seed": np.asarray(seed, np.uint32),
    }


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
    source: LabelledImages, views: Sequence[View], ids: np.ndarray, *, seed: int, stage: int, epoch: int
) -> Iterator[Fed]:
    """Yields batches of examples that the caller names; arguments and result are those of the host path's."""
    size, left = source.images.shape[1:3], strengths(views)
    applies = [make_apply(view.ops, image_size=size, fading=view.strengths is not None) for view in views]

    @jax.jit
    def augment(words: jax.Array, ids: jax.Array, now: Sequence[Any]) -> Any:
        augmented = [
            apply(words, seed=seed, stage=stage, epoch=epoch, ids=ids, view=view.draws, strength=now[k])
            for k, (apply, view) in enumerate(zip(applies, views, strict=True))
        ]
        return together(augmented, jnp.stack)

    for step, own in enumerate(ids):
        now = [1.0] * len(views) if left is None else left[step]
        made = jax.tree.map(np.asarray, augment(pixels.pack(source.images[own]), own, now))
        batch = {"inputs": {"image": made}, "targets": {"label": source.labels[own]}, "id": own}
        yield batch, _numbers(epoch, left, step)


def _numbers(epoch: int, left: np.ndarray | None, step: int) -> Numbers:
    """The numbers of a step (`sbn.data.views`): `left` are the strengths at every step of the stage."""
    return {"epoch": np.asarray(epoch, np.int32)} | ({} if left is None else {"strength": left[step]})


def make_prepare(
    views: Sequence[View], *, stage: int, image_size: tuple[int, int], mesh: Mesh
) -> Callable[[Arrays, Arrays, Arrays], Batch]:
    """Returns `prepare(batch, numbers, resident)`, for the jitted step to call: ids become the host path's batches.

    Args:
        views: K pipelines.
        stage: index of the stage.
        image_size: (H, W).
        mesh: of one axis, over which the examples lie.

    Returns:
        a function to the host path's batches, over the mesh as 'id' is. Every device makes its own part, and nothing
        passes between them.
    """
    applies = [make_apply(view.ops, image_size=image_size, fading=view.strengths is not None) for view in views]

    def local(batch: Arrays, numbers: Arrays, resident: Arrays) -> Batch:
        ids, epoch = batch["id"], numbers["epoch"]
        images = resident["pixels"][ids]
        now = numbers["strength"] if "strength" in numbers else [None] * len(views)
        augmented = [
            apply(images, seed=resident["seed"], stage=stage, epoch=epoch, ids=ids, view=view.draws, strength=now[k])
            for k, (apply, view) in enumerate(zip(applies, views, strict=True))
        ]
        inputs, targets = {"image": together(augmented, jnp.stack)}, {"label": resident["label"][ids]}
        return {"inputs": inputs, "targets": targets, "id": ids}

    own, whole = PartitionSpec(*mesh.axis_names), PartitionSpec()
    return jax.shard_map(local, mesh=mesh, in_specs=(own, whole, whole), out_specs=own)

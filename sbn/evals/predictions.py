"""The outputs of every branch for every image of any number of sets, each image exactly once, in order.

The next batch is made in another thread, and a few are on their way to the device, while the caller does its arithmetic
on the outputs of an earlier one: what an evaluator does on the host costs time only where it takes longer than the
network does.
"""

import collections
import concurrent.futures
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from sbn.tasks.base import Task, Variables

_ON_DEVICE = 3  # batches handed to the device and not fetched yet
_END = object()

Tag = TypeVar("Tag")
Item = TypeVar("Item")
Forward = Callable[[Any, jax.Array], jax.Array]


class Images(Protocol):
    """Images of a set: an array, or anything that makes its slices when asked for.

    A slice is (n, H, W, 3) uint8, or (n, H, W) int32 packed (`sbn.data.pixels.pack`).
    """

    def __len__(self) -> int:
        """Returns M, the number of images."""
        ...

    def __getitem__(self, where: slice) -> np.ndarray:
        """Returns a slice, made in whatever thread asks."""
        ...


class Chosen:
    """Some images of a set, in an order of one's own (`Images`).

    Args:
        images: an array, or what is asked for an array of ids as one is.
        ids: (M,) which of them.
    """

    def __init__(self, images: Any, ids: np.ndarray) -> None:
        self._images, self._ids = images, ids

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, where: slice) -> np.ndarray:
        """Returns a slice."""
        return self._images[self._ids[where]]


def of_branches(task: Task, which: tuple[int, ...]) -> Forward:
    """Returns the forward pass (N, len(which), classes) of some branches, by index; the compiler drops the others."""

    def forward(variables: Variables, images: jax.Array) -> jax.Array:
        every = task.predict(variables, images)
        return jnp.concatenate([every[:, branch : branch + 1] for branch in which], axis=1)

    return forward


class Predict:
    """The forward pass of a task over whole sets.

    The images are cut into batches of one shape, compiled once for all sets at least as long as a batch, and sharded
    over the mesh; the last is padded, and what the padding gives is thrown away here. Any M, batch size and number of
    devices give every image once.

    Args:
        task: what predicts.
        mesh: the devices.
        batch_size: images a batch, rounded up to the devices.
        forward: what it computes of (variables, packed images (N, H, W)), (N, K, ...); None: the task's predictions.
    """

    def __init__(self, task: Task, mesh: Mesh, *, batch_size: int, forward: Forward | None = None) -> None:
        self._batch_size, self._devices = batch_size, mesh.devices.size
        self._sharding = NamedSharding(mesh, PartitionSpec("data"))
        whole = NamedSharding(mesh, PartitionSpec())
        compute = forward or task.predict
        self._forward = jax.jit(
            lambda variables, images: compute(variables, _packed(images)),
            in_shardings=(whole, self._sharding),
            out_shardings=whole,
        )

    def __call__(self, variables: Variables, images: Images) -> np.ndarray:
        """Returns the outputs (M, K, ...) for one set of M images."""
        return np.concatenate([outputs for _, _, outputs in self.stream(variables, [(None, lambda: images)])])

    def stream(
        self, variables: Variables, sets: Iterable[tuple[Tag, Callable[[], Images]]]
    ) -> Iterator[tuple[Tag, slice, np.ndarray]]:
        """Yields the outputs of one set after the other, batch by batch.

        Args:
            variables: of the model.
            sets: names of one's own, and what loads the images, called in another thread.

        Yields:
            the set's name, which of its images these are, and their outputs (n, K, ...).
        """
        waiting: collections.deque[tuple[Tag, slice, jax.Array]] = collections.deque()
        for tag, where, batch in ahead(self._batches(sets)):
            placed = jax.make_array_from_callback(batch.shape, self._sharding, batch.__getitem__)
            waiting.append((tag, where, self._forward(variables, placed)))
            if len(waiting) > _ON_DEVICE:
                yield _fetch(*waiting.popleft())
        while waiting:
            yield _fetch(*waiting.popleft())

    def count(self, images: int) -> int:
        """Returns the number of batches that a set of so many images makes."""
        return -(-images // self._padded(images)) if images else 0

    def _padded(self, images: int) -> int:
        return -(-min(self._batch_size, images) // self._devices) * self._devices

    def _batches(self, sets: Iterable[tuple[Tag, Callable[[], Images]]]) -> Iterator[tuple[Tag, slice, np.ndarray]]:
        for tag, load in sets:
            images = load()
            size = self._padded(len(images))
            for start in range(0, len(images), size):
                where = slice(start, min(start + size, len(images)))
                batch = np.asarray(images[where])
                missing = size - len(batch)
                yield tag, where, np.pad(batch, [(0, missing)] + [(0, 0)] * (batch.ndim - 1)) if missing else batch


def _packed(images: jax.Array) -> jax.Array:
    """What `sbn.data.pixels.pack` does, on the device; images that are packed stay as they are."""
    if images.dtype == jnp.int32:
        return images
    red, green, blue = (images[..., channel].astype(jnp.int32) for channel in range(3))
    return red | green << 8 | blue << 16 | -(1 << 24)


def _fetch(tag: Tag, where: slice, outputs: jax.Array) -> tuple[Tag, slice, np.ndarray]:
    return tag, where, np.asarray(outputs)[: where.stop - where.start]


def ahead(items: Iterator[Item]) -> Iterator[Item]:
    """Yields `items` while another thread makes the next."""
    with concurrent.futures.ThreadPoolExecutor(1, "batches") as pool:
        coming = pool.submit(next, items, _END)
        while (item := coming.result()) is not _END:
            coming = pool.submit(next, items, _END)
            yield item  # type: ignore[misc]

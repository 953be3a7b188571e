"""The outputs of every branch for every example of any number of sets, each exactly once, in order.

The next batch is made in another thread, and a few are on their way to the device, while the caller does its arithmetic
on the outputs of an earlier one: what an evaluator does on the host costs time only where it takes longer than the
network does.
"""

import collections
import concurrent.futures
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from sbn.data.pixels import pack
from sbn.tasks.base import ImageTask, Task, Variables

ON_DEVICE = 3  # batches handed to the device and not awaited yet
_END = object()

Tag = TypeVar("Tag")
Item = TypeVar("Item")
# (variables, images (N, H, W) packed) -> (N, K, ...)
Forward = Callable[[Any, jax.Array], jax.Array]


class Images(Protocol):
    """Images of a set: an array, or anything that makes its slices when asked for.

    A slice is (n, H, W, 3) uint8 RGB, or (n, H, W) int32 packed (`sbn.data.pixels.pack`).
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


def of_branches(task: Task | ImageTask, which: tuple[int, ...]) -> Forward:
    """Returns the forward pass (N, len(which), classes) of some branches, by index; the compiler drops the others."""

    def forward(variables: Variables, images: jax.Array) -> jax.Array:
        every = task.outputs(variables, {"image": images})
        return jnp.concatenate([every[:, branch : branch + 1] for branch in which], axis=1)

    return forward


class Examples(Protocol):
    """Examples of a set, as the network and the metrics take them.

    Those that come in batches of several shapes also have `cuts`: (slice, what it is filled up to) of each batch.
    """

    def __len__(self) -> int:
        """Returns M, the number of examples."""
        ...

    def __getitem__(self, where: slice) -> Any:
        """Returns a tree of arrays (n, ...), made in whatever thread asks."""
        ...


class Stream:
    """A function of a network over whole sets of examples.

    Sets are cut into batches of one shape, compiled once for all sets at least as long as a batch, and sharded over
    the mesh; the last is padded. Any M, batch size and number of devices give every example once.

    Args:
        compute: (variables, a batch of a set's trees) -> a tree of (N, ...).
        mesh: the devices.
        batch_size: examples per batch, rounded up to the devices.
    """

    def __init__(self, compute: Callable[[Any, Any], Any], mesh: Mesh, *, batch_size: int) -> None:
        self._batch_size, self._devices = batch_size, mesh.devices.size
        self.sharding, self.whole = NamedSharding(mesh, PartitionSpec("data")), NamedSharding(mesh, PartitionSpec())
        self._compute = jax.jit(compute, in_shardings=(self.whole, self.sharding), out_shardings=self.sharding)

        def gather(outputs: jax.Array) -> jax.Array:
            return outputs

        self._gather = jax.jit(gather, in_shardings=self.sharding, out_shardings=self.whole)

    def on_device(
        self,
        variables: Variables,
        sets: Iterable[tuple[Tag, Callable[[], Any]]],
        *,
        inputs: Callable[[Any], Any] = lambda batch: batch,
    ) -> Iterator[tuple[Tag, slice, Any, Any]]:
        """Yields (the set's name, which of its examples these are, the batch, what was computed of it).

        The last two are filled up to the batch size, and stay on the devices.

        Args:
            variables: of the model.
            sets: names of one's own, and what loads the examples (`Examples`), called in another thread.
            inputs: what is computed with, of a batch.
        """
        for tag, where, batch in ahead(self._batches(sets)):
            placed = jax.tree.map(self.place, batch)
            yield tag, where, placed, self._compute(variables, inputs(placed))

    def stream(
        self, variables: Variables, sets: Iterable[tuple[Tag, Callable[[], Any]]]
    ) -> Iterator[tuple[Tag, slice, np.ndarray]]:
        """Yields (the set's name, which of its examples these are, what was computed of them (n, ...) as NumPy's)."""
        waiting: collections.deque[tuple[Tag, slice, jax.Array]] = collections.deque()
        for tag, where, _, outputs in self.on_device(variables, sets):
            waiting.append((tag, where, outputs if outputs.is_fully_addressable else self._gather(outputs)))
            if len(waiting) > ON_DEVICE:
                yield _fetch(*waiting.popleft())
        while waiting:
            yield _fetch(*waiting.popleft())

    def place(self, array: np.ndarray) -> jax.Array:
        """Puts a batch's array on the devices, over which its first axis lies."""
        return jax.make_array_from_callback(array.shape, self.sharding, array.__getitem__)

    def count(self, examples: int | Examples) -> int:
        """Returns the number of batches that a set makes, or any of so many examples."""
        return sum(1 for _ in self._cuts(examples))

    def _cuts(self, examples: int | Examples) -> Iterator[tuple[slice, int]]:
        own = getattr(examples, "cuts", None)
        if own is not None:
            yield from own
            return
        total = examples if isinstance(examples, int) else len(examples)
        size = self._padded(total) if total else 1
        for start in range(0, total, size):
            yield slice(start, min(start + size, total)), size

    def _padded(self, examples: int) -> int:
        return -(-min(self._batch_size, examples) // self._devices) * self._devices

    def _batches(self, sets: Iterable[tuple[Tag, Callable[[], Any]]]) -> Iterator[tuple[Tag, slice, Any]]:
        for tag, load in sets:
            examples = load()
            for where, size in self._cuts(examples):
                yield tag, where, jax.tree.map(functools.partial(_filled, size=size), examples[where])


class Predict(Stream):
    """The forward pass of a task over whole sets, whose inputs are given as images alone (`Images`), or by name.

    Args:
        task: what predicts.
        mesh: the devices.
        batch_size: examples per batch, rounded up to the devices.
        forward: what it computes of (variables, packed images (N, H, W)), (N, K, ...); None: the task's outputs.
    """

    def __init__(self, task: Task | ImageTask, mesh: Mesh, *, batch_size: int, forward: Forward | None = None) -> None:
        def compute(variables: Variables, inputs: Any) -> Any:
            return task.outputs(variables, inputs) if forward is None else forward(variables, inputs["image"])

        super().__init__(compute, mesh, batch_size=batch_size)

    def __call__(self, variables: Variables, images: Images | Mapping[str, np.ndarray]) -> np.ndarray:
        """Returns the outputs (M, K, ...) for one set of M images, or of M of other inputs, (M, ...) by name."""
        return np.concatenate([outputs for _, _, outputs in self.stream(variables, [(None, lambda: images)])])

    def stream(
        self, variables: Variables, sets: Iterable[tuple[Tag, Callable[[], Any]]]
    ) -> Iterator[tuple[Tag, slice, np.ndarray]]:
        """As `Stream` says, of sets of images."""
        return super().stream(variables, ((tag, functools.partial(_Inputs, load)) for tag, load in sets))


class _Inputs:
    """The inputs of a network: images, or arrays by name."""

    def __init__(self, load: Callable[[], Images | Mapping[str, np.ndarray]]) -> None:
        self._given = load()

    def __len__(self) -> int:
        return len(next(iter(self._given.values())) if isinstance(self._given, Mapping) else self._given)

    def __getitem__(self, where: slice) -> dict[str, np.ndarray]:
        if not isinstance(self._given, Mapping):
            return {"image": packed(self._given, where)}
        images = {"image": packed(self._given["image"], where)} if "image" in self._given else {}
        return {**{name: np.asarray(array[where]) for name, array in self._given.items() if name != "image"}, **images}


def packed(images: Any, where: slice) -> np.ndarray:
    """Returns a slice of images as packed pixels (n, H, W) int32; those that are packed stay as they are.

    Args:
        images: slices of (n, H, W, 3) uint8 RGB, or packed; or what can pack them itself, with its fillers.
        where: which of them.

    Raises:
        ValueError: for arrays of any other kind, which are no images.
    """
    array = np.asarray(images.packed(where) if hasattr(images, "packed") else images[where])
    if array.dtype == np.int32 and array.ndim == 3:
        return array
    if array.dtype != np.uint8 or array.ndim != 4 or array.shape[-1] != 3:
        raise ValueError(f"images are (N, H, W, 3) uint8, or (N, H, W) int32 packed, not {array.shape} {array.dtype}")
    return pack(array)


def _filled(array: np.ndarray, *, size: int) -> np.ndarray:
    missing = size - len(array)
    return np.pad(array, [(0, missing)] + [(0, 0)] * (array.ndim - 1)) if missing else np.asarray(array)


def _fetch(tag: Tag, where: slice, outputs: jax.Array) -> tuple[Tag, slice, np.ndarray]:
    return tag, where, np.asarray(outputs)[: where.stop - where.start]


def ahead(items: Iterator[Item]) -> Iterator[Item]:
    """Yields `items` while another thread makes the next."""
    with concurrent.futures.ThreadPoolExecutor(1, "batches") as pool:
        coming = pool.submit(next, items, _END)
        while (item := coming.result()) is not _END:
            coming = pool.submit(next, items, _END)
            yield item  # type: ignore[misc]

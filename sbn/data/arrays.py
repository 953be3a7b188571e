"""Batches of examples that are no images, tokens and arrays: made by NumPy on the host, or in the step on the devices.

A view's ops act on the inputs of their own kind (`Op.inputs`), with draws at the addresses that images have. Inputs
that are targets too are the same in every view, and stand among the targets alone. Neither path needs TensorFlow.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec

from sbn.augment import draws
from sbn.augment.draws import ArrayLibrary
from sbn.augment.op import Op, OwnOp
from sbn.augment.pipeline import addresses
from sbn.config.errors import ConfigError
from sbn.config.imported import reason
from sbn.data.batching import Batching, Planned
from sbn.data.examples import Examples, InMemory
from sbn.data.tokens import widened
from sbn.data.views import Batch, Fed, View, together

Arrays = Mapping[str, Any]
_KEPT = 8  # examples that ops are tried on


def load(
    examples: Examples, planned: Planned, names: Sequence[str], widest: Mapping[str, int]
) -> dict[str, np.ndarray]:
    """Returns some features of the examples of a batch, tokens at the width of the batch.

    Args:
        examples: of a split.
        planned: the batch.
        names: of the features.
        widest: of the features of any length, of the whole split.

    Raises:
        ConfigError: if the examples of a batch are longer than it is wide.
    """
    arrays = examples.load(planned.ids)
    try:
        return {
            name: widened(np.asarray(arrays[name]), {**widest, **planned.widths}[name], name=name)
            if name in widest
            else np.asarray(arrays[name])
            for name in names
        }
    except ValueError as error:
        raise ConfigError(str(error)) from None


def widest(examples: Examples) -> dict[str, int]:
    """Returns the length of the longest example of each feature of tokens, by name."""
    names = [name for name, feature in examples.features.items() if feature.kind == "tokens"]
    found = dict.fromkeys(names, 0)
    if isinstance(examples, InMemory):
        return {name: int(examples.arrays[name].lengths.max(initial=0)) for name in names}
    for start in range(0, len(examples) if names else 0, 1000):
        part = examples.load(np.arange(start, min(start + 1000, len(examples))))
        found = {name: max(found[name], part[name].shape[1]) for name in names}
    return found


def check(views: Sequence[View], examples: Examples, viewed: Sequence[str], *, names: Sequence[str], path: str) -> None:
    """Tries the ops of views on a few examples.

    Args:
        views: K pipelines.
        examples: of the training split.
        viewed: the features that views have of their own.
        names: of the views.
        path: 'host' or 'device'.

    Raises:
        ConfigError: one line, if an op is for other inputs, is not there on this path, or fails.
    """
    kinds = {name: examples.features[name].kind for name in viewed}
    some = np.arange(min(_KEPT, len(examples)))
    arrays = {name: np.asarray(examples.load(some)[name]) for name in viewed}
    for name, view in zip(names, views, strict=True):
        for op in view.ops:
            if op.inputs not in kinds.values():
                has = ", ".join(f"{feature} ({kind})" for feature, kind in kinds.items()) or "nothing that views change"
                raise ConfigError(
                    f"views.{name}.augment: {op.name} works on {op.inputs}, and the examples have {has}; '' means no op"
                )
            if getattr(op, path, None) is None:
                raise ConfigError(f"views.{name}.augment: {op.name} has no function {path!r}: data.path = {path!r}")
        try:
            _apply(view, arrays, kinds, ids=some, path=path, library=draws.NUMPY, seed=0, stage=0, epoch=0)
        except Exception as error:
            raise ConfigError(f"views.{name}.augment fails: {reason(error)}") from None


def _apply(
    view: View, arrays: Arrays, kinds: Mapping[str, str], *, ids: Any, path: str, library: ArrayLibrary, **where: Any
) -> dict[str, Any]:
    """The features of one view, by name."""
    made = dict(arrays)
    for op, start, stream in zip(view.ops, addresses(view.ops), view.streams, strict=True):
        for name, array in made.items():
            if kinds[name] != op.inputs:
                continue
            count = op.draws_needed(tuple(array.shape[1:]))
            own = draws.bits(ids=ids, view=stream, draws=range(start, start + count), library=library, **where)
            made[name] = _checked(op, getattr(op, path)(array, own), array)
    return made


def _checked(op: Op, made: Any, given: Any) -> Any:
    if isinstance(op, OwnOp) and op.inputs == "array":
        return op.check_result(made, given)
    if getattr(made, "ndim", None) != given.ndim or len(made) != len(given) or made.dtype != given.dtype:
        found = f"{made.dtype} {made.shape}" if hasattr(made, "shape") else type(made).__name__
        raise ValueError(f"{op.name} returned {found}; it must return {given.dtype} ({len(given)}, any length)")
    return made


def batches(
    examples: Examples,
    views: Sequence[View],
    batching: Batching,
    *,
    viewed: Sequence[str],
    targets: Sequence[str],
    seed: int,
    stage: int,
    start: int,
    stop: int,
    shard: tuple[int, int] = (0, 1),
) -> Iterator[Fed]:
    """Yields the batches of steps `start` to `stop - 1` of a stage.

    Args:
        examples: to draw from.
        views: K pipelines.
        batching: which examples batches hold.
        viewed: features that every view has of its own: (N, K, ...), or K arrays where views differ in shape.
        targets: features that are the same in every view, (N, ...).
        seed: the experiment's seed.
        stage: index of the stage.
        start: first step, counted from the start of the stage.
        stop: the step to stop before.
        shard: (index, count) of this process; it gets the index-th of count equal slices of every batch.
    """
    wide = widest(examples)
    for epoch, planned in planned_batches(batching, seed=seed, stage=stage, start=start, stop=stop, shard=shard):
        where = {"seed": seed, "stage": stage, "epoch": epoch}
        yield make_batch(examples, views, planned, viewed=viewed, targets=targets, widest=wide, **where)


def make_batch(
    examples: Examples,
    views: Sequence[View],
    planned: Planned,
    *,
    viewed: Sequence[str],
    targets: Sequence[str],
    widest: Mapping[str, int],
    seed: int,
    stage: int,
    epoch: int,
) -> Fed:
    """Returns one batch of an epoch, `planned`; the other arguments are those of `batches` and of `load`."""
    kinds = {name: examples.features[name].kind for name in viewed}
    arrays = load(examples, planned, [*viewed, *targets], widest)
    own = {name: arrays[name] for name in viewed}
    where = {"seed": seed, "stage": stage, "epoch": epoch, "ids": planned.ids}
    made = [_apply(view, own, kinds, path="host", library=draws.NUMPY, **where) for view in views]
    return _assemble(made, {name: arrays[name] for name in targets}, planned.ids, np.stack), _numbers(epoch)


def planned_batches(
    batching: Batching, *, seed: int, stage: int, start: int, stop: int, shard: tuple[int, int]
) -> Iterator[tuple[int, Planned]]:
    """Yields the epoch and this process's part of every batch of steps `start` to `stop - 1` of a stage."""
    (index, count), of_epoch, epoch_batches = shard, -1, []
    for step in range(start, stop):
        epoch, place = divmod(step, batching.steps_per_epoch)
        if epoch != of_epoch:
            of_epoch, epoch_batches = epoch, list(batching.epoch(seed, stage=stage, epoch=epoch))
        planned = epoch_batches[place]
        yield epoch, planned._replace(ids=np.split(planned.ids, count)[index])


def _assemble(made: Sequence[Arrays], targets: Arrays, ids: Any, stack: Callable[..., Any]) -> Batch:
    inputs = {name: together([one[name] for one in made], stack) for name in made[0]}
    return {"inputs": inputs, "targets": dict(targets), "id": ids}


def _numbers(epoch: int) -> dict[str, Any]:
    return {"epoch": np.asarray(epoch, np.int32)}


def resident(examples: Examples, names: Sequence[str], *, seed: int) -> dict[str, np.ndarray]:
    """Returns the arrays on the devices: features (M, ...) by name, tokens as wide as the longest, and 'seed'."""
    everything = Planned(np.arange(len(examples)))
    return {**load(examples, everything, names, widest(examples)), "seed": np.asarray(seed, np.uint32)}


def ids(batching: Batching, **span: Any) -> Iterator[Fed]:
    """Yields what the steps of a stage need to know on the device path: ({'id': (n,)}, numbers)."""
    for epoch, planned in planned_batches(batching, **span):
        yield {"id": planned.ids}, _numbers(epoch)


def make_prepare(
    views: Sequence[View],
    kinds: Mapping[str, str],
    *,
    targets: Sequence[str],
    stage: int,
    mesh: Mesh,
) -> Callable[[Arrays, Arrays, Arrays], Batch]:
    """Returns `prepare(batch, numbers, resident)`, for the jitted step to call: ids become the host path's batches.

    Args:
        views: K pipelines.
        kinds: of the features that every view has of its own, by name.
        targets: features that are the same in every view.
        stage: index of the stage.
        mesh: of one axis, over which the examples lie.
    """
    library = draws.make_library(jnp)

    def local(batch: Arrays, numbers: Arrays, resident: Arrays) -> Batch:
        ids = batch["id"]
        own = {name: resident[name][ids] for name in kinds}
        where = {"seed": resident["seed"], "stage": stage, "epoch": numbers["epoch"], "ids": ids}
        made = [_apply(view, own, kinds, path="device", library=library, **where) for view in views]
        return _assemble(made, {name: resident[name][ids] for name in targets}, ids, jnp.stack)

    own, whole = PartitionSpec(*mesh.axis_names), PartitionSpec()
    return jax.shard_map(local, mesh=mesh, in_specs=(own, whole, whole), out_specs=own)

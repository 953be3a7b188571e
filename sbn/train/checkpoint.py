"""Checkpoints: Orbax, asynchronous and atomic, each with a checksum, so that a damaged one is noticed and skipped."""

import dataclasses
import logging
import os
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
from etils import epath
from jax.experimental import multihost_utils
from jax.sharding import Sharding
from ml_collections import ConfigDict
from orbax.checkpoint.checkpoint_managers import preservation_policy as preserve

from sbn.config.errors import ConfigError
from sbn.nn.branches import Layout
from sbn.runs import files
from sbn.runs.content import first_line
from sbn.runs.seals import sealed, unsealed
from sbn.train.plan import Stage
from sbn.train.state import TrainState

log = logging.getLogger(__name__)

_OTHER_FORM = "it holds other arrays than today's code makes of this config: a much older version wrote it"


@dataclasses.dataclass(frozen=True)
class Restored:
    """A checkpoint read back.

    Attributes:
        state: its arrays.
        seconds: of training until then.
        lines: of metrics.jsonl up to it; None of older ones, which do not hold them.
        layout: the leaves with a K axis; None of tasks that don't say, and of older ones.
    """

    state: TrainState
    seconds: float
    lines: str | None = None
    layout: Layout | None = None


class Checkpoints:
    """The checkpoints of a work directory.

    Args:
        directory: where they lie; made if missing, except to read.
        keep: how many of the newest to keep; those of the stages' ends are kept too.
        branches: names of the branches; a checkpoint with others is refused, so that main and aux can't be swapped.
        config: of the run; a checkpoint that says it is of another one is refused, so that a copied one is noticed.
        stages: of the run; only to write.
        layout: the leaves of the variables with a K axis, where the task knows; only to write.
        create: whether to make the directory; without, nothing in it is changed either.
    """

    def __init__(
        self,
        directory: epath.PathLike,
        *,
        keep: int,
        branches: tuple[str, ...],
        config: ConfigDict | None = None,
        stages: Sequence[Stage] = (),
        layout: Layout | None = None,
        create: bool = True,
    ) -> None:
        self._directory = epath.Path(directory).resolve()
        self._branches, self._stages, self._create = branches, tuple(stages), create
        self._layout = None if layout is None else sorted(map(list, layout))
        self._config = None if config is None else config.to_dict()
        kept = [preserve.LatestN(keep), preserve.CustomSteps([stage.stop for stage in stages])]
        options = ocp.CheckpointManagerOptions(
            preservation_policy=preserve.AnyPreservationPolicy(kept), create=create, cleanup_tmp_directories=create
        )
        self._manager = ocp.CheckpointManager(self._directory, options=options)

    def save(self, step: int, state: TrainState, *, seconds: float, lines: str | None = None) -> None:
        """Starts writing the state after `step` steps and `seconds` of training, unless it is there already.

        `lines` are those of metrics.jsonl so far: whoever goes on from here puts them back where the file lost any.
        """
        if step in self._manager.all_steps():
            return
        meta = {
            "step": step,
            "branches": list(self._branches),
            "seconds": seconds,
            "checksum": checksum(state),
            "lines": lines,
            "layout": self._layout,
            "config": self._config,
        }
        for stage in self._stages:
            if stage.start < step <= stage.stop:
                meta |= {"stage": stage.name, "stages": stage.index + 1, "stage_done": step == stage.stop}
        items = {name: ocp.args.StandardSave(item) for name, item in _items(state).items()}
        args = ocp.args.Composite(**items, meta=ocp.args.JsonSave(sealed(meta)))
        self._manager.save(step, args=args)

    def reached_preemption(self, step: int) -> bool:
        """Whether the hosts of this job have agreed to stop at `step`."""
        return bool(self._manager.reached_preemption(step))

    def restore(self, like: TrainState, sharding: Sharding) -> Restored | None:
        """Reads the newest undamaged checkpoint; None if there are no checkpoints.

        A damaged one is reported, and, once an older one has been read, set aside beside the checkpoints, as
        `damaged_STEP`. What is damaged for one of several processes is so for all: they go on from the same one.

        Args:
            like: a state of the same form, whose values are not used.
            sharding: of the restored arrays.

        Raises:
            ConfigError: if no checkpoint can be read, or the newest is of other branches or of another run.
        """
        damaged: list[tuple[int, str]] = []
        for candidate in self.steps():
            restored, reason = None, "another process could not read it"
            try:
                restored = self.read(candidate, like, sharding)
            except ConfigError:
                raise
            except Exception as error:
                reason = first_line(error).partition(" [tensorstore_spec")[0][:300]
            whole = _everywhere(restored is not None)
            if restored is None or not whole:
                damaged.append((candidate, reason))
                continue
            for bad, reason in damaged:
                log.warning("checkpoint %d is damaged%s (%s)", bad, " and set aside" * self._create, reason)
            if self._create and damaged:
                self._set_aside([bad for bad, _ in damaged])
            return restored
        if damaged:  # as likely a fault of the disk or of this program: nothing is moved, nothing starts over
            raise ConfigError(
                f"none of the checkpoints in {self._directory} can be read ({damaged[0][1]}): "
                "find out why, or remove the folder to start over"
            )
        return None

    def steps(self) -> list[int]:
        """Returns the steps there are checkpoints of, the newest first."""
        return sorted(self._manager.all_steps(), reverse=True)

    def meta(self, step: int) -> Mapping[str, Any]:
        """Returns what `save` wrote beside the arrays.

        Raises:
            Exception: of any kind, if it is damaged.
        """
        return unsealed(self._manager.restore(step, args=ocp.args.Composite(meta=ocp.args.JsonRestore())).meta)

    def shapes(self, step: int) -> dict[str, Any]:
        """Returns the variables of a checkpoint as shapes and types, without reading them.

        Raises:
            Exception: of any kind, if it is damaged.
        """
        self._check_files(step)
        with ocp.StandardCheckpointer() as reader:
            found = reader.metadata(self._directory / str(step) / "model").item_metadata
        if found is None:
            raise ValueError("the description of its arrays is damaged")
        named = {"params": {}, "batch_stats": {}} | found.tree
        return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), named)

    def read(self, step: int, like: TrainState, sharding: Sharding) -> Restored:
        """Reads one checkpoint; arguments are those of `restore`.

        Raises:
            ConfigError: if it is of other branches, or of another run.
            Exception: of any kind, if it is damaged or not of the form of `like`.
        """

        def shaped(tree: Any) -> Any:
            return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharding), tree)

        items = {name: shaped(item) for name, item in _items(like).items()}
        self._check_files(step)
        meta = self.meta(step)
        self._check_owner(step, meta)
        args = ocp.args.Composite(**{name: ocp.args.StandardRestore(item) for name, item in items.items()})
        try:
            read = self._manager.restore(step, args=args)
        except ValueError as error:
            if "structures do not match" not in str(error):
                raise
            raise ValueError(_OTHER_FORM) from error
        counter = jax.device_put(np.asarray(step, np.int32), sharding)
        state = TrainState(counter, read.model["params"], read.model["batch_stats"], read.optimiser, read.get("ema"))
        if checksum(state) != meta["checksum"]:
            raise ValueError("its arrays do not match their checksum")
        layout = meta.get("layout")
        own = None if layout is None else frozenset(map(tuple, layout))
        return Restored(state, meta["seconds"], meta.get("lines"), own)

    def _check_owner(self, step: int, meta: Mapping[str, Any]) -> None:
        if tuple(meta["branches"]) != self._branches:
            raise ConfigError(
                f"checkpoint {step} in {self._directory} holds the branches {meta['branches']}, "
                f"not {list(self._branches)}"
            )
        if self._config is not None and (other := files.other_run(self._config, meta.get("config"))):
            raise ConfigError(f"checkpoint {step} in {self._directory} is of another run ({other}): move it away")

    def _check_files(self, step: int) -> None:
        """Refuses a checkpoint in which something is no file, such as a pipe: whoever reads that waits for ever."""
        if "://" in str(self._directory):
            return
        for folder, _, names in os.walk(self._directory / str(step)):
            for name in names:
                if not os.path.isfile(path := os.path.join(folder, name)):
                    raise ValueError(f"{path} is not a file")

    def _set_aside(self, steps: list[int]) -> None:
        if jax.process_index() == 0:
            for step in steps:
                target = self._directory.parent / f"damaged_{step}"
                if target.exists():
                    target.rmtree()
                (self._directory / str(step)).rename(target)
        if jax.process_count() > 1:
            multihost_utils.sync_global_devices("damaged checkpoints are set aside")
        self._manager.reload()

    def wait(self) -> None:
        """Waits for what is being written."""
        self._manager.wait_until_finished()

    def close(self) -> None:
        """Waits for what is being written."""
        self._manager.wait_until_finished()
        self._manager.close()


def _items(state: TrainState) -> dict[str, Any]:
    """What is written of a state, by the name of its folder; averaged variables only where they are kept."""
    items = {"model": state.variables, "optimiser": state.opt_state}
    return items if state.ema is None else {**items, "ema": state.ema}


def _everywhere(here: bool) -> bool:
    """Whether all processes say so, each of which is told."""
    return jax.process_count() == 1 or bool(multihost_utils.process_allgather(np.asarray(here)).all())


def checksum(state: TrainState) -> int:
    """Returns a CRC-32 of every array of the state, in the order of its tree."""
    value = 0
    for leaf in jax.tree.leaves(state):
        value = zlib.crc32(np.asarray(jax.device_get(leaf)).tobytes(), value)
    return value

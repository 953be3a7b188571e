"""The files of a run: config, provenance, metrics.jsonl, progress, checkpoints, and result.json last."""

import contextlib
import dataclasses
import errno
import logging
import os
from collections.abc import Iterator, Mapping
from typing import Any, Final

import jax
import numpy as np
from etils import epath
from jax.experimental import multihost_utils
from ml_collections import ConfigDict

from sbn.config.errors import ConfigError
from sbn.runs import commands, files, lock
from sbn.runs.atomic import remove_drafts
from sbn.runs.files import read_config
from sbn.runs.reach import check_answers
from sbn.train.plan import Plan


@dataclasses.dataclass(frozen=True)
class Origin:
    """Which row a config came from.

    Attributes:
        experiment: name of the experiments file; '' for a config made by hand.
        row: 'table/row'.
        overrides: what was changed on top of the row, without the seed.
    """

    experiment: str = ""
    row: str = ""
    overrides: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def checked_path(workdir: epath.PathLike) -> epath.Path:
    """Returns the path of a work directory, which need not exist.

    Raises:
        ConfigError: if it can't be one.
    """
    if not str(workdir):
        raise ConfigError("--workdir is empty: name a folder")
    path = epath.Path(workdir)
    full = str(path) if "://" in str(path) else os.path.abspath(path)
    if os.fsencode(full) != full.encode(errors="replace"):
        raise ConfigError(
            f"--workdir={path} is not UTF-8 in this locale, which checkpoints need: set PYTHONUTF8=1, or name another "
            "folder"
        )
    check_answers(path)
    if path.exists() and not path.is_dir():
        raise ConfigError(f"--workdir={path} is a file: name a folder")
    if os.path.islink(path) and not path.exists():
        raise ConfigError(f"--workdir={path} is a link that leads nowhere: make what it points to, or remove it")
    return path


def finished(workdir: epath.Path, config: ConfigDict) -> dict[str, Any] | None:
    """Returns the result of a run that is done, None of one to start or to go on with.

    Raises:
        ConfigError: if the directory holds a run of another config, with the difference, or a damaged file.
    """
    result = files.read(workdir, files.RESULT)
    stored: Any = read_config(workdir) if (workdir / files.CONFIG).exists() else result and result["config"]
    if stored and (differences := files.differences(config, stored)):
        shown = "; ".join(f"{name}: {before!r} there, {now!r} here" for name, (now, before) in differences.items())
        raise ConfigError(
            f"{workdir} holds a run with another config ({shown}): give that run's values to continue it, or "
            "choose another --workdir"
        )
    return result


log = logging.getLogger(__name__)

_GONE: Final = (errno.ENOENT, errno.ENOTDIR, errno.ESTALE)


class Vanished(RuntimeError):
    """A file or folder of a work directory went while a run was at work there."""

    exit_code = 1


@contextlib.contextmanager
def locked(workdir: epath.Path) -> Iterator[lock.Lock | None]:
    """Holds the lock of a work directory; of several processes the first one does, and all learn whether it could.

    Raises:
        ConfigError: if another run has it.
        Vanished: from the block, where the directory was moved or removed meanwhile.
    """
    with contextlib.ExitStack() as held:
        mine, refused = None, None
        if jax.process_index() == 0:
            try:
                mine = held.enter_context(lock.locked(workdir))
            except (ConfigError, OSError) as error:
                refused = error
        if jax.process_count() > 1 and not multihost_utils.broadcast_one_to_all(np.asarray(refused is None)):
            refused = refused or ConfigError(f"{workdir} is not free: the first process of this run says why")
        if refused is not None:
            raise refused
        try:
            yield mine
        except Exception as error:  # Orbax has errors of its own for it
            for each, _ in commands.chain(error):
                if isinstance(each, OSError) and each.errno in _GONE and str(workdir) in str(each.filename):
                    told = f"{each.strerror}: {each.filename}: was the work directory moved or removed?"
                    raise Vanished(told) from error
            raise


def read_origin(workdir: epath.Path, *, before: int) -> dict[str, Any]:
    """Returns what identifies a parent run, and the stages that it had finished `before` a step.

    Returns:
        'experiment', 'row', 'seed' and 'overrides' as result.json has them, or, of an unfinished run, as its last start
        noted them; 'stages', [steps before, steps after] by name, of those that were over; and 'source', the same of
        the run that it began from. What nobody recorded is None.
    """
    result = files.read(workdir, files.RESULT)
    start = [{}, *files.glance(workdir, files.PROVENANCE)["starts"]][-1]
    told = result if result is not None else {**files.glance(workdir, files.PROGRESS), **start}
    stages = {name: span for name, span in told["stages"].items() if span[1] <= before}
    known = {name: told.get(name) for name in ("experiment", "row", "seed", "overrides")}
    return {**known, "stages": stages, "source": (files.read(workdir, files.INIT) or {}).get("source")}


def begin(
    workdir: epath.Path,
    config: ConfigDict,
    provenance: Mapping[str, Any],
    *,
    origin: Origin | None = None,
    inherited: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
) -> None:
    """Makes the directory, and records the config, this start, the data, and the run that it began from, if any.

    Of several processes one writes.
    """
    if jax.process_index() != 0:
        return
    workdir.mkdir(parents=True, exist_ok=True)
    remove_drafts(workdir)
    files.write(workdir, files.CONFIG, config.to_dict())  # data may lie elsewhere since the last start
    if inherited is not None and not (workdir / files.INIT).exists():
        files.write(workdir, files.INIT, inherited)
    if data is not None and not (workdir / files.DATA).exists():
        files.write(workdir, files.DATA, data)
    whose = {} if origin is None else {**dataclasses.asdict(origin), "seed": config.seed}
    before = files.glance(workdir, files.PROVENANCE)["starts"]
    for name in _changed([{}, *before][-1].get("imported"), provenance.get("imported")):
        log.warning("%s: %s has changed since the last start: the run goes on with the new code", workdir, name)
    files.write(workdir, files.PROVENANCE, {"starts": [*before, {**provenance, **whose}]})


def _changed(before: Any, now: Any) -> list[str]:
    """The names of a user's own things whose files have other hashes than at the start before."""
    if not isinstance(before, Mapping) or not isinstance(now, Mapping):
        return []
    return [name for name, own in now.items() if name in before and _hash(before[name]) != _hash(own)]


def _hash(own: Any) -> Any:
    return own.get("sha256") if isinstance(own, Mapping) else None


def finish(
    workdir: epath.Path,
    config: ConfigDict,
    origin: Origin,
    *,
    plan: Plan,
    seconds: float,
    metrics: Mapping[str, float],
    log: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """Writes result.json, which says that the run is done; returns what it holds. `log` proves metrics.jsonl whole."""
    result = {
        "format": files.FORMAT,
        "experiment": origin.experiment,
        "row": origin.row,
        "seed": config.seed,
        "overrides": dict(origin.overrides),
        "steps": plan.total,
        "steps_per_epoch": plan.steps_per_epoch,
        "stages": plan.spans,
        "seconds": seconds,
        "metrics": dict(metrics),
        "log": log,
        "config": config.to_dict(),
        "init": files.read(workdir, files.INIT),
    }
    if jax.process_index() == 0:
        files.write(workdir, files.RESULT, result)
    return result

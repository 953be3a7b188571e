"""The files of a run: config, provenance, metrics.jsonl, progress, checkpoints, and result.json last."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import jax
from etils import epath
from ml_collections import ConfigDict

from sbn.config import tree
from sbn.config.errors import ConfigError
from sbn.config.schema import is_incidental
from sbn.train.plan import Plan
from sbn.train.writers import write_atomically


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
    if path.exists() and not path.is_dir():
        raise ConfigError(f"--workdir={path} is a file: name a folder")
    return path


def finished(workdir: epath.Path, config: ConfigDict) -> dict[str, Any] | None:
    """Returns the result of a run that is done, None of one to start or to go on with.

    Raises:
        ConfigError: if the directory holds a run of another config; it shows the difference.
    """
    path = workdir / "config.json"
    if path.exists():
        found = tree.difference(tree.flatten(read_config(workdir)), tree.flatten(config))
        differences = {name: pair for name, pair in found.items() if not is_incidental(name)}
        if differences:
            shown = "; ".join(f"{name}: {before!r} there, {now!r} here" for name, (before, now) in differences.items())
            raise ConfigError(
                f"{workdir} holds a run of another config ({shown}): choose another --workdir, or remove it"
            )
    return read_result(workdir)


def read_result(workdir: epath.Path) -> dict[str, Any] | None:
    """Returns what result.json holds; None of a run that is not done.

    Raises:
        ConfigError: if the file is damaged.
    """
    return _read(workdir / "result.json", None)


def read_config(workdir: epath.Path) -> ConfigDict:
    """Returns the config of the run in a work directory.

    Raises:
        ConfigError: if there is no run.
    """
    path = workdir / "config.json"
    if not path.exists():
        raise ConfigError(f"{workdir} holds no run: it has no config.json")
    try:
        return tree.checked(json.loads(path.read_text()))
    except (json.JSONDecodeError, TypeError, IndexError) as error:
        raise ConfigError(f"{path} is damaged ({error}): it is no config of a run") from None


def read_origin(workdir: epath.Path, *, before: int) -> dict[str, Any]:
    """Returns what tells runs apart that others begin from: whose run it is, and what it had done `before` a step.

    Returns:
        'experiment', 'row', 'seed' and 'overrides' as result.json has them, or, of an unfinished run, as its last start
        noted them; 'stages', [steps before, steps after] by name, of those that were over; and 'source', the same of
        the run that it began from. What nobody recorded is None.
    """
    start = [{}, *_read(workdir / "provenance.json", [])][-1]
    told = _read(workdir / "result.json", {**_read(workdir / "progress.json", {}), **start})
    stages = {name: span for name, span in told.get("stages", {}).items() if span[1] <= before}
    known = {name: told.get(name) for name in ("experiment", "row", "seed", "overrides")}
    return {**known, "stages": stages, "source": _read(workdir / "init.json", {}).get("source")}


def _read(path: epath.Path, otherwise: Any) -> Any:
    try:
        return json.loads(path.read_text()) if path.exists() else otherwise
    except json.JSONDecodeError as error:
        raise ConfigError(f"{path} is damaged ({error})") from None


def begin(
    workdir: epath.Path,
    config: ConfigDict,
    provenance: Mapping[str, Any],
    *,
    origin: Origin | None = None,
    inherited: Mapping[str, Any] | None = None,
) -> None:
    """Makes the directory, and records the config, this start, and what the run began from, if it was another's state.

    Of several processes one writes.
    """
    if jax.process_index() != 0:
        return
    workdir.mkdir(parents=True, exist_ok=True)
    write_atomically(workdir / "config.json", config.to_dict())  # data may lie elsewhere since the last start
    if inherited is not None and not (workdir / "init.json").exists():
        write_atomically(workdir / "init.json", inherited)
    path = workdir / "provenance.json"
    whose = {} if origin is None else {**dataclasses.asdict(origin), "seed": config.seed}
    write_atomically(path, [*_read(path, []), {**provenance, **whose}])


def finish(
    workdir: epath.Path, config: ConfigDict, origin: Origin, *, plan: Plan, seconds: float, metrics: Mapping[str, float]
) -> dict[str, Any]:
    """Writes result.json, which says that the run is done; returns what it holds."""
    result = {
        "format": 1,
        "experiment": origin.experiment,
        "row": origin.row,
        "seed": config.seed,
        "overrides": dict(origin.overrides),
        "steps": plan.total,
        "steps_per_epoch": plan.steps_per_epoch,
        "stages": plan.spans,
        "seconds": seconds,
        "metrics": dict(metrics),
        "config": config.to_dict(),
        "init": _read(workdir / "init.json", None),
    }
    if jax.process_index() == 0:
        write_atomically(workdir / "result.json", result)
    return result

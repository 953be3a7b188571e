"""What exported networks share: where they come from, what images they take, and the config that is read back."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
from etils import epath
from ml_collections import ConfigDict

from sbn.config import tree
from sbn.config.errors import ConfigError
from sbn.config.imported import is_import_path
from sbn.data import eval_view
from sbn.data import record as data_record
from sbn.data.sources import channels
from sbn.runs import files
from sbn.runs.content import Damaged
from sbn.runs.kinds import Kind, Wrong, count, listing, number, optional, record, text
from sbn.tasks.detection import Detection
from sbn.tasks.segmentation import Segmentation

AnyTask = TypeVar("AnyTask", Detection, Segmentation)

# What the `model.json` of a task on images of any size says beside what every exported network's does
_ABOUT: Kind = record(
    {"class_names": listing(text), "image_size": listing(count), "mean": listing(number), "std": listing(number)},
    augment=(optional(text), None),
)


def checked_image(image: np.ndarray) -> np.ndarray:
    """Returns an image (H, W, 3) uint8 as an array.

    Raises:
        ConfigError: if it is no such image.
    """
    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] != 3 or 0 in image.shape:
        raise ConfigError(f"an image must be (H, W, 3) uint8, not {image.shape} {image.dtype}")
    return image


def named_classes(
    config: ConfigDict, recorded: Mapping[str, Any] | None, key: str, *, classified: str
) -> dict[str, Any]:
    """Returns what a `model.json` says of a run: its task, the names of the classes, the size that evaluation sees.

    Args:
        config: of the run.
        recorded: what its data.json holds.
        key: of that, which the classes stand under.
        classified: what has these classes, for the message.

    Raises:
        ConfigError: if the data.json does not say what the classes are.
    """
    if not recorded or not recorded.get(key) or not recorded.get("image_size"):
        raise ConfigError(f"the run's data.json does not name the classes of {classified}: it is of an older version")
    return {"task": config.task, "class_names": recorded[key], "image_size": recorded["image_size"]}


def checked_about(path: epath.Path, about: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what a `model.json`, the file at `path`, says.

    Raises:
        Damaged: if that is not what `export` writes.
    """
    try:
        found: dict[str, Any] = _ABOUT("", about)
    except Wrong as error:
        raise Damaged(path, str(error)) from None
    return found


def config_of(about: Mapping[str, Any], task: str, **changes: Any) -> ConfigDict:
    """Returns the config of one branch of a task, as its `model.json` has it; `changes` come on top."""
    changed = {**about["config"], "task": task, "branches": ("main",), **changes}
    return tree.to_config(tree.changed(tree.defaults(), changed))


def normalising(task: AnyTask, about: Mapping[str, Any]) -> AnyTask:
    """Returns the task, which takes the mean and deviation of its images from what `model.json` says."""
    mean, std = tuple(about["mean"]), tuple(about["std"])
    return dataclasses.replace(task, data=dataclasses.replace(task.data, mean=mean, std=std))


def channels_of(workdir: epath.Path, config: ConfigDict, recorded: Mapping[str, Any] | None) -> dict[str, list[float]]:
    """Returns the mean and deviation that a run recorded, or, of an older one, those that are known of its data.

    A task of the user's own may have no images, and then records none.
    """
    if is_import_path(config.task) and not (recorded or {}).get("mean"):
        return {}
    mean, std = data_record.channels(files.read(workdir, files.DATA)) or channels(config.data)
    return {"mean": list(mean), "std": list(std)}


def evaluated_size(config: ConfigDict, recorded: Mapping[str, Any] | None) -> tuple[int, int]:
    """Returns the (H, W) of the images that a run's evaluation sees.

    Raises:
        ConfigError: if its data.json does not say, or they have no one size.
    """
    if not recorded or not recorded.get("image_size"):
        raise ConfigError("the run's data.json does not say how large its images are: it is of an older version")
    return eval_view.size(config.eval.augment, name=config.data.name, image_size=recorded["image_size"])


def origin(workdir: epath.Path, step: int) -> dict[str, Any]:
    """Returns which run a network is of, with what it was made, and, of its last step, what it measured."""
    starts = [{}, *files.glance(workdir, files.PROVENANCE)["starts"]]
    made = {name: starts[-1][name] for name in ("time", "commit", "packages", "data") if name in starts[-1]}
    result = files.read(workdir, files.RESULT) or {}
    run = {name: result[name] for name in ("experiment", "row", "seed", "overrides") if name in result}
    metrics = result.get("metrics", {}) if step == result.get("steps") else {}
    finite = {name: value for name, value in metrics.items() if value is not None and math.isfinite(value)}
    return {"run": {**run, "workdir": str(workdir), "step": step}, "provenance": made, "metrics": finite}

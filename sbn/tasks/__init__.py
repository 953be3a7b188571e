"""Tasks: what is learned. The table of them by the name that `config.task` gives."""

from collections.abc import Callable

from ml_collections import ConfigDict

from sbn.config import imported
from sbn.tasks.base import Task, TaskData
from sbn.tasks.classification import make_classification
from sbn.tasks.detection import make_detection
from sbn.tasks.segmentation import make_segmentation
from sbn.tasks.translation import make_translation

TASKS: dict[str, Callable[[ConfigDict, TaskData], Task]] = {
    "classification": make_classification,
    "detection": make_detection,
    "segmentation": make_segmentation,
    "translation": make_translation,
}
_PARTS = ("branches", "targets", "for_stage", "check_views", "init", "loss", "outputs", "metrics")


def make_task(config: ConfigDict, data: TaskData) -> Task:
    """Returns the task that `config.task` names; one of the user's own is what its name returns for (config, data).

    Raises:
        ConfigError: if it can't be imported or made, or is none, or the config or the data are not for it.
    """
    if config.task in TASKS:
        return TASKS[config.task](config, data)
    given = {"config": config, "data": data}
    task: Task = imported.make(config.task, given, key="task", parts=_PARTS, kind="sbn.tasks.base.Task")
    return task

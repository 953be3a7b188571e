"""Views with data of their own (`views.NAME.data.KEY`): other data sets, each with its own length, order and epochs.

How batches are made of them is in `sbn.train.domain_feed`.
"""

import dataclasses
from collections.abc import Callable
from typing import cast

from ml_collections import ConfigDict

from sbn.config import tree
from sbn.config.data_keys import of_view
from sbn.config.errors import ConfigError
from sbn.data import pairing, sources
from sbn.data.examples import Examples, LabelledImages
from sbn.data.targets import inputs_of
from sbn.tasks.base import Task

# (data keys, split, view=pipeline of evaluation) -> its examples, as `sbn.data.sources.load`
Load = Callable[..., Examples]


@dataclasses.dataclass(frozen=True)
class Domain:
    """One of the other data sets.

    Attributes:
        name: of its first view, which its numbers are called by: 'test_NAME/main/accuracy'.
        views: that draw from it.
        train: training split.
        test: test split.
    """

    name: str
    views: tuple[str, ...]
    train: Examples
    test: Examples


def load(config: ConfigDict, read: Load = sources.load) -> tuple[Domain, ...]:
    """Returns the data sets that views of a run have of their own, each once.

    Args:
        config: of the run.
        read: a split of a data set.

    Raises:
        ConfigError: naming the view, if one can't be loaded.
    """
    used = dict.fromkeys(view for name in config.stages for view in tree.stage_config(config, name).branches)
    found: dict[str, tuple[ConfigDict, list[str]]] = {}
    for view in used:
        own = of_view(config, view)
        if own != config.data:
            found.setdefault(repr(sorted(tree.flatten(own).items())), (own, []))[1].append(view)
    made = []
    for data, views in found.values():
        try:
            train, test = (read(data, split, view=config.eval.augment) for split in ("train", "test"))
            pairing.check_together(data, train, test, view=config.eval.augment)
        except ConfigError as error:
            raise ConfigError(f"views.{views[0]}.data: {error}") from None
        made.append(Domain(views[0], tuple(views), train, test))
    return tuple(made)


def check(domain: Domain, config: ConfigDict, task: Task, train: Examples, test: Examples) -> None:
    """Refuses a data set that views can't have beside the run's.

    Raises:
        ConfigError: naming the view: if the task is not for it, or features, classes or sizes differ, or it is small.
    """
    key = f"views.{domain.name}.data"
    if not getattr(task, "targets_by_view", False):
        raise ConfigError(
            f"{key}: task = {config.task!r} has one target for all views, so no view can have its own data"
        )
    for name in dict.fromkeys([*inputs_of(task, train.features), *task.targets]):
        own, other = domain.train.features.get(name), train.features[name]
        if own is None or own.kind != other.kind:
            has = "there is none" if own is None else f"it is {own.kind}"
            raise ConfigError(f"{key}: {name} is {other.kind} in the run's data; here {has}")
        if own.kind != "image" and own.classes != other.classes:
            raise ConfigError(
                f"{key}: the classes of {name}, {pairing.few(own.classes)}, are not those of the run's data, "
                f"{pairing.few(other.classes)}"
            )
        if own.kind not in ("image", "mask") and own.shape != other.shape:
            raise ConfigError(f"{key}: {name} has the shape {own.shape}, in the run's data {other.shape}")
    if "image" in train.features:
        (h, w), (height, width) = (cast(LabelledImages, split).images.shape[1:3] for split in (domain.test, test))
        if (h, w) != (height, width):
            own_size, size = f"{h} x {w}", f"{height} x {width}"
            raise ConfigError(
                f"{key}: its test images have {own_size} pixels, the run's {size}: give both one size with eval.augment"
            )
    if len(domain.train) < config.batch_size:
        raise ConfigError(f"{key}: batch_size = {config.batch_size} is more than its {len(domain.train)} examples")

"""Batches whose views come from several data sets: joins the batches that each data set's feed makes.

A batch holds N examples of each view's data, which have nothing to do with one another: targets are (N, K, ...), and so
are the ids. Each data set has its own length, order and epochs; the steps and epochs of a run are those of its `data`.
"""

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from sbn.data.targets import sort
from sbn.data.views import Fed, together
from sbn.tasks.base import Arrays
from sbn.train.plan import Stage
from sbn.train.setup import Setup
from sbn.train.views import Views

# A stage's number, in draws and orders, is so much larger for each further data set: they share neither
_STAGES = 1 << 16


class DomainsFeed:
    """Batches whose views come from several data sets, each with its own feed.

    Args:
        setup: of the run.
        config: of the run.
        make: the feed of a setup whose views all have the same data.
    """

    def __init__(self, setup: Setup, config: ConfigDict, make: Callable[[Setup, ConfigDict], Any]) -> None:
        self._setup = setup
        self._boxes = sort(setup.train, setup.task.targets).boxes
        self._setups = {str(number): own for number, own in enumerate(_apart(setup)) if own.plan.stages}
        self._feeds = {number: make(own, config) for number, own in self._setups.items()}
        self.resident: Arrays = {
            f"{name}/{number}" if name != "seed" else name: array
            for number, feed in self._feeds.items()
            for name, array in feed.resident.items()
        }

    def _of(self, stage: Stage) -> dict[str, Stage]:
        """The stage as each data set knows it that has views in it."""
        named = {number: {own.name: own for own in setup.plan.stages} for number, setup in self._setups.items()}
        return {number: stages[stage.name] for number, stages in named.items() if stage.name in stages}

    def batches(self, stage: Stage, step: int) -> Iterator[Fed]:
        """As `Feed` says: what each data set's feed yields, by its number."""
        stages = self._of(stage)
        fed = zip(*(self._feeds[number].batches(own, step) for number, own in stages.items()), strict=True)
        for done, parts in zip(itertools.count(step - stage.start), fed, strict=False):
            numbers = {"epoch": np.asarray(done // self._setup.plan.steps_per_epoch, np.int32)}
            numbers |= {
                f"{name}/{number}": value
                for number, (_, own) in zip(stages, parts, strict=True)
                for name, value in own.items()
            }
            if (strength := self._strength(stage, numbers)) is not None:
                numbers["strength"] = strength
            yield {number: batch for number, (batch, _) in zip(stages, parts, strict=True)}, numbers

    def _strength(self, stage: Stage, numbers: Mapping[str, Any]) -> np.ndarray | None:
        """What is left of each of the K views, where any fades."""
        if not any(name.startswith("strength/") for name in numbers):
            return None
        places = self._places(stage)
        left = [numbers[f"strength/{number}"][k] if f"strength/{number}" in numbers else 1.0 for number, k in places]
        return np.asarray(left, np.float32)

    def _places(self, stage: Stage) -> list[tuple[str, int]]:
        """The data set of every view, and which of the views that draw from it this one is."""
        numbers = _numbers(self._setup)
        names = list(stage.config.branches)
        own = [str(numbers.get(name, 0)) for name in names]
        return [(number, own[:k].count(number)) for k, number in enumerate(own)]

    def prepare(self, stage: Stage) -> Callable[[Arrays, Arrays, Arrays], Arrays]:
        """As `Feed` says: every data set's part is made ready, and then put together."""
        prepares = {number: self._feeds[number].prepare(own) for number, own in self._of(stage).items()}
        places, boxes = self._places(stage), self._boxes

        def own(arrays: Arrays, number: str) -> Arrays:
            end = f"/{number}"
            found = {name.removesuffix(end): value for name, value in arrays.items() if name.endswith(end)}
            return {**found, **({"seed": arrays["seed"]} if "seed" in arrays else {})}

        def prepare(batch: Arrays, numbers: Arrays, resident: Arrays) -> Arrays:
            made = {
                number: make(batch[number], own(numbers, number), own(resident, number))
                for number, make in prepares.items()
            }
            first = made[places[0][0]]
            inputs = {
                name: together([_view(made[number]["inputs"][name], k) for number, k in places], jnp.stack)
                for name in first["inputs"]
            }
            targets = {
                name: jnp.stack(
                    [
                        made[number]["targets"][name][:, k] if name == boxes else made[number]["targets"][name]
                        for number, k in places
                    ],
                    axis=1,
                )
                for name in first["targets"]
            }
            ids = jnp.stack([made[number]["id"] for number, _ in places], axis=1)
            return {"inputs": inputs, "targets": targets, "id": ids}

        return prepare


def _view(inputs: Any, k: int) -> Any:
    return inputs[k] if isinstance(inputs, tuple) else inputs[:, k]


def _numbers(setup: Setup) -> dict[str, int]:
    """Which of the other data sets views draw from, from 1."""
    return {view: number for number, domain in enumerate(setup.domains, start=1) for view in domain.views}


def _apart(setup: Setup) -> Iterator[Setup]:
    """The setup of each data set: its splits, the stages in which it has views, and these views alone."""
    numbers = _numbers(setup)
    splits = [
        (setup.train, setup.test),
        *((domain.train, domain.test) for domain in setup.domains),
    ]
    for number, (train, test) in enumerate(splits):
        stages: list[Stage] = []
        views: dict[str, Views] = {}
        for stage in setup.plan.stages:
            mine = [k for k, name in enumerate(stage.config.branches) if numbers.get(name, 0) == number]
            if mine:
                whole = setup.views[stage.name]
                stages.append(dataclasses.replace(stage, index=stage.index + number * _STAGES))
                views[stage.name] = whole._replace(data=tuple(whole.data[k] for k in mine), task=whole.task.take(mine))
        plan = dataclasses.replace(setup.plan, stages=tuple(stages))
        yield dataclasses.replace(setup, train=train, test=test, plan=plan, views=views, domains=())

"""The views of a stage, once and for all: pipelines parsed and checked, weights, branches, how they fade."""

import itertools
from collections.abc import Mapping
from typing import NamedTuple, cast

import jax.numpy as jnp
import numpy as np

from sbn.augment import pipeline
from sbn.augment.encoded_crops import check_crop, split_crop
from sbn.augment.op import OwnOp
from sbn.augment.ops import POLICIES
from sbn.augment.size_checks import check_boxes, check_fits
from sbn.augment.size_ops import canvases, sizes, variants
from sbn.augment.step_ops import MIXES
from sbn.config.errors import ConfigError
from sbn.data import arrays
from sbn.data.encoded import EncodedImages
from sbn.data.examples import Examples, Images, LabelledImages
from sbn.data.targets import inputs_of
from sbn.data.views import View
from sbn.tasks.base import StageViews, Task
from sbn.train.plan import Stage


class Views(NamedTuple):
    """The K views of a stage, in the order of the K axis.

    Attributes:
        data: as the data paths make them.
        task: as the task takes them.
    """

    data: tuple[View, ...]
    task: StageViews


def resolved(stage: Stage, task: Task, train: Examples, drawn: Mapping[str, Examples] = {}) -> Views:
    """Returns the views of a stage.

    Args:
        stage: of the plan.
        task: what is learned.
        train: the training split.
        drawn: those of views that have data of their own, by the view's name.

    Raises:
        ConfigError: if a pipeline can't be read, or does not fit the examples.
    """
    if "image" in train.features:
        boxes = any(train.features[name].kind == "boxes" for name in task.targets if name in train.features)
        made = make_views(stage, cast(LabelledImages, train).images, boxes=boxes, drawn=drawn)
    else:
        pipelines = _pipelines(stage)
        made = [View(ops, streams) for ops, streams in pipelines.values()]
        viewed = [name for name in inputs_of(task, train.features) if name not in task.targets]
        for name, view in zip(pipelines, made, strict=True):
            arrays.check([view], drawn.get(name, train), viewed, names=(name,), path=stage.config.data.path)
        for name in pipelines:
            if stage.fades[name]:
                raise ConfigError(f"views.{name}.fade = {stage.config.views[name].fade!r}: only ops of images can fade")
    return Views(tuple(made), stage_views(stage, task.branches))


def make_views(stage: Stage, images: Images, *, boxes: bool = False, drawn: Mapping[str, Examples] = {}) -> list[View]:
    """Returns the views of a stage, in the order of the K axis, for the training images.

    Args:
        stage: of the plan.
        images: of the training split.
        boxes: whether they have boxes.
        drawn: the training splits of views that have data of their own, by the view's name.

    Raises:
        ConfigError: if a pipeline can't be read, or does not fit the images.
    """
    views = []
    for name, (ops, streams) in _pipelines(stage).items():
        own = cast(LabelledImages, drawn[name]).images if name in drawn else images
        try:
            found = variants(ops)
            if len(found) > 1 and (steps := stage.config.steps_per_call) > 1:
                raise ValueError(f"batches whose size is drawn can't share a call: steps_per_call is {steps}, not 1")
            for variant in itertools.chain.from_iterable(map(canvases, found)):
                if isinstance(own, EncodedImages):
                    check_crop(variant, least=own.least)
                else:
                    check_fits(variant, image_size=own.shape[1:3])
                if boxes:
                    check_boxes(variant)
                _try_own(variant, own, path=stage.config.data.path)
        except ValueError as error:
            raise ConfigError(f"views.{name}.augment = {stage.config.views[name].augment!r}: {error}") from None
        views.append(View(ops, streams, _strengths(stage, name, ops)))
    return views


def _try_own(ops: tuple[pipeline.Op, ...], images: Images, *, path: str) -> None:
    """Calls ops of a user's own with two images, before anything is compiled or written."""
    if not any(isinstance(op, OwnOp) for op in ops):
        return
    size = images.shape[1:3]
    if isinstance(images, EncodedImages):
        crop = split_crop(ops)
        ops, size = crop.rest, crop.size
    for op, met in zip(ops, sizes(ops, size), strict=False):  # the last size is that of the result
        if isinstance(op, OwnOp):
            op.try_on(path, met, as_array=jnp.asarray if path == "device" else np.asarray)


def _strengths(stage: Stage, name: str, ops: tuple[pipeline.Op, ...]) -> np.ndarray | None:
    """What is left of a view at every step of the stage: 1 until it begins to fade, 0 at the last; None if it stays."""
    view, steps = stage.config.views[name], stage.stop - stage.start
    fade = stage.fades[name]
    if not fade:
        return None
    if not any(isinstance(op, (*POLICIES, *MIXES)) for op in ops):
        names = ", ".join(op.name for op in (*POLICIES, *MIXES))
        raise ConfigError(f"views.{name}.fade = {view.fade!r}: nothing in {view.augment!r} can fade ({names} can)")
    if fade > steps:
        raise ConfigError(f"views.{name}.fade = {view.fade!r} is longer than the stage's {stage.config.duration!r}")
    gone = np.clip((np.arange(1, steps + 1) - (steps - fade)) / fade, 0, 1)
    left = 1 - gone if view.fade_shape == "linear" else 0.5 * (1 + np.cos(np.pi * gone))
    return left.astype(np.float32)


def stage_views(stage: Stage, branch_names: tuple[str, ...]) -> StageViews:
    """Returns the views of a stage; without weights of their own they weigh 1/K (Split BatchNorms, section 3)."""
    names = tuple(stage.config.branches)
    weights = [stage.config.views[name].weight for name in names]
    in_step = [
        [(op, stream) for op, stream in zip(ops, streams, strict=True) if op.where != "image"]
        for ops, streams in _pipelines(stage).values()
    ]
    return StageViews(
        names,
        tuple(1 / len(names) if weight is None else weight for weight in weights),
        branches=tuple(branch_names.index(name) if name in branch_names else 0 for name in names),
        ops=tuple(tuple(op for op, _ in pairs) for pairs in in_step),
        draws=tuple(tuple(stream for _, stream in pairs) for pairs in in_step),
    )


def _pipelines(stage: Stage) -> dict[str, tuple[tuple[pipeline.Op, ...], tuple[int, ...]]]:
    """Every view's ops, and the stream of draws of each."""
    names = list(stage.config.branches)
    ops = {name: pipeline.parse_key(f"views.{name}.augment", stage.config.views[name].augment) for name in names}
    made = {}
    for own, name in enumerate(names):
        other = stage.config.views[name].draws or name
        made[name] = (ops[name], pipeline.streams(ops[name], own, ops[other], names.index(other)))
    return made

"""What tasks have in common that put parts of their own on a backbone, and whose targets have places in the image."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from sbn.config import tree
from sbn.config.errors import ConfigError
from sbn.data.batching import Batching
from sbn.data.canvases import make_canvases
from sbn.data.examples import Examples
from sbn.data.pixels import normalise
from sbn.models import make_model
from sbn.models.network import draw_weights
from sbn.nn.branched import Branched
from sbn.nn.branches import Layout
from sbn.tasks.base import Arrays, StageViews, TaskData, Variables

Array = jax.Array
BACKBONES = ("imagenet_resnet",)


@dataclasses.dataclass(frozen=True)
class BackboneTask:
    """A network of branches on images, and what its views may be.

    Attributes:
        model: the network on its backbone, with its branches.
        branches: names of the K branches.
        data: what is known of the data.
        shared: whether all views go through the model's single branch, one after the other.
    """

    name: ClassVar[str]  # of the task

    model: Branched
    branches: tuple[str, ...]
    data: TaskData
    shared: bool

    @property
    def image_size(self) -> tuple[int, int]:
        """(H, W) of what the network is given in evaluation."""
        height, width, _ = self.data.features["image"].shape
        return int(height or 0), int(width or 0)

    @property
    def shapes(self) -> tuple[jax.ShapeDtypeStruct, ...]:
        """The inputs of the network, for one view of one image."""
        return (jax.ShapeDtypeStruct((1, *self.image_size, 3), jnp.float32),)

    @property
    def layout(self) -> Layout:
        """The leaves of the variables that have a K axis."""
        return self.model.layout(*self.shapes)

    def check_views(self, views: StageViews) -> None:
        """Raises a `ConfigError` if a view mixes images: what lies at a place would be of two images."""
        for name, ops in zip(views.names, views.ops, strict=True):
            if ops:
                raise ConfigError(
                    f"views.{name}.augment: {ops[0].name} changes images within the training step, which {self.name} "
                    "does not take"
                )

    def batching(self, examples: Examples, config: ConfigDict, *, multiple: int) -> Batching | None:
        """Returns batches of images of one canvas each, where there are two; None for even batches."""
        return make_canvases(examples, config, multiple=multiple)

    def init(self, key: Array) -> Variables:
        """Returns fresh variables: {'params', 'batch_stats'}."""
        inputs = [jnp.zeros((1, *shape.shape), shape.dtype) for shape in self.shapes]
        found = draw_weights(lambda key: self.model.init(key, *inputs, train=False, through=(0,)), key)
        return {"params": found["params"], "batch_stats": found.get("batch_stats", {})}

    def seen(self, pixels: Array) -> Array:
        """Returns what the network sees of packed pixels (..., H, W)."""
        return normalise(pixels, mean=self.data.mean, std=self.data.std)

    def apart(self, batch: Arrays) -> tuple[Array, ...]:
        """Returns the packed views of a batch, K arrays (N, H, W)."""
        pixels = batch["inputs"]["image"]
        return pixels if isinstance(pixels, tuple) else tuple(pixels[:, k] for k in range(pixels.shape[1]))

    def through(self, views: StageViews) -> tuple[int, ...]:
        """Returns the branch that each view goes through."""
        return (0,) * len(views.names) if self.shared else views.branches


def make_backbone(config: ConfigDict, *, task: str) -> tuple[Branched, tuple[str, ...], bool]:
    """Returns the backbone of a config, with no classes, the names of its branches, and whether all views share one.

    Args:
        config: of the run.
        task: its name, for messages.

    Raises:
        ConfigError: if the network is no backbone.
    """
    if config.model.name not in BACKBONES:
        raise ConfigError(f"task = {task!r} takes model.name = {', '.join(map(repr, BACKBONES))} as its backbone")
    names = tree.branch_names(config)
    return make_model(config, classes=0, branches=len(names)), names, config.norm.kind in ("shared", "none")

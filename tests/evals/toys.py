"""A linear classifier of two branches, images for it, and what evaluators of it are made of."""

import dataclasses
from typing import Any

import jax.numpy as jnp
import numpy as np
from etils import epath

from sbn.config import tree
from sbn.config.checks import check
from sbn.data.examples import in_memory
from sbn.evals.base import Materials
from sbn.train.mesh import make_mesh

CLASSES = 4
MEAN = (0.5, 0.4, 0.6)
EVAL = {"eval.mix": (0.0, 0.3, 1.0), "seed": 3}


@dataclasses.dataclass(frozen=True)
class Linear:
    """Logits are inner products with the image, less those of mid-grey."""

    branches: tuple[str, ...] = ("main", "aux")

    def predict_floats(self, variables, images):
        return jnp.einsum("nhwc,hwckl->nkl", images - 0.5, variables["weights"], precision="highest")


def make_variables(image_size, branches=2):
    weights = np.random.default_rng(5).normal(size=(*image_size, 3, branches, CLASSES))
    return {"weights": weights.astype(np.float32)}


def make_source(count, image_size):
    rng = np.random.default_rng(6)
    images = rng.integers(0, 256, (count, *image_size, 3), np.uint8)
    return in_memory({"image": images, "label": rng.integers(0, CLASSES, count)}, name="toy", classes=CLASSES)


def make_materials(source, changes: dict[str, Any] | None = None, *, task=None, workdir=None):
    config = check(tree.to_config(tree.changed(tree.defaults(), {**EVAL, **(changes or {})})))
    mesh = make_mesh(batch_size=840)
    path = None if workdir is None else epath.Path(workdir)
    return Materials(config, task or Linear(), mesh, train=source, test=source, workdir=path, mean=MEAN)

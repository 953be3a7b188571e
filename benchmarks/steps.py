"""The training step of sbn itself, as the loop runs it, on images of noise: what `growth` and `scaling` measure."""

import functools
import math

import jax
import numpy as np
from jax.sharding import AxisType

from benchmarks.parts import batch_of, described
from sbn.config import tree
from sbn.config.checks import check
from sbn.data.pixels import pack
from sbn.tasks.classification import make_classification
from sbn.train import mesh as meshes
from sbn.train.optimiser import make_optimiser
from sbn.train.plan import make_plan
from sbn.train.schedules import make_schedule
from sbn.train.state import TrainState, init_state
from sbn.train.step import make_step

CLASSES = 10
SEED = {"seed": np.uint32(0)}  # what a step asks of a feed that has no data on the devices


def make_config(*, depth, width, batch, branches, kind="split", sequential=False, precision="float32"):
    """Returns the config of a Wide ResNet with a view for each of its branches."""
    names = tuple(f"view{k}" for k in range(branches))
    changes = {"branches": names, **{f"views.{name}.augment": "" for name in names}}
    changes |= {"model.depth": depth, "model.width": width, "batch_size": batch, "duration": "1000000 steps"}
    # So small a rate that noise for images and labels does not make numbers that processors are slow with
    changes |= {"norm.kind": kind, "norm.sequential": sequential, "optim.lr": 1e-4, "precision": precision}
    return check(tree.to_config(tree.changed(tree.defaults(), changes)))


class Step:
    """A step and the state that it goes on from; a call runs it once, to the end.

    Attributes:
        work: its floating-point operations on all devices together.
        kept: bytes of the state.
        images: that pass through the network in a step.
    """

    def __init__(self, *, devices=None, side=32, **settings):
        """Traces the step; it is compiled when first needed.

        Args:
            devices: how many of those that are there; None: all, those of other processes too.
            side: of the images, in pixels.
            **settings: of `make_config`; `batch` is that of all devices together.
        """
        config = make_config(**settings)
        mesh = meshes.make_mesh(batch_size=config.batch_size) if devices is None else _mesh(devices)
        task = make_classification(config, described(CLASSES, (side, side)))
        plan = make_plan(config, examples=config.batch_size)
        (stage,), schedule = plan.stages, make_schedule(plan.stages[0], plan)
        optimiser, whole = make_optimiser(stage, schedule), meshes.replicated(mesh)
        shapes = jax.eval_shape(lambda: init_state(task, optimiser, seed=0))
        self.state = jax.device_put(filled(shapes), whole)
        self._batch = meshes.place(mesh, _noise(config, side))
        take = make_step(task, stage, schedule, mesh, prepare=lambda batch, numbers, resident: batch)
        self._lowered = take.lower(self.state, self._batch, {}, SEED)
        # Counted before XLA replaces convolutions by calls of a library, whose work it does not know on every backend.
        self.work = self._lowered.cost_analysis()["flops"]
        self.kept = sum(leaf.nbytes for leaf in jax.tree.leaves(self.state))
        self.images = config.batch_size * len(config.branches)

    @functools.cached_property
    def compiled(self):
        return self._lowered.compile()

    @property
    def temporary(self):
        """Temporary bytes on a device, as XLA counts them."""
        return self.compiled.memory_analysis().temp_size_in_bytes

    def __call__(self):
        self.state, metrics = self.compiled(self.state, self._batch, {}, SEED)
        jax.block_until_ready((self.state, metrics))


def _mesh(devices):
    return jax.make_mesh((devices,), ("data",), axis_types=(AxisType.Auto,), devices=jax.devices()[:devices])


def filled(shapes: TrainState) -> TrainState:
    """A state in the range of a fresh one, without compiling what draws it, which takes as long as the step."""
    rng = np.random.default_rng(0)

    def fill(path, leaf):
        name = jax.tree_util.keystr(path[-1:], simple=True)
        if name == "kernel" and path[0].name == "params":
            return rng.normal(0, math.prod(leaf.shape[:-1]) ** -0.5, leaf.shape).astype(leaf.dtype)
        return np.full(leaf.shape, float(name in ("scale", "var") and path[0].name != "opt_state"), leaf.dtype)

    return jax.tree_util.tree_map_with_path(fill, shapes)


def _noise(config, side):
    """This process's part of a batch, packed as the loop's are."""
    local = config.batch_size // jax.process_count()
    rng = np.random.default_rng(jax.process_index())
    images = rng.integers(0, 256, (local, len(config.branches), side, side, 3), np.uint8)
    return batch_of(pack(images), rng.integers(0, CLASSES, local, np.int32))

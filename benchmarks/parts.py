"""What the benches of whole training steps are made of: a split run on the built-in data, up to its first step."""

import functools
import re

from sbn.config import tree
from sbn.config.checks import check
from sbn.config.errors import ConfigError

WEAK = "crop(4)|flip|cutout(16)"
SMALL, LARGE = 32, 224


def network(name):
    """Returns the changes that make a network of its name.

    Args:
        name: 'DEPTH-WIDTH' of a Wide ResNet, on images of 32 pixels; 'resnetDEPTH' of an ImageNet ResNet, of 224.

    Raises:
        ConfigError: if it is neither.
    """
    if found := re.fullmatch(r"resnet(\d+)", name):
        return {"model.name": "imagenet_resnet", "model.depth": int(found[1]), "data.image_size": LARGE}
    if found := re.fullmatch(r"(\d+)-(\d+)", name):
        return {"model.depth": int(found[1]), "model.width": int(found[2]), "data.image_size": SMALL}
    raise ConfigError(f"network {name!r}: write DEPTH-WIDTH or resnetDEPTH")


def make_config(model, batch, path, *, strong=f"randaugment(3, 4)|{WEAK}", **changes):
    """Returns the config of a run of two views; other keys with __ for their points."""
    return check(
        tree.to_config(
            tree.changed(
                tree.defaults(),
                {
                    "data.name": "shapes",
                    "data.path": path,
                    "data.train_examples": 10 * batch,
                    "data.test_examples": batch,
                    "branches": ("main", "aux"),
                    "views.main.augment": WEAK,
                    "views.aux.augment": strong,
                    "batch_size": batch,
                    "duration": "1000 epochs",
                    **network(model),
                    **{name.replace("__", "."): value for name, value in changes.items()},
                },
            )
        )
    )


def batch_of(images, labels):
    """Returns a batch of packed images and their labels, as the data paths make them."""
    return {"inputs": {"image": images}, "targets": {"label": labels}}


def described(classes, size):
    """Returns what a task is told of images of `size` (H, W) and their labels."""
    from sbn.data.examples import Feature
    from sbn.tasks.base import TaskData

    label = Feature("label", (), tuple(map(str, range(classes))))
    return TaskData({"image": Feature("image", (*size, 3)), "label": label})


class Parts:
    """The parts of a run, as `sbn.train.loop` puts them together.

    Args:
        config: of the run; of one stage.
    """

    def __init__(self, config):
        from sbn.train import feed, schedules, setup

        self.config, self.setup = config, setup.make_setup(config)
        (self.stage,) = self.setup.plan.stages
        self.schedule = schedules.make_schedule(self.stage, self.setup.plan)
        self.feed = feed.make_feed(self.setup, config)

    @functools.cached_property
    def prepare(self):
        return self.feed.prepare(self.stage)

    def state(self):
        """Returns a fresh state, on all devices."""
        import jax

        from sbn.train import mesh, optimiser, state

        fresh = state.init_state(self.setup.task, optimiser.make_optimiser(self.stage, self.schedule), seed=0)
        return jax.device_put(fresh, mesh.replicated(self.setup.mesh))

    def fed(self, sizes):
        """Yields what calls of so many steps are fed, on the devices: batches, and the numbers of their steps."""
        from sbn.train import mesh
        from sbn.train.feed import in_calls

        for size, (batch, numbers) in in_calls(self.feed.batches(self.stage, 0), sizes):
            own = self.setup.mesh
            yield mesh.place(own, batch, axis=int(size > 1)), mesh.place_whole(own, numbers)

    def step(self, prepare=None, steps=1):
        """Returns the jitted step; `prepare` is the feed's unless given."""
        from sbn.train import step

        made = self.prepare if prepare is None else prepare
        task, mesh = self.setup.task, self.setup.mesh
        return step.make_step(task, self.stage, self.schedule, mesh, prepare=made, steps=steps)

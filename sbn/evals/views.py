"""Test images under the transforms of the views, each through the branch of its view (Zhou et al. 2019).

A view's transform is what its pipeline has and the first view's has not: of 'crop(4)|flip|resize_and_pad(16)' beside
'crop(4)|flip', resize_and_pad(16). The first view's images are those that `accuracy` measures, as they are.
"""

from collections.abc import Iterator
from typing import NamedTuple

from sbn.augment import pipeline
from sbn.config.errors import ConfigError
from sbn.data.views import View
from sbn.evals.augmented import Augmented, make_augment, on_images
from sbn.evals.base import Materials
from sbn.evals.predictions import Predict, of_branches
from sbn.evals.scores import Labelled, Scorer, named
from sbn.tasks.base import Variables


class Transformed(NamedTuple):
    """The test images under a view's transform, and the index of the branch that the view trains."""

    images: Augmented
    branch: int


class Views:
    """Yields `test_VIEW/BRANCH/` accuracy, top5_accuracy (of more than 5 classes) and loss, BRANCH the view's own.

    What a transform draws depends on the seed and the image alone, so that every state sees the same images.

    Args:
        materials: the parts of the run.

    Raises:
        ConfigError: for one view, which has no transform; and where a view has data of its own, whose numbers have the
            same names.
    """

    def __init__(self, materials: Materials) -> None:
        config, task = materials.config, materials.image_task("views", "classes")
        if materials.domains:
            raise ConfigError(
                "eval.evals: 'views' shows one set of test images as all views see them, and "
                f"{min(materials.domains)!r} has data of its own"
            )
        self._test, self._sets = materials.test, transformed(materials)
        self._measures = {}
        for view, (_, branch) in self._sets.items():
            forward = of_branches(task, (branch,))
            predict = Predict(task, materials.mesh, batch_size=config.eval.batch_size, forward=forward)
            names = [task.branches[branch]]
            self._measures[view] = Scorer(predict, branches=names, mix=(), average=config.eval.average)

    def __call__(self, variables: Variables) -> Iterator[tuple[str, float]]:
        """Yields (name, value) pairs."""
        for view, measure in self._measures.items():
            sets = {view: Labelled.of(self._sets[view].images, self._test.labels)}
            found = measure(variables, sets, what=f"views, {view}")[view]
            yield from named(found, measure.names, f"test_{view}", classes=self._test.classes)


def transformed(materials: Materials) -> dict[str, Transformed]:
    """Returns the test images of every view of the last stage but the first, by the view's name.

    Args:
        materials: the parts of the run.

    Raises:
        ConfigError: if a transform does not fit the images.
    """
    stage, config, test = materials.stages[-1], materials.config, materials.test
    first, *others = zip(stage.views.names, stage.views.branches, stage.data, strict=True)
    found = {}
    for name, branch, view in others:
        text = pipeline.format(transform(view, first[2]))
        augment = make_augment(config, text, image_size=test.images.shape[1:3], key=f"views.{name}.augment")
        found[name] = Transformed(Augmented(test, augment, draw=0), branch)
    return found


def transform(view: View, first: View) -> tuple[pipeline.Op, ...]:
    """Returns the ops on images that a view has and the first view has not; a size that batches draw is the first."""
    return on_images(tuple(op for op in view.ops if op not in first.ops))

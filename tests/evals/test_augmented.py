"""What evaluators make of the views' pipelines: what acts on an image alone, and a size where mini-batches draw one."""

import jax
import numpy as np
import pytest

from sbn.augment.pipeline import parse
from sbn.evals.augmented import on_images, view_pipelines
from sbn.evals.base import run
from sbn.evals.make import make_evaluators
from sbn.evals.sizes import trained_at
from sbn.train.setup import make_setup

# As rows of Consistent Normalization: ops of the step, and crops whose size a mini-batch draws.
MIXED = {
    "data.test_examples": 8,
    "data.train_examples": 8,
    "views.main.augment": "crop(2)|flip|lighting(0.1)",
    "views.aux.augment": "crop(2)|flip|random_crop_of((8, 12, 16))|mixup(1)",
    "eval.evals": ("affinity", "diversity", "branches", "features", "sizes"),
    "eval.affinity.draws": 1,
    "eval.mix": (),
}


def test_what_is_left_of_a_pipeline_acts_on_one_image():
    assert on_images(parse("flip|random_crop_of((8, 12))|cutout(4)|mixup(1)")) == parse("flip|random_crop(8)|cutout(4)")
    assert on_images(parse("manifold_mixup(1)|lighting(0.1)")) == ()
    assert on_images(parse("flip|crop(2)")) == parse("flip|crop(2)")


def test_pipelines_of_views_are_told_as_they_are_written_unless_something_goes(tiny):
    assert view_pipelines(tiny(MIXED)) == {"main": "crop(2)|flip", "aux": "crop(2)|flip|random_crop(8)"}
    assert view_pipelines(tiny({"views.main.augment": "flip( 0.5 )"}))["main"] == "flip( 0.5 )"


def test_every_evaluator_of_augmented_images_runs_where_the_step_mixes_and_sizes_are_drawn(tiny):
    config = tiny(MIXED)
    setup = make_setup(config)
    variables, found = setup.task.init(jax.random.key(0)), {}
    for evaluator in make_evaluators(setup.materials(config)).values():
        for values in run(evaluator, variables):
            found |= values
    assert {f"test_{side}" for side in (16, 12, 8)} == {name.split("/")[0] for name in found if name[:5] == "test_"}
    expected = ("test_16/main/accuracy", "test_12/aux/accuracy", "test_8/aux/accuracy", "test/aux/overlap")
    texts = ("crop(2)|flip", "crop(2)|flip|random_crop(8)")
    expected += tuple(f"test/aux/affinity/{text}" for text in texts)
    expected += tuple(f"train/aux/diversity/{text}" for text in texts)
    assert np.isfinite([found[name] for name in expected]).all()
    assert {"test/main/density", "test/aux/density", "test/clean_aux/density"} <= found.keys()


@pytest.mark.parametrize(
    ("augment", "branches"),
    [
        ("flip|random_crop_of((8, 12, 16))", {16: 0, 8: 1, 12: 1}),  # 16 is the first view's
        ("random_crop_of((8, 12))|resize(14)", {16: 0, 14: 1}),
        ("resize(12)|mixup(1)", {16: 0, 12: 1}),
    ],
)
def test_every_size_that_batches_draw_belongs_to_its_branch(tiny, augment, branches):
    config = tiny({"views.main.augment": "flip", "views.aux.augment": augment})
    assert trained_at(make_setup(config).materials(config)) == branches

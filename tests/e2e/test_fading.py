"""Augmentations that fade towards the end of a stage (Data Augmentation Revisited, section 5)."""

import jax
import numpy as np
import pytest

from sbn.config.errors import ConfigError
from sbn.train.feed import make_feed
from sbn.train.setup import make_setup
from sbn.train.views import make_views

FADING = {
    "branches": ("main", "aux"),
    "views.main.augment": "autoaugment('cifar10')|crop(2)",
    "views.aux.augment": "crop(2)",
    "views.aux.draws": "main",
    "views.main.fade": "20 steps",
    "duration": "40 steps",
}


def views(config):
    setup = make_setup(config)
    return make_views(setup.plan.stages[0], setup.train.images)


@pytest.mark.parametrize(("shape", "half"), [("linear", 0.25), ("cosine", 0.5 * (1 + np.cos(0.75 * np.pi)))])
def test_strength_falls_from_one_to_nothing_at_the_last_step(tiny, shape, half):
    main, aux = views(tiny({**FADING, "views.main.fade_shape": shape}))
    assert aux.strengths is None
    assert (main.strengths[:20] == 1).all()
    assert main.strengths[20] < 1
    assert main.strengths[34] == pytest.approx(half, rel=1e-6)  # after 35 of 40 steps, 15 of the 20 are gone
    assert main.strengths[39] == 0
    assert (np.diff(main.strengths) <= 0).all()


@pytest.mark.parametrize("path", ["host", "device"])
def test_fewer_and_fewer_images_meet_the_policy(tiny, path):
    config = tiny({**FADING, "data.path": path})
    setup = make_setup(config)
    feed, (stage,) = make_feed(setup, config), setup.plan.stages
    prepare = jax.jit(feed.prepare(stage))
    changed = []
    for batch, numbers in feed.batches(stage, 0):
        pixels = jax.device_get(prepare(batch, numbers, feed.resident))["inputs"]["image"]
        changed.append((pixels[:, 0] != pixels[:, 1]).any((1, 2)).mean())
        assert numbers["strength"].shape == (2,)
    # the policy changes nothing by chance in about one image of ten
    assert np.mean(changed[:20]) > 0.75
    assert 0.1 < np.mean(changed[25:35]) < 0.75
    assert changed[-1] == 0


def test_both_paths_leave_the_same_images_alone(tiny):
    made = []
    for path in ("host", "device"):
        config = tiny({**FADING, "data.path": path})
        setup = make_setup(config)
        feed, (stage,) = make_feed(setup, config), setup.plan.stages
        prepare = jax.jit(feed.prepare(stage))
        made.append([jax.device_get((prepare(*fed, feed.resident), fed[1])) for fed in feed.batches(stage, 28)])
    for one, other in zip(*made, strict=True):
        jax.tree.map(np.testing.assert_array_equal, one, other)


@pytest.mark.slow  # test_border has a stage whose mixing fades
def test_mixing_fades_too(tiny):
    """Labels tell: at the end nobody has a partner."""
    from sbn.train.state import stream_key
    from sbn.train.views import stage_views

    config = tiny({**FADING, "views.main.augment": "crop(2)|mixup(1)", "views.aux.draws": None})
    setup = make_setup(config)
    feed, (stage,) = make_feed(setup, config), setup.plan.stages
    prepare, fed = jax.jit(feed.prepare(stage)), list(feed.batches(stage, 0))
    task, batches = setup.task, [(prepare(*one, feed.resident), one[1]) for one in (fed[0], fed[-1])]
    variables = task.init(jax.random.key(0))

    def loss(batch, numbers, ops):
        drawn = stage_views(stage, task.branches)
        if not ops:
            drawn = drawn.__class__(drawn.names, drawn.weights, drawn.branches)
        keys = lambda stream: stream_key(0, stream, 3)  # noqa: E731
        return float(task.loss(variables, batch, views=drawn, numbers=numbers, keys=keys).metrics["main/loss"][0])

    assert loss(*batches[0], ops=True) != pytest.approx(loss(*batches[0], ops=False), rel=1e-3)
    assert loss(*batches[-1], ops=True) == pytest.approx(loss(*batches[-1], ops=False), rel=1e-6)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"views.aux.fade": "5 steps"}, ["views.aux.fade", "nothing in 'crop(2)' can fade", "mixup"]),
        ({"views.main.fade": "50 steps"}, ["views.main.fade = '50 steps'", "longer than the stage's '40 steps'"]),
    ],
)
def test_what_cannot_fade_is_refused(tiny, changes, words):
    with pytest.raises(ConfigError) as caught:
        views(tiny({**FADING, **changes}))
    assert all(word in str(caught.value) for word in words)

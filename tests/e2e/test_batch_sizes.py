"""Mini-batches that draw the size of their crops (Consistent Normalization, Table 3): fed, compiled, resumed."""

import numpy as np
import pytest

from sbn.augment.size_ops import drawn
from sbn.config.errors import ConfigError
from sbn.data import sources
from sbn.data.pixels import pack
from sbn.train import Preempted, loop, preemption, train
from sbn.train.feed import make_feed
from sbn.train.setup import make_setup
from sbn.train.step import make_step
from tests.e2e import runs

SIZES = (8, 16)
CROPS = {
    "data.path": "host",
    "branches": ("main", "crop"),
    "views.main.augment": "",
    "views.crop.augment": f"random_crop_of({SIZES})",
    "views.crop.draws": "main",
    "views.main.weight": 1.0,
    "views.crop.weight": 1.0,
    "duration": "12 steps",  # of 5 steps an epoch
}


@pytest.fixture(scope="module")
def parts(tiny):
    config = tiny(CROPS)
    setup = make_setup(config)
    return config, setup, make_feed(setup, config)


def batches(parts, start=0):
    _, setup, feed = parts
    return [batch for batch, _ in feed.batches(setup.plan.stages[0], start)]


def expected_sizes(steps):
    return [SIZES[int(drawn(len(SIZES), seed=0, stage=0, step=step, stream=1))] for step in range(steps)]


def test_every_batch_has_one_size_and_windows_of_its_images(parts):
    config, _, _ = parts
    words = pack(sources.load(config.data, "train").images)
    found, places = [], set()
    for batch in batches(parts):
        main, crop = batch["inputs"]["image"]
        np.testing.assert_array_equal(main, words[batch["id"]])
        found.append(crop.shape[1])
        assert crop.shape == (8, found[-1], found[-1])
        views = np.lib.stride_tricks.sliding_window_view(main, crop.shape[1:], axis=(1, 2))
        for own, image in zip(views, crop, strict=True):
            same = np.argwhere((own == image).all((2, 3)))
            assert len(same)
            places |= {(found[-1], *same[0])} if len(same) == 1 else set()
    assert found == expected_sizes(12)
    assert set(found) == set(SIZES)
    # offsets are drawn an image: of 8 + 1 places along each axis many are seen
    assert len({place[1:] for place in places if place[0] == 8}) > 10


def test_batches_do_not_depend_on_where_reading_starts(parts):
    whole, later = batches(parts), batches(parts, 7)
    for one, other in zip(whole[7:], later, strict=True):
        for a, b in zip(one["inputs"]["image"], other["inputs"]["image"], strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.fixture(scope="module")
def finished(tiny, tmp_path_factory):
    """An uninterrupted run, and how many programs its step had after every step."""
    workdir, compiled = tmp_path_factory.mktemp("runs") / "whole", []

    def counted(*args, **kwargs):
        step = make_step(*args, **kwargs)

        def take(*arguments):
            result = step(*arguments)
            compiled.append(step._cache_size())
            return result

        return take

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(loop, "make_step", counted)
        train(tiny(CROPS), workdir)
    return workdir, compiled


def test_a_step_is_compiled_once_a_size_and_never_again(finished):
    sizes = expected_sizes(12)
    assert finished[1] == [len(set(sizes[: done + 1])) for done in range(12)]
    assert finished[1][-1] == len(SIZES)
    assert all(np.isfinite(line["train/crop/loss"]) for line in runs.metric_lines(finished[0]) if "train/loss" in line)


@pytest.mark.slow
def test_a_run_stopped_in_between_goes_on_to_the_same_bits(finished, tiny, tmp_path, monkeypatch):
    asked = []

    class Stop(preemption.Notice):
        @property
        def given(self):
            asked.append(1)
            return len(asked) == 4

        @given.setter
        def given(self, value):
            pass

    with monkeypatch.context() as patched:
        patched.setattr(preemption, "Notice", Stop)
        with pytest.raises(Preempted, match="after step 4"):
            train(tiny(CROPS), tmp_path / "run")
    train(tiny(CROPS), tmp_path / "run")
    runs.assert_same_state(runs.final_state(tmp_path / "run"), runs.final_state(finished[0]))


def test_the_device_path_refuses_them(tiny):
    config = tiny({**CROPS, "data.path": "device"})
    with pytest.raises(ConfigError, match=r"data.path = 'device': random_crop_of draws a size per mini-batch"):
        make_feed(make_setup(config), config)


def test_a_size_larger_than_the_image_is_named_with_its_view(tiny):
    config = tiny({**CROPS, "views.crop.augment": "random_crop_of((8, 17))"})
    with pytest.raises(ConfigError, match=r"views.crop.augment = .*random_crop\(size\) is 17"):
        make_feed(make_setup(config), config)

"""The tf.data path: a batch is a pure function of (seed, stage, step)."""

import itertools

import jax
import numpy as np
import pytest

from sbn.augment import pipeline
from sbn.data.examples import in_memory
from sbn.data.host import batches
from sbn.data.views import View

COUNT, SIZE = 37, 12


@pytest.fixture(scope="module")
def source():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (COUNT, SIZE, SIZE, 3), np.uint8)
    return in_memory({"image": images, "label": np.arange(COUNT) % 7}, name="numbered", classes=7)


def views(*texts, draws=None):
    return [View(pipeline.parse(text), k if draws is None else draws[k]) for k, text in enumerate(texts)]


def collect(source, views, **options):
    defaults = {"seed": 1, "stage": 0, "batch_size": 8, "start": 0, "stop": 10}
    return [batch for batch, _ in batches(source, views, **{**defaults, **options})]


@pytest.fixture(scope="module")
def whole(source):
    """The batches of two views from first to last."""
    return collect(source, views(WEAK, STRONG))


def same(a, b):
    return jax.tree.all(jax.tree.map(np.array_equal, a, b))


WEAK, STRONG = "crop(2)|flip|cutout(4)", "randaugment(1, 5)|crop(2)|flip"


def test_shapes_and_types(whole):
    batch = whole[0]
    flat = {**batch["inputs"], **batch["targets"], "id": batch["id"]}
    assert {name: (value.shape, value.dtype) for name, value in flat.items()} == {
        "image": ((8, 2, SIZE, SIZE), np.int32),
        "label": ((8,), np.int32),
        "id": ((8,), np.int32),
    }


def test_without_ops_pixels_and_labels_are_those_of_the_ids(source):
    from sbn.data.pixels import pack

    for batch in collect(source, views("")):
        np.testing.assert_array_equal(batch["inputs"]["image"][:, 0], pack(source.images[batch["id"]]))
        np.testing.assert_array_equal(batch["targets"]["label"], source.labels[batch["id"]])


def test_tensorflow_rewrites_none_of_our_functions(source, monkeypatch):
    """Each would be a file in the temporary folder, which a killed run leaves behind."""
    from tensorflow.python.autograph.impl import api

    rewritten, convert = [], api.converted_call

    def recorded(function, *args, **kwargs):
        rewritten.append(getattr(function, "__module__", ""))
        return convert(function, *args, **kwargs)

    monkeypatch.setattr(api, "converted_call", recorded)
    collect(source, views("crop(2)"), stop=1)
    assert not [module for module in rewritten if module.startswith("sbn.")]


def test_an_epoch_visits_every_example_at_most_once_and_every_epoch_in_its_own_order(source):
    ids = np.stack([batch["id"] for batch in collect(source, views(""), stop=12)]).reshape(3, 4 * 8)
    for epoch in ids:
        assert len(set(epoch)) == 32
    assert not np.array_equal(ids[0], ids[1])
    assert set(ids.ravel()) == set(range(COUNT))  # what one epoch leaves out, another has


@pytest.mark.parametrize("start", [1, pytest.param(4, marks=pytest.mark.slow), 9])
def test_starting_anywhere_gives_the_same_batches(source, whole, start):
    rest = collect(source, views(WEAK, STRONG), start=start)
    assert len(rest) == 10 - start
    assert all(same(a, b) for a, b in zip(whole[start:], rest, strict=True))


@pytest.mark.parametrize("change", [{"seed": 2}, {"stage": 1}])
def test_seed_and_stage_change_order_and_draws(source, whole, change):
    other = collect(source, views(WEAK, STRONG), stop=4, **change)
    assert not any(np.array_equal(x["id"], y["id"]) for x, y in zip(whole[:4], other, strict=True))


@pytest.mark.slow
def test_processes_get_equal_slices_of_the_same_batches(source, whole):
    parts = [collect(source, views(WEAK, STRONG), shard=(index, 4)) for index in range(4)]
    for batch, *pieces in zip(whole, *parts, strict=True):
        joined = jax.tree.map(lambda *parts: np.concatenate(parts), *pieces)
        assert same(batch, joined)


def test_an_example_is_augmented_alike_whatever_batch_it_is_in(source):
    def by_id(size, steps):
        found = collect(source, views(STRONG), batch_size=size, stop=steps)
        return {
            int(i): pixels for batch in found for i, pixels in zip(batch["id"], batch["inputs"]["image"], strict=True)
        }

    small, large = by_id(4, 9), by_id(12, 3)
    assert len(small.keys() & large.keys()) > 30
    for i in small.keys() & large.keys():
        np.testing.assert_array_equal(small[i], large[i])


def test_views_draw_independently_unless_they_share(source):
    own = collect(source, views(WEAK, WEAK), stop=2)
    shared = collect(source, views(WEAK, WEAK, draws=(0, 0)), stop=2)
    for batch in own:
        assert not np.array_equal(batch["inputs"]["image"][:, 0], batch["inputs"]["image"][:, 1])
    for batch in shared:
        np.testing.assert_array_equal(batch["inputs"]["image"][:, 0], batch["inputs"]["image"][:, 1])


def test_shared_draws_give_one_crop_and_flip_to_pipelines_that_differ_elsewhere(source):
    """The same crop of the plain and of the inverted image: where the one has its border, the other has."""
    (batch,) = collect(source, views("crop(3)|flip", "gaussian(0.3)|crop(3)|flip", draws=(0, 0)), stop=1)
    border = batch["inputs"]["image"] == 0
    assert border.any()
    np.testing.assert_array_equal(border[:, 0], border[:, 1])


def test_the_iterator_ends_with_its_last_step_and_can_begin_in_a_late_epoch(source):
    late = collect(source, views(WEAK), start=4 * 1000 + 2, stop=4 * 1000 + 5)
    assert len(late) == 3
    first, _ = next(
        itertools.islice(batches(source, views(WEAK), seed=1, stage=0, batch_size=8, start=4003, stop=9999), 1)
    )
    assert same(late[1], first)

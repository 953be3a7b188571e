"""Batches of images that stay encoded: pure functions of (seed, stage, step), the same draws as on images in memory."""

import itertools

import jax
import numpy as np
import pytest
import tensorflow as tf

from sbn.augment.host.apply import make_apply
from sbn.augment.host.arrays import unpack
from sbn.augment.pipeline import parse
from sbn.data import sources
from sbn.data.host import batches
from sbn.data.pixels import pack
from sbn.data.views import View
from tests.conftest import REAL_DATA
from tests.data.imagenets import examples, pillow, write_records

NAMES = ["a", "b", "c"]
SIZES = [(70, 96), (123, 80), (64, 64), (41, 200)]
COUNT = 21
MINI = REAL_DATA.with_name("tfds_mini")
WEAK, STRONG = "inception_crop(24)|flip", "inception_crop(24)|flip|randaugment(2, 5)|cutout(8)"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A training split of 21 images, what it holds, and the same split where all images are of one size."""
    from sbn.config import tree

    root = tmp_path_factory.mktemp("imagenet")
    found = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(root / "cache"))
        for name, sizes in (("many", SIZES), ("one", [(60, 80)])):
            held = examples(COUNT, classes=3, sizes=sizes)
            write_records(root / name, "imagenet2012", {"train": held}, class_names=NAMES)
            wanted = {"data.name": "imagenet2012", "data.dir": str(root / name)}
            config = tree.to_config(tree.changed(tree.defaults(), wanted))
            found.append((sources.load(config.data, "train"), held))
    return found


@pytest.fixture(scope="module")
def source(made):
    return made[0][0]


def views(*texts, draws=None):
    return [View(parse(text), k if draws is None else draws[k]) for k, text in enumerate(texts)]


def collect(source, views, **options):
    defaults = {"seed": 1, "stage": 0, "batch_size": 4, "start": 0, "stop": 11}
    return [batch for batch, _ in batches(source, views, **{**defaults, **options})]


@pytest.fixture(scope="module")
def whole(source):
    """The batches of two views from first to last."""
    return collect(source, views(WEAK, STRONG))


def same(a, b):
    return jax.tree.all(jax.tree.map(np.array_equal, a, b))


def test_shapes_types_ids_and_labels(made, source):
    found = collect(source, views(WEAK, STRONG))
    for batch in found:
        flat = {**batch["inputs"], **batch["targets"], "id": batch["id"]}
        assert {name: (value.shape, value.dtype) for name, value in flat.items()} == {
            "image": ((4, 2, 24, 24), np.int32),
            "label": ((4,), np.int32),
            "id": ((4,), np.int32),
        }
        np.testing.assert_array_equal(batch["targets"]["label"], [made[0][1][i][1] for i in batch["id"]])
    ids = np.stack([batch["id"] for batch in found[:10]]).reshape(2, 20)
    assert [len(set(epoch)) for epoch in ids] == [20, 20]
    assert not np.array_equal(*ids)


@pytest.mark.parametrize("start", [4, 5])
def test_starting_anywhere_gives_the_same_batches(source, whole, start):
    rest = collect(source, views(WEAK, STRONG), start=start)
    assert len(rest) == 11 - start
    assert all(same(a, b) for a, b in zip(whole[start:], rest, strict=True))


def test_processes_get_slices_and_batch_sizes_change_nothing_of_an_example(source, whole):
    parts = [collect(source, views(WEAK, STRONG), shard=(index, 2)) for index in range(2)]
    for batch, *pieces in zip(whole, *parts, strict=True):
        assert same(batch, jax.tree.map(lambda *parts: np.concatenate(parts), *pieces))

    def by_id(size, steps):
        found = collect(source, views(STRONG), batch_size=size, stop=steps)
        return {
            int(i): pixels for batch in found for i, pixels in zip(batch["id"], batch["inputs"]["image"], strict=True)
        }

    small, large = by_id(2, 10), by_id(5, 4)
    assert len(small.keys() & large.keys()) == 20
    for i in small.keys() & large.keys():
        np.testing.assert_array_equal(small[i], large[i])


@pytest.mark.parametrize("change", [{"seed": 2}, {"stage": 1}])
def test_seed_and_stage_change_order_and_draws(source, change):
    a, b = collect(source, views(WEAK), stop=3), collect(source, views(WEAK), stop=3, **change)
    assert not any(np.array_equal(x["id"], y["id"]) for x, y in zip(a, b, strict=True))


def test_draws_are_those_of_the_same_images_in_memory(made):
    """Where images happen to be of one size, the batched ops may run on them: the same windows, flips and policies."""
    source, held = made[1]
    images = tf.constant(pack(np.stack([pillow(image) for image, _ in held])))
    texts = (WEAK, "resize(50)|random_crop(40)|flip|cutout(8)", "random_crop(30)|randaugment(2, 5)")
    for k, text in enumerate(texts):
        apply = make_apply(parse(text), image_size=(60, 80))
        for epoch, batch in enumerate(itertools.islice(collect(source, views(text, draws=[k])), 0, 10, 5)):
            ids = batch["id"]
            colours, marks = unpack(batch["inputs"]["image"][:, 0])
            expected = unpack(apply(tf.gather(images, ids), seed=1, stage=0, epoch=epoch, ids=ids, view=k))
            np.testing.assert_array_equal(marks, expected[1])
            difference = np.abs(colours.numpy().astype(int) - expected[0].numpy())
            if "resize" in text or "inception" in text:
                assert difference.max() <= 1  # Pillow rounds once more: tests/augment/host/test_encoded_crops.py
            else:
                assert difference.max() == 0


def test_views_share_frames_where_they_share_draws(source):
    shared = collect(source, views(WEAK, WEAK, "inception_crop(24)", draws=(0, 0, 1)), stop=2)
    for batch in shared:
        np.testing.assert_array_equal(batch["inputs"]["image"][:, 0], batch["inputs"]["image"][:, 1])
        assert not np.array_equal(batch["inputs"]["image"][:, 0], batch["inputs"]["image"][:, 2])
    # streams by op: the frame of the first view's stream, the flip of one's own
    plain = View(parse("inception_crop(24)"), 0)
    flipped = View(parse("inception_crop(24)|flip(1)"), (0, 7))
    (batch,) = collect(source, [plain, flipped], stop=1)
    np.testing.assert_array_equal(batch["inputs"]["image"][:, 0, :, ::-1], batch["inputs"]["image"][:, 1])


def test_views_may_be_of_several_sizes(source):
    (batch,) = collect(source, views("inception_crop(24)", "inception_crop(16)", "random_crop(30)|resize(20)"), stop=1)
    assert [view.shape for view in batch["inputs"]["image"]] == [(4, 24, 24), (4, 16, 16), (4, 20, 20)]


def test_real_images_arrive(tiny):
    if not (MINI / "imagenet2012").exists():
        pytest.skip(f"no imagenet2012 in {MINI}")
    plain = {"data.image_size": None, "data.train_examples": None, "data.test_examples": None, "data.path": "host"}
    for name, classes in (("imagenet2012", 1000), ("imagenette", 10)):
        data = tiny({**plain, "data.name": name, "data.dir": str(MINI), "data.test_split": "validation"}).data
        source = sources.load(data, "train")
        assert source.classes == classes
        (batch,) = collect(source, views("inception_crop(96)|flip", "resize(80)|centre_crop(64)"), stop=1)
        assert [view.shape for view in batch["inputs"]["image"]] == [(4, 96, 96), (4, 64, 64)]
        colours = sources.load(data, "test").images[:20].reshape(-1, 3) / 255
        # of natural images: the mean of 20 of them strays by about .15 / sqrt(20) = .03 from that of all
        np.testing.assert_allclose(colours.mean(0), sources.channels(data).mean, atol=0.12)

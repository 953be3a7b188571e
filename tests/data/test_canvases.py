"""Canvases of two shapes: batches hold images of one of them, in an order that resumes, with their boxes in place."""

import numpy as np
import pytest
from PIL import Image

from sbn.augment.pipeline import parse
from sbn.config import tree
from sbn.data import encoded_sheet
from sbn.data.canvases import Canvases, make_canvases, portrait
from sbn.data.encoded import Encoded
from sbn.data.host import batches, batches_on_canvases
from sbn.data.image_files import image_files
from sbn.data.pixels import unpack
from sbn.data.targets import Targets
from sbn.data.views import View

TURNED = "fit(24, 40, 8, turned=True)"
TARGETS = Targets((), boxes="boxes")
SIZES = [(40, 60), (60, 40), (33, 71), (48, 48), (90, 30), (31, 30), (20, 70), (64, 65), (30, 50)]
SQUARE = (255, 255, 255)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Nine images, three of them higher than wide, each with a white rectangle that is its box."""
    folder = tmp_path_factory.mktemp("pictures")
    boxes = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        for number, (height, width) in enumerate(SIZES):
            image = np.zeros((height, width, 3), np.uint8)
            top, left, bottom, right = height // 4, width // 3, height // 4 + height // 2, width
            image[top:bottom, left:right] = SQUARE
            boxes.append([(top, left, bottom, right)])
            Image.fromarray(image).save(folder / f"{number}.png")
        files = image_files(
            [folder / f"{number}.png" for number in range(len(SIZES))],
            name="pictures",
            classes=["square"],
            boxes=boxes,
            box_labels=[[0]] * len(SIZES),
        )
        yield Encoded(files.index, parse(TURNED), name="pictures", beside=files.beside)


def config(eval_batch_size=4, view=TURNED):
    changes = {"batch_size": 2, "eval.batch_size": eval_batch_size, "views.main.augment": view, "branches": ("main",)}
    return tree.to_config(tree.changed(tree.defaults(), {"stages": ("train",), **changes}))


@pytest.fixture(scope="module")
def batching(source):
    return make_canvases(source, config(), multiple=2)


def made(source, batching, start, stop, text=f"{TURNED}|flip", **changes):
    span = {"seed": 3, "stage": 0, "batch_size": 2, "start": start, "stop": stop, "targets": TARGETS, **changes}
    return list(batches_on_canvases(source, [View(parse(text), 0)], batching, **span))


def white(word):
    """The smallest box around what is brighter than grey."""
    bright = unpack(word)[0][..., 0] > 127
    rows, columns = np.flatnonzero(bright.any(axis=1)), np.flatnonzero(bright.any(axis=0))
    return rows[0], columns[0], rows[-1] + 1, columns[-1] + 1


def test_a_batch_holds_images_of_one_canvas_and_an_epoch_each_at_most_once(source, batching):
    higher = portrait(source.index)
    assert higher.sum() == 3
    for epoch in (0, 1):
        own = batching.epoch(3, stage=0, epoch=epoch)
        assert len(own) == batching.steps_per_epoch == 3 + 1
        assert all(len(set(higher[planned.ids])) == 1 for planned in own)
        ids = np.concatenate([planned.ids for planned in own])
        assert len(set(ids.tolist())) == len(ids) == 8
    assert batching.shapes == 2


def test_images_fill_their_canvas_and_boxes_lie_where_their_pixels_do(source, batching):
    shapes = set()
    for batch, _ in made(source, batching, 0, 8):
        images = batch["inputs"]["image"]
        shapes.add(images.shape[2:])
        for image, boxes in zip(images[:, 0], batch["targets"]["boxes"][:, 0], strict=True):
            np.testing.assert_allclose(boxes[0], white(image), atol=1)  # a pixel at the edge is half of each
    assert shapes == {(24, 40), (40, 24)}


def test_batches_are_functions_of_the_step_wherever_one_starts(source, batching):
    whole = made(source, batching, 0, 9)
    for start in (1, 5):
        for (own, numbers), (other, others) in zip(made(source, batching, start, 9), whole[start:], strict=True):
            np.testing.assert_array_equal(own["id"], other["id"])
            np.testing.assert_array_equal(own["inputs"]["image"], other["inputs"]["image"])
            assert numbers == others


def test_several_processes_share_a_batch(source, batching):
    whole = made(source, batching, 0, 4)
    parts = [made(source, batching, 0, 4, shard=(index, 2)) for index in range(2)]
    for step, (batch, _) in enumerate(whole):
        np.testing.assert_array_equal(np.concatenate([own[step][0]["id"] for own in parts]), batch["id"])


def test_an_image_looks_as_it_does_on_a_canvas_that_all_share(source, batching):
    # The same pixels as of a square that takes either kind: what differs is how much is filled up.
    square = [View(parse("fit(24, 40, 8)|flip"), 0)]
    ids = {
        int(i): image
        for batch, _ in made(source, batching, 0, 4)
        for i, image in zip(batch["id"], batch["inputs"]["image"][:, 0], strict=True)
    }
    found = 0
    for batch, _ in batches(source, square, seed=3, stage=0, batch_size=1, start=0, stop=9, targets=TARGETS):
        number = int(batch["id"][0])
        if number in ids and not portrait(source.index)[number]:
            np.testing.assert_array_equal(batch["inputs"]["image"][0, 0], ids[number])
            found += 1
    assert found == 6


def test_evaluation_sees_every_image_once_on_its_canvas(source):
    for size in (2, 4, 500):
        planned = list(make_canvases(source, config(size), multiple=2).once())
        assert sorted(np.concatenate([own.ids for own in planned]).tolist()) == list(range(9))
        assert all(own.size % 2 == 0 and own.size >= len(own.ids) for own in planned)
        for own in planned:
            loaded = source.load(own.ids)
            assert loaded["image"].shape[1:] == ((40, 24) if portrait(source.index)[own.ids[0]] else (24, 40))
            for image, boxes in zip(loaded["image"], loaded["boxes"], strict=True):
                np.testing.assert_allclose(boxes[0], white(image), atol=1)


def test_images_of_both_kinds_come_onto_a_square_where_they_are_asked_for_together(source):
    loaded = source.load(np.arange(9))
    assert loaded["image"].shape == (9, 40, 40)
    for image, boxes in zip(loaded["image"], loaded["boxes"], strict=True):
        np.testing.assert_allclose(boxes[0], white(image), atol=1)


def test_only_pipelines_that_turn_their_canvas_ask_for_it(source):
    even = Encoded(source.index, parse("fit(24, 40)"), name="pictures", beside=source.beside)
    assert make_canvases(even, config(view="fit(24, 40)"), multiple=1) is None
    trained = make_canvases(even, config(), multiple=1)
    assert isinstance(trained, Canvases)
    assert trained.once() is None
    assert trained.shapes == 2
    evaluated = make_canvases(source, config(view="fit(24, 40)"), multiple=1)
    assert evaluated.shapes == 1
    assert evaluated.once() is not None


def test_a_sheet_shows_the_images_and_boxes_that_training_sees(source, batching):
    pipeline = parse(f"{TURNED}|flip")
    drawn = encoded_sheet.draw(source, pipeline, draws=2, seed=3, view=0, targets=TARGETS)
    for (batch, numbers), _ in zip(made(source, batching, 0, 8), range(8), strict=True):
        for i, image, boxes in zip(
            batch["id"], batch["inputs"]["image"][:, 0], batch["targets"]["boxes"][:, 0], strict=True
        ):
            words, found = drawn[i][1 + int(numbers["epoch"])]
            np.testing.assert_array_equal(words, image)
            np.testing.assert_array_equal(found, boxes)
    for own in drawn:  # the whole image, before them
        np.testing.assert_allclose(own[0][1][0], white(own[0][0]), atol=1)

"""Two views of a detector, each turned, flipped and cropped on its own: boxes, branches, and one branch by itself."""

import jax.numpy as jnp
import numpy as np
import pytest

from sbn import export
from sbn.data.pixels import unpack
from sbn.evaluate import evaluate
from sbn.metrics.mean_average_precision import MeanAveragePrecision
from sbn.train.feed import make_feed
from sbn.train.setup import make_setup
from tests.data.vocs import write_voc
from tests.e2e.detections import SMALL
from tests.oracles.boxes import around
from tests.tasks.finished import finished

TURNED = "fit(48, 80, turned=True)"
VIEWS = {"main": f"{TURNED}|flip", "aux": "fit(32, 64, turned=True)|crop(6, fill=0)|flip"}
SIZES = [(50, 90), (90, 50), (60, 61), (64, 44), (70, 33), (64, 88), (30, 40), (96, 160)]


@pytest.fixture(scope="module")
def config(tiny, tmp_path_factory):
    """Eight black images, higher than wide or wider than high, with a white rectangle in each, off the middle."""
    folder = tmp_path_factory.mktemp("voc")
    images = {}
    for number, (height, width) in enumerate(SIZES):
        top, left, bottom, right = height // 6, width // 5 + number, height * 5 // 6 - 2 * number, width - 1
        picture = np.zeros((height, width, 3), np.uint8)
        picture[top:bottom, left:right] = 255
        box = {"name": "card", "y0": top + 1, "x0": left + 1, "y1": bottom, "x1": right}  # VOC counts from 1
        images[number] = picture, (box,)
    (folder / "labels.txt").write_text("card\n")  # of one class every detection may be right
    changes = {
        **write_voc(folder, images),
        "batch_size": 2,
        "duration": "16 steps",
        "eval.augment": TURNED,
        # So many of the weights' own proposals stay that some are right
        "detection.detections": 60,
        "detection.proposals_after": (60, 60),
        "detection.proposals_before": (60, 60),
        "detection.anchor_scale": 2.0,
        "log.tensorboard": False,
        **{f"views.{view}.augment": text for view, text in VIEWS.items()},
    }
    return tiny({**SMALL, **changes})


def test_boxes_go_with_each_view_s_own_geometry(config):
    """Against what is white in the view's own pixels; a pixel at an edge may be half of each."""
    setup = make_setup(config)
    feed, (stage,) = make_feed(setup, config), setup.plan.stages
    apart, compared = 0, 0
    for batch, _ in feed.batches(stage, 0):
        found = []
        for view, words in enumerate(batch["inputs"]["image"]):  # two sizes: not in one array
            colours, inside = unpack(words)
            for shown, there, box in zip(colours, inside > 0, batch["targets"]["boxes"][:, view, 0], strict=True):
                seen = np.asarray(around((shown[..., 0] > 127) & there))
                np.testing.assert_allclose(box, seen, atol=1)
                left, right = box[1], np.flatnonzero(there.any(axis=0))[-1] + 1 - box[3]
                found.append(left > right)  # the rectangle lies at the right in the files
                compared += 1
        first, second = np.split(np.asarray(found), 2)
        apart += (first != second).sum()
    assert compared == 16 * 2 * 2
    assert 8 <= apart <= 24  # of 32 pairs about half: the flips of the two views know nothing of each other


@pytest.mark.slow  # compiles the detector three times; tests/tasks/test_detector.py asks the same of one image
def test_one_branch_by_itself_finds_what_its_evaluation_counts(config, tmp_path_factory, tmp_path):
    folder, setup, _ = finished(config, tmp_path_factory)
    _, measured = evaluate(folder)
    names = setup.test.features["boxes"].classes
    for branch in config.branches:
        export.export(folder, out=tmp_path / branch, branch=branch)
        detector = export.load(tmp_path / branch)
        metric = MeanAveragePrecision((branch,), names, examples=len(SIZES), detections=60)
        state = metric.init()
        for i in range(len(SIZES)):
            own = setup.test.original(i)
            found = detector.detect(own["image"])
            rows = np.zeros((1, 1, 60, 6), np.float32)
            rows[0, 0, : len(found.scores)] = np.column_stack([found.boxes, found.scores, found.labels])
            targets = {name: jnp.asarray(own[name])[None] for name in ("boxes", "box_label", "box_difficult")}
            state = metric.update(state, jnp.asarray(rows), targets, jnp.ones(1, bool))
        alone = metric.compute(state)
        assert alone[f"{branch}/map"] == pytest.approx(measured[f"test/{branch}/map"], abs=1e-6)
        assert alone[f"{branch}/map_area"] == pytest.approx(measured[f"test/{branch}/map_area"], abs=1e-6)
    assert 0 < measured["test/main/map_area"] != measured["test/aux/map_area"] > 0

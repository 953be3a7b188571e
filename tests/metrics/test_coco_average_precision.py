"""COCO's average precision: what pycocotools says of the same files when it is called directly."""

import importlib.util
import json

import numpy as np
import pytest

from sbn.config.errors import ConfigError
from sbn.metrics import coco_average_precision
from sbn.metrics.coco_average_precision import CocoAveragePrecision
from sbn.metrics.mean_average_precision import MeanAveragePrecision
from tests.metrics.test_mean_average_precision import arrays, measured, read

STATS = ("coco_map", "coco_map_50", "coco_map_75", "coco_map_small", "coco_map_medium", "coco_map_large")
pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("pycocotools") is None, reason="pycocotools is not installed (the extra detection)"
)


def direct(folder, targets, found, classes):
    """What pycocotools prints of files that anybody could write: (12 numbers, precision by class)."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    truth = {"images": [], "annotations": [], "categories": [{"id": 1 + k, "name": n} for k, n in enumerate(classes)]}
    results = []
    for i in range(len(found)):
        truth["images"].append({"id": 100 + i, "width": 1000, "height": 1000})
        for slot, (y0, x0, y1, x1) in enumerate(targets["boxes"][i].tolist()):
            if y1 > y0 and x1 > x0:
                own = {name: targets[name][i, slot].item() for name in ("box_difficult", "box_area") if name in targets}
                truth["annotations"].append(
                    {
                        "id": len(truth["annotations"]) + 1,
                        "image_id": 100 + i,
                        "category_id": 1 + int(targets["box_label"][i, slot]),
                        "bbox": [x0, y0, x1 - x0, y1 - y0],
                        "area": own.get("box_area", (x1 - x0) * (y1 - y0)),
                        "iscrowd": int(own.get("box_difficult", 0)),
                    }
                )
        for y0, x0, y1, x1, score, label in found[i].tolist():
            if score > 0 and label < len(classes):
                box = [x0, y0, x1 - x0, y1 - y0]
                results.append({"image_id": 100 + i, "category_id": 1 + int(label), "bbox": box, "score": score})
    for name, content in (("truth", truth), ("results", results)):
        (folder / f"{name}.json").write_text(json.dumps(content))
    there = COCO(str(folder / "truth.json"))
    evaluation = COCOeval(there, there.loadRes(str(folder / "results.json")), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return evaluation.stats, evaluation.eval["precision"][:, :, :, 0, -1]


def check(folder, targets, found, classes, **batches):
    """Compares both, and returns what ours says."""
    metric = CocoAveragePrecision(("main",), classes, len(found), found.shape[2], targets["boxes"].shape[1])
    ours = measured(metric, found, targets, **batches)
    stats, precision = direct(folder, targets, found[:, 0], classes)
    for name, value in zip((*STATS, "coco_recall"), [*stats[:6], stats[8]], strict=True):
        np.testing.assert_allclose(ours[f"main/{name}"], np.nan if value < 0 else value, rtol=1e-12, err_msg=name)
    for k, name in enumerate(classes):
        own = precision[:, :, k]
        np.testing.assert_allclose(ours[f"main/coco_ap/{name}"], own[own > -1].mean() if (own > -1).any() else np.nan)
    return ours


@pytest.mark.parametrize(
    ("folders", "corner"),
    [
        (("object_detection_metrics/samples/sample_2/groundtruths", "detections"), False),
        (("cartucho_mAP/input/ground-truth", "detection-results"), True),
    ],
)
def test_public_detections_have_the_precision_that_pycocotools_prints(tasks_dir, tmp_path, folders, corner, capsys):
    truths = tasks_dir / "detection/metrics" / folders[0]
    truth = read(truths, scored=False, corner=corner)
    targets, found, classes = arrays(truth, read(truths.parent / folders[1], scored=True, corner=corner))
    found[..., 4] *= found[..., 5] < len(classes)  # of a class without objects
    ours = check(tmp_path, targets, found, classes, batch=5)
    area = MeanAveragePrecision(("main",), classes, len(truth), found.shape[2], at_least=True)
    # PASCAL VOC's area under the curve and COCO's mean over 101 points of it
    assert ours["main/coco_map_50"] == pytest.approx(measured(area, found, targets)["main/map_area"], abs=0.01)


def cells(seed, images=12):
    """Images of up to 30 objects of three classes and three sizes, some of them crowds, and mostly right detections."""
    random = np.random.default_rng(seed)
    slots, shown = 30, 40
    corner = random.uniform(0, 300, (images, slots, 2))
    side = random.choice([12, 60, 150], (images, slots, 1)) * random.uniform(0.8, 1.2, (images, slots, 2))
    boxes = np.concatenate([corner, corner + side], axis=-1).astype(np.float32)
    boxes[random.random((images, slots)) < 0.4] = 0
    labels = random.integers(0, 3, (images, slots))
    areas = ((boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1]) * 0.7).astype(np.float32)
    areas[random.random((images, slots)) < 0.05] = 0  # as annotations of some sets have them
    difficult = random.random((images, slots)) < 0.1
    found = np.zeros((images, 1, shown, 6), np.float32)
    found[:, 0, :slots, :4] = boxes + random.normal(0, 3, boxes.shape)
    found[:, 0, slots:, :4] = found[:, 0, : shown - slots, :4] + 2  # found twice
    found[..., 4] = np.sort(random.random((images, 1, shown)), axis=-1)[..., ::-1]
    found[..., 5] = np.where(random.random((images, 1, shown)) < 0.8, np.tile(labels, 2)[:, None, :shown], 1)
    found[(found[..., 2:4] <= found[..., :2]).any(-1)] = 0
    return {
        "boxes": boxes,
        "box_label": labels.astype(np.int32),
        "box_difficult": difficult.astype(np.uint8),
        "box_area": areas,
    }, found


@pytest.mark.parametrize("seed", range(3))
def test_crowds_areas_and_sizes_count_as_pycocotools_counts_them(tmp_path, seed, capsys):
    targets, found = cells(seed)
    ours = check(tmp_path, targets, found, ("a", "b", "c"))
    assert len({round(ours[f"main/{name}"], 6) for name in STATS}) == 6  # none of them is empty, or the same as another


def test_any_batch_size_counts_every_image_once_and_nothing_is_no_number():
    targets, found = cells(0)
    metric = CocoAveragePrecision(("main",), ("a", "b", "c"), len(found), 40, 30)
    assert measured(metric, found, targets, batch=5) == measured(metric, found, targets)
    halves = [
        metric.update(metric.init(), found[half], {k: v[half] for k, v in targets.items()}, np.ones(6, bool))
        for half in (slice(6), slice(6, 12))
    ]
    assert metric.compute(metric.merge(*halves)) == measured(metric, found, targets)
    empty = metric.compute(
        metric.update(metric.init(), 0 * found, {k: 0 * v for k, v in targets.items()}, found[:, 0, 0, 0] > -9)
    )
    assert np.isnan(list(empty.values())).all()


def test_sizes_are_those_of_the_image_in_its_file(tmp_path):
    targets, found = cells(1)
    sizes = np.full((len(found), 2), 400, np.int32)

    def original(boxes, image_sizes):
        assert (image_sizes == 400).all()
        return boxes * 4

    small = {**targets, "boxes": targets["boxes"] / 4, "image_size": sizes}
    shrunk = found * np.asarray([0.25] * 4 + [1, 1], np.float32)
    metric = CocoAveragePrecision(("main",), ("a", "b", "c"), len(found), 40, 30, original)
    whole = CocoAveragePrecision(("main",), ("a", "b", "c"), len(found), 40, 30)
    assert measured(metric, shrunk, small) == pytest.approx(measured(whole, found, targets))


def test_without_pycocotools_one_line_names_the_extra(monkeypatch):
    monkeypatch.setattr(coco_average_precision.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'sbn\[detection\]'"):
        coco_average_precision.check_installed()

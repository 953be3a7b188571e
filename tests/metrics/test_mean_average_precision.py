"""Average precision against published results of public detections, and against cases worked out by hand."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sbn.metrics.mean_average_precision import MeanAveragePrecision, average_precision


def measured(metric, found, targets, *, batch=None):
    """The numbers of detections (M, K, D, 6) and targets (M, ...), in batches, the last filled up."""
    update, state = jax.jit(metric.update), metric.init()
    count = len(found)
    batch = batch or count
    for start in range(0, count, batch):
        ids = np.arange(start, start + batch)
        valid, ids = ids < count, np.minimum(ids, count - 1)
        own = {name: jnp.asarray(array[ids]) for name, array in targets.items()}
        state = update(state, jnp.asarray(found[ids]), own, jnp.asarray(valid))
    return metric.compute(state)


def read(folder, *, scored, corner):
    """Lines 'class [score] x y ...' of files as (class, score, y0, x0, y1, x1), inclusive pixels made half-open."""
    files = {}
    for file in sorted(folder.iterdir()):
        rows = []
        for line in file.read_text().splitlines():
            name, *numbers = line.split()
            score = float(numbers.pop(0)) if scored else 0.0
            x, y, right, bottom = map(float, numbers[:4])
            right, bottom = (right, bottom) if corner else (x + right, y + bottom)
            rows.append((name, score, y, x, bottom + 1, right + 1))
        files[file.name] = rows
    return files


def arrays(truth, found):
    """Targets and detections (M, 1, D, 6) of what `read` returns, and the names of the classes."""
    classes = sorted({row[0] for rows in truth.values() for row in rows})
    number = {name: k for k, name in enumerate(classes)}
    most = max(map(len, truth.values())), max(map(len, found.values()))
    boxes, labels = np.zeros((len(truth), most[0], 4), np.float32), np.zeros((len(truth), most[0]), np.int32)
    detections = np.zeros((len(truth), 1, most[1], 6), np.float32)
    for i, name in enumerate(truth):
        for j, row in enumerate(truth[name]):
            boxes[i, j], labels[i, j] = row[2:], number[row[0]]
        for j, row in enumerate(found.get(name, ())):
            detections[i, 0, j] = (*row[2:], row[1], number.get(row[0], len(classes)))
    return {"boxes": boxes, "box_label": labels}, detections, tuple(classes)


@pytest.mark.parametrize(
    ("folders", "corner", "overlap", "area", "eleven"),
    [
        # The program of each repository prints these, in percent, of its own files
        (("object_detection_metrics/samples/sample_2/groundtruths", ".../detections"), False, 0.3, 24.57, 26.84),
        (("cartucho_mAP/input/ground-truth", ".../detection-results"), True, 0.5, 31.05, 31.70),
    ],
)
def test_public_detections_have_their_published_precision(tasks_dir, folders, corner, overlap, area, eleven):
    base = tasks_dir / "detection/metrics"
    truths = base / folders[0]
    truth = read(truths, scored=False, corner=corner)
    found = read(truths.parent / folders[1].removeprefix(".../"), scored=True, corner=corner)
    targets, detections, classes = arrays(truth, found)
    metric = MeanAveragePrecision(("main",), classes, len(truth), detections.shape[2], overlap=overlap, at_least=True)
    by_batch = [measured(metric, detections, targets, batch=batch) for batch in (None, 5)]
    assert round(100 * by_batch[0]["main/map_area"], 2) == area
    assert round(100 * by_batch[0]["main/map"], 2) == eleven
    assert by_batch[0] == by_batch[1]  # any batch size counts every image once


BOX = (10.0, 10.0, 20.0, 20.0)
ONE = MeanAveragePrecision(("main",), ("cat", "dog"), 4, 3)


def case(boxes, detections, *, labels=None, difficult=None):
    """One image: (boxes, class numbers) and detections (box, score, class)."""
    found = np.zeros((1, 1, 3, 6), np.float32)
    for slot, (box, score, label) in enumerate(detections):
        found[0, 0, slot] = (*box, score, label)
    targets = {
        "boxes": np.asarray([boxes], np.float32),
        "box_label": np.asarray([labels or [0] * len(boxes)], np.int32),
    }
    if difficult:
        targets["box_difficult"] = np.asarray([difficult], np.uint8)
    return found, targets


def test_two_detections_of_one_object_are_one_right_and_one_wrong():
    found = measured(ONE, *case([BOX], [(BOX, 0.9, 0), (BOX, 0.8, 0)]))
    assert found["main/ap/cat"] == 1.0  # the wrong one comes last
    found = measured(ONE, *case([BOX, (40, 40, 50, 50)], [(BOX, 0.9, 0), (BOX, 0.8, 0), ((40, 40, 50, 50), 0.7, 0)]))
    assert found["main/map_area"] == pytest.approx((1 + 2 / 3) / 2)
    assert found["main/map"] == pytest.approx((6 * 1 + 5 * 2 / 3) / 11)


def test_difficult_objects_neither_help_nor_hurt():
    boxes = [BOX, (40, 40, 50, 50)]
    plain = case([BOX], [(BOX, 0.9, 0)])
    for detections in ([(BOX, 0.9, 0)], [((40, 40, 50, 50), 0.95, 0), (BOX, 0.9, 0)]):
        assert measured(ONE, *case(boxes, detections, difficult=[0, 1])) == pytest.approx(
            measured(ONE, *plain), nan_ok=True
        )


def test_what_overlaps_by_the_threshold_itself_is_wrong_and_of_another_class_too():
    half = (10.0, 10.0, 20.0, 15.0)  # overlaps BOX by exactly one half
    assert measured(ONE, *case([BOX], [(half, 0.9, 0)]))["main/ap/cat"] == 0.0
    lenient = dataclasses.replace(ONE, at_least=True)
    assert measured(lenient, *case([BOX], [(half, 0.9, 0)]))["main/ap/cat"] == 1.0
    assert measured(ONE, *case([BOX], [(BOX, 0.9, 1)]))["main/map"] == 0.0


def test_a_class_without_objects_does_not_count_and_nothing_at_all_is_no_number():
    found = measured(ONE, *case([BOX], [(BOX, 0.9, 0), ((0, 0, 5, 5), 0.8, 1)]))
    assert np.isnan(found["main/ap/dog"])
    assert found["main/map"] == 1.0
    assert np.isnan(measured(ONE, *case([(0, 0, 0, 0)], []))["main/map"])


def test_states_of_parts_merge_into_that_of_the_whole():
    random = np.random.default_rng(0)
    metric = MeanAveragePrecision(("main", "aux"), ("cat", "dog"), 6, 5)
    corners = random.integers(0, 12, (6, 3, 2)).astype(np.float32)
    boxes = np.concatenate([corners, corners + random.integers(4, 9, (6, 3, 2))], axis=-1)
    targets = {"boxes": boxes, "box_label": random.integers(0, 2, (6, 3)), "box_difficult": random.random((6, 3)) < 0.2}
    near = np.concatenate([boxes, boxes[:, :2]], axis=1)[:, None].repeat(2, axis=1) + random.integers(
        -2, 3, (6, 2, 5, 4)
    )
    rest = np.stack([random.random((6, 2, 5)), random.integers(0, 2, (6, 2, 5))], axis=-1)
    found = np.concatenate([near, rest], axis=-1).astype(np.float32)
    whole = measured(metric, found, targets)

    def state(where):
        own = {name: jnp.asarray(array[where]) for name, array in targets.items()}
        return metric.update(metric.init(), jnp.asarray(found[where]), own, jnp.ones(len(found[where]), bool))

    assert metric.compute(metric.merge(state(slice(0, 2)), state(slice(2, 6)))) == whole
    assert 0 < whole["main/map"] < 1
    assert whole["main/map"] != whole["aux/map"]


def test_precision_over_recall_by_hand():
    # Five objects; right, wrong, right, right, wrong, right: precisions 1, 2/3, 3/4 and 4/6 at recalls 1/5, ... 4/5
    right = np.asarray([True, False, True, True, False, True])
    eleven, area = average_precision(right, 5)
    assert area == pytest.approx((1 + 3 / 4 + 3 / 4 + 4 / 6) / 5)
    assert eleven == pytest.approx((3 * 1 + 4 * 3 / 4 + 2 * 4 / 6) / 11)
    assert average_precision(np.zeros(0, bool), 3) == (0.0, 0.0)

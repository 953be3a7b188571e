"""Boxes, anchors, suppression and RoIAlign against torchvision's results, and against plain loops over pairs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sbn.nn import boxes
from sbn.nn.anchors import IGNORED, NEGATIVE, make_anchors, match, sample
from sbn.nn.nms import _at_most, non_maximum_suppression
from sbn.nn.roi_align import levels_of, make_pyramid, roi_align

SLOTS = 1000


@jax.jit
def _suppress(found, scores, limit, valid):
    return non_maximum_suppression(found, scores, threshold=limit, valid=valid)


def suppress(found, scores, *, threshold, valid=None):
    """What is kept, by one program for any number of boxes up to SLOTS."""
    missing = SLOTS - len(found)
    valid = jnp.ones(len(found), bool) if valid is None else valid
    parts = jnp.pad(jnp.asarray(found), ((0, missing), (0, 0))), jnp.pad(jnp.asarray(scores), (0, missing))
    return _suppress(*parts, jnp.asarray(_at_most(threshold)), jnp.pad(valid, (0, missing)))[: len(found)]


def yx(array):
    """torchvision's x0, y0, x1, y1, or what has that order, as y0, x0, y1, x1."""
    return jnp.asarray(array)[..., jnp.asarray([1, 0, 3, 2])]


@pytest.fixture(scope="module")
def torchvision(tasks_dir):
    return dict(np.load(tasks_dir / "golden/torchvision_ops.npz"))


def random_boxes(random, count, *, side=60):
    corners = random.uniform(0, side, (count, 2))
    return np.concatenate([corners, corners + random.uniform(1, side / 3, (count, 2))], axis=1).astype(np.float32)


def greedy(found, scores, threshold):
    """The algorithm as it is written in every textbook, pair by pair in float64."""
    kept = []
    for one in np.argsort(-scores, kind="stable"):
        if all(overlap(found[one], found[other]) <= threshold for other in kept):
            kept.append(one)
    return sorted(kept)


def overlap(a, b):
    (a, b) = np.float64(a), np.float64(b)
    sides = np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0)
    union = np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - sides.prod()
    return sides.prod() / union if union > 0 else 0.0


def test_overlaps_are_torchvisions(torchvision):
    found = boxes.overlaps(yx(torchvision["iou/a"]), yx(torchvision["iou/b"]))
    np.testing.assert_allclose(found, torchvision["iou/iou"], atol=1e-7)  # a rounding of float32


def test_overlaps_are_what_pairs_of_boxes_have_in_common():
    random = np.random.default_rng(0)
    a, b = random_boxes(random, 20), random_boxes(random, 15)
    expected = [[overlap(one, other) for other in b] for one in a]
    np.testing.assert_allclose(boxes.overlaps(a, b), expected, atol=1e-6)  # float32 against float64


def test_boxes_without_an_area_overlap_nothing():
    nothing = jnp.zeros((1, 4))
    np.testing.assert_array_equal(boxes.overlaps(nothing, jnp.asarray([[0.0, 0, 5, 5], [0, 0, 0, 0]])), [[0.0, 0.0]])


@pytest.mark.parametrize(("stage", "deviations"), [("rpn", (1.0, 1.0, 1.0, 1.0)), ("roi", (0.1, 0.1, 0.2, 0.2))])
def test_offsets_are_torchvisions(torchvision, stage, deviations):
    references = yx(torchvision["coder/references_xyxy"])
    encoded = boxes.encode(yx(torchvision["coder/targets_xyxy"]), references, deviations=deviations)
    # Differences of float32 coordinates of some 100, over sides of some 10, over 0.1
    np.testing.assert_allclose(encoded, yx(torchvision[f"coder/{stage}/encoded"]), rtol=1e-5, atol=4e-5)
    deltas = yx(torchvision[f"coder/{stage}/deltas"])
    decoded = boxes.decode(deltas, references, deviations=deviations, limits=(-np.inf, boxes.LARGEST))
    np.testing.assert_allclose(decoded, yx(torchvision[f"coder/{stage}/decoded"]), rtol=1e-6, atol=1e-3)


def test_decoding_undoes_encoding():
    random = np.random.default_rng(1)
    a, b = random_boxes(random, 30), random_boxes(random, 30)
    back = boxes.decode(boxes.encode(a, b, deviations=(0.1, 0.1, 0.2, 0.2)), b, deviations=(0.1, 0.1, 0.2, 0.2))
    np.testing.assert_allclose(back, a, atol=1e-3)


def test_offsets_beyond_the_limits_count_as_the_limits():
    decoded = boxes.decode(jnp.asarray([[0.0, 0, 90, -90]]), jnp.asarray([[0.0, 0, 16, 1000]]))
    np.testing.assert_allclose(decoded[0, 2:] - decoded[0, :2], [1000, 16], rtol=1e-5)


@pytest.mark.parametrize("case", ["b100", "u100", "b300", "b1000", "ties"])
def test_suppression_keeps_torchvisions_boxes(torchvision, case):
    found, scores = yx(torchvision[f"nms/{case}/boxes_xyxy"]), jnp.asarray(torchvision[f"nms/{case}/scores"])
    for threshold in (0.3, 0.5, 0.7):
        kept = np.flatnonzero(suppress(found, scores, threshold=threshold))
        np.testing.assert_array_equal(kept, np.sort(torchvision[f"nms/{case}/kept_{threshold}"]))


def test_suppression_keeps_what_the_greedy_algorithm_keeps():
    random = np.random.default_rng(2)
    found = random_boxes(random, 300).round()  # whole pixels, so that overlaps tie and are exact
    scores = random.integers(0, 50, 300).astype(np.float32)  # many equal
    for threshold in (0.0, 0.25, 0.5):
        np.testing.assert_array_equal(
            np.flatnonzero(suppress(found, scores, threshold=threshold)), greedy(found, scores, threshold)
        )


@pytest.mark.parametrize("count", [1, 7, 256, 257])
def test_any_number_of_boxes_may_be_suppressed(count):
    random = np.random.default_rng(count)
    found, scores = random_boxes(random, count).round(), random.permutation(count).astype(np.float32)
    kept = non_maximum_suppression(jnp.asarray(found), jnp.asarray(scores), threshold=0.25)
    np.testing.assert_array_equal(np.flatnonzero(kept), greedy(found, scores, 0.25))


def test_suppression_passes_over_slots_without_a_box():
    found = jnp.asarray([[0.0, 0, 10, 10], [0, 0, 10, 9], [20, 20, 30, 30]])
    kept = suppress(found, jnp.asarray([3.0, 2.0, 1.0]), threshold=0.5, valid=jnp.asarray([False, True, True]))
    np.testing.assert_array_equal(kept, [False, True, True])


def test_anchors_are_torchvisions(torchvision):
    sizes = [(24, 32), (12, 16), (6, 8), (3, 4), (2, 2)]
    strides = [(96 // height, 128 // width) for height, width in sizes]
    found = make_anchors(sizes, strides, (32, 64, 128, 256, 512), rounded=True)
    np.testing.assert_array_equal(found, yx(torchvision["anchors/96x128_rounded_xyxy"]))


def test_anchors_of_one_size_have_one_area_whatever_their_ratio():
    found = make_anchors([(2, 3)], [(8, 8)], [20], ratios=(0.5, 1, 2))
    sides = found[:, 2:] - found[:, :2]
    np.testing.assert_allclose(sides.prod(axis=1), 400, rtol=1e-5)
    np.testing.assert_allclose((sides[:, 0] / sides[:, 1]).reshape(-1, 3), [[0.5, 1, 2]] * 6, rtol=1e-5)
    np.testing.assert_array_equal(
        (found[:, :2] + found[:, 2:])[::3] / 2, [[8 * y, 8 * x] for y in (0, 1) for x in range(3)]
    )


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("rpn_0.7_0.3_low_quality", {"positive": 0.7, "negative": 0.3, "best_from": 0.0, "best_to_own": True}),
        ("roi_0.5", {"positive": 0.5, "negative": 0.5}),
    ],
)
def test_matches_are_torchvisions(torchvision, name, settings):
    overlap = boxes.overlaps(yx(torchvision["anchors/96x128_rounded_xyxy"]), yx(torchvision["matcher/gt_xyxy"]))
    found = match(overlap, jnp.ones(overlap.shape[1], bool), **settings)
    np.testing.assert_array_equal(found, torchvision[f"matcher/{name}"])


def test_the_best_anchor_of_an_object_stands_for_it_from_the_limit_on():
    overlap = jnp.asarray([[0.8, 0.1], [0.2, 0.4], [0.1, 0.4], [0.5, 0.2], [0.0, 0.0]])
    there = jnp.asarray([True, True])
    found = match(overlap, there, positive=0.7, negative=0.3, best_from=0.3)
    np.testing.assert_array_equal(found, [0, 1, 1, IGNORED, NEGATIVE])
    found = match(overlap, there, positive=0.7, negative=0.3, best_from=0.45)
    np.testing.assert_array_equal(found, [0, IGNORED, IGNORED, IGNORED, NEGATIVE])
    found = match(overlap, jnp.asarray([True, False]), positive=0.7, negative=0.3, best_from=0.3)
    np.testing.assert_array_equal(found, [0, NEGATIVE, NEGATIVE, IGNORED, NEGATIVE])


def test_an_object_that_nothing_overlaps_has_no_match():
    found = match(jnp.zeros((3, 1)), jnp.asarray([True]), positive=0.7, negative=0.3, best_from=0.0)
    np.testing.assert_array_equal(found, [NEGATIVE] * 3)


def test_samples_are_of_the_right_kind_and_as_many_as_there_are():
    found = jnp.asarray([0, 1, NEGATIVE, IGNORED, 0, NEGATIVE, NEGATIVE, 1])
    seen = set()
    for seed in range(20):
        places, used = sample(jax.random.key(seed), found, count=4, positives=2)
        assert used.all()
        assert len(set(places.tolist())) == 4
        assert (found[places] >= 0).sum() == 2
        assert (found[places] == NEGATIVE).sum() == 2
        seen |= set(places.tolist())
    assert seen == {0, 1, 2, 4, 5, 6, 7}  # every one but what is ignored
    places, used = sample(jax.random.key(0), found, count=12, positives=6)
    assert (used.sum(), len(used)) == (7, 12)


@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.parametrize("samples", [1, 2, 3])
def test_roi_align_and_its_gradient_are_torchvisions(torchvision, aligned, samples):
    case = f"roi/aligned{int(aligned)}_samples{samples}"
    maps = jnp.asarray(torchvision["roi/features_nchw"].transpose(0, 2, 3, 1))
    regions = torchvision["roi/rois_index_xyxy"]
    owners = [np.flatnonzero(regions[:, 0] == image) for image in range(len(maps))]

    def pooled(maps):
        out = jnp.zeros((len(regions), 7, 7, maps.shape[-1]))
        for image, own in enumerate(owners):
            pyramid = make_pyramid([maps[image]], [1 / 8])
            found = roi_align(
                pyramid, yx(regions[own, 1:]), jnp.zeros(len(own), jnp.int32), samples=samples, aligned=aligned
            )
            out = out.at[own].set(found)
        return out

    out, pull = jax.vjp(pooled, maps)
    (gradient,) = pull(jnp.asarray(torchvision[f"{case}/cotangent"].transpose(0, 2, 3, 1)))
    # Sums of up to 36 products of float32 numbers of about 1
    np.testing.assert_allclose(out.transpose(0, 3, 1, 2), torchvision[f"{case}/out"], atol=1e-5)
    np.testing.assert_allclose(gradient.transpose(0, 3, 1, 2), torchvision[f"{case}/gradient"], atol=2e-5)


def test_regions_are_read_from_torchvisions_levels_with_its_values(torchvision):
    maps = [jnp.asarray(torchvision[f"multi/p{k}_nchw"][0].transpose(1, 2, 0)) for k in (2, 3, 4, 5)]
    regions = yx(torchvision["multi/boxes_xyxy"])
    levels = levels_of(regions, 4)
    np.testing.assert_array_equal(levels, torchvision["multi/levels"])
    found = roi_align(make_pyramid(maps, [1 / 4, 1 / 8, 1 / 16, 1 / 32]), regions, levels)
    # Places of some 100 cells in float32 are 1e-5 apart, times the slope of the maps
    np.testing.assert_allclose(found.transpose(0, 3, 1, 2), torchvision["multi/out"], atol=1e-4)


def test_regions_of_sides_that_double_go_one_level_up():
    regions = jnp.asarray([[0.0, 0, side, side] for side in (8, 111, 112, 223, 224, 447, 448, 5000)])
    np.testing.assert_array_equal(levels_of(regions, 4), [0, 0, 1, 1, 2, 2, 3, 3])


def test_roi_align_of_a_plane_is_the_plane_at_the_middle_of_each_bin():
    rows, columns = np.meshgrid(np.arange(20.0), np.arange(30.0), indexing="ij")
    plane = jnp.asarray(3 * rows - 2 * columns + 5, jnp.float32)[..., None]
    region = jnp.asarray([[4.0, 6.0, 18.0, 27.0]])  # of stride 1
    found = roi_align(make_pyramid([plane], [1.0]), region, jnp.zeros(1, jnp.int32))[0, ..., 0]
    middles = [3 * (4 + 14 * (y + 0.5) / 7) - 2 * (6 + 21 * (x + 0.5) / 7) + 5 for y in range(7) for x in range(7)]
    np.testing.assert_allclose(found.reshape(-1), middles, atol=1e-4)

"""Errors on corrupted images by definition; uCE, CE and mCE, by hand and with the published anchors."""

import numpy as np
import pytest

from sbn.data.corruptions.kinds import ALEXNET_CLEAN_ERROR, ALEXNET_ERRORS, BENCHMARK, KINDS, SEVERITIES
from sbn.data.examples import in_memory
from sbn.data.pixels import pack
from sbn.evals.corruptions import GRID, Corrupted, Corruptions, Mix, corruption_errors
from sbn.evals.predictions import Predict
from sbn.evals.scores import Scorer
from sbn.figures.make import FIGURES, make_png
from sbn.metrics.accuracy import mix_name
from sbn.train.mesh import make_mesh
from tests import facts
from tests.evals.parts import CLASSES, ByPixels
from tests.evals.parts import source as numbered


def numbers(errors, kinds=KINDS, *, clean=0.05, anchored=False, severities=SEVERITIES):
    return corruption_errors(np.array(errors), kinds, severities, clean=clean, anchored=anchored)


def test_uce_is_the_mean_over_fifteen_types_and_five_severities():
    errors = np.zeros((19, 5))
    errors[KINDS.index("fog")] = [0.1, 0.2, 0.3, 0.4, 0.5]  # mean 0.3
    errors[KINDS.index("snow")] = 0.6
    errors[KINDS.index("saturate")] = 1.0  # one of the extra four
    found = numbers(errors)
    assert found["error/fog"] == pytest.approx(0.3)
    assert (found["error/fog_1"], found["error/fog_5"], found["error/snow_3"]) == (0.1, 0.5, 0.6)
    assert found["uce"] == pytest.approx((0.3 + 0.6) / 15)  # 0.06
    assert found["error"] == pytest.approx((0.3 + 0.6 + 1.0) / 19)  # 0.1


def test_uce_does_not_depend_on_the_order_of_the_types():
    errors = np.random.default_rng(0).uniform(size=(19, 5))
    order = np.random.default_rng(1).permutation(19)
    shuffled = numbers(errors[order], tuple(KINDS[i] for i in order), anchored=True)
    for name, value in numbers(errors, anchored=True).items():
        assert shuffled[name] == pytest.approx(value, rel=1e-12), name


@pytest.mark.parametrize(
    ("kinds", "severities"), [(BENCHMARK[1:], SEVERITIES), (BENCHMARK, (1, 3, 5)), (("fog",), SEVERITIES)]
)
def test_a_part_of_the_benchmark_has_no_uce(kinds, severities):
    found = numbers(np.full((len(kinds), len(severities)), 0.25), kinds, severities=severities, anchored=True)
    assert found["error"] == 0.25
    assert not {"uce", "mce", "relative_mce"} & set(found)


def test_cifar_has_nothing_to_do_with_alexnet():
    assert not [name for name in numbers(np.zeros((19, 5))) if "ce/" in name or name in ("mce", "relative_mce")]


def test_ce_and_relative_ce_worked_by_hand():
    # AlexNet on brightness: .4514 + .48502 + .54048 + .62166 + .7244 = 2.82296; less 5 x .435: 0.64796
    errors = np.full((1, 5), 0.2)
    errors[0] = [0.2, 0.25, 0.3, 0.35, 0.4]  # sum 1.5; less 5 x .1: 1.0
    found = numbers(errors, ("brightness",), clean=0.1, anchored=True)
    assert found["ce/brightness"] == pytest.approx(1.5 / 2.82296)  # 0.531357
    assert found["relative_ce/brightness"] == pytest.approx(1.0 / 0.64796)  # 1.543305


def test_alexnet_itself_has_mce_100_percent():
    errors = np.array([ALEXNET_ERRORS[kind] for kind in KINDS])
    found = numbers(errors, clean=ALEXNET_CLEAN_ERROR, anchored=True)
    assert found["mce"] == pytest.approx(1, abs=1e-12)
    assert found["relative_mce"] == pytest.approx(1, abs=1e-12)
    assert found["uce"] == pytest.approx(0.788993, abs=5e-7)  # the published mean of the 15 averages


def test_mce_is_a_mean_of_ratios_not_a_ratio_of_means():
    errors = np.array([ALEXNET_ERRORS[kind] for kind in BENCHMARK])
    errors[BENCHMARK.index("brightness")] *= 2.5  # CE 2.5, the others 1
    found = numbers(errors, BENCHMARK, anchored=True)
    assert found["mce"] == pytest.approx((14 + 2.5) / 15)  # 1.1; the ratio of means would be 1.0716


def test_the_anchors_are_the_published_ones():
    published = facts.load("alexnet_imagenet_c_errors")
    assert {kind: list(errors) for kind, errors in ALEXNET_ERRORS.items()} == published["severity_1_to_5"]
    assert published["clean_error"] == ALEXNET_CLEAN_ERROR
    assert len(BENCHMARK) == 15
    assert np.mean([np.mean(ALEXNET_ERRORS[kind]) for kind in BENCHMARK]) == pytest.approx(
        published["mean_of_15_averages"], abs=5e-7
    )


SIDE, M = 4, 13
MEASURED = (*BENCHMARK, "spatter")


class Fake:
    """A corrupted set that darkens the images, and counts how often it is asked for."""

    name, severities, about = "fake", (1, 2, 3, 4, 5), "A fake."

    def __init__(self, source, *, generated=False, kinds=MEASURED):
        self.source, self.generated, self.kinds, self.labels = source, generated, kinds, source.labels
        self.asked = []

    def images(self, kind, severity):
        self.asked.append((kind, severity))
        noise = np.random.default_rng(100 * self.kinds.index(kind) + severity).integers(0, 40 * severity, (M, 4, 4, 3))
        return np.clip(self.source.images - noise, 0, 255).astype(np.uint8)


@pytest.fixture
def source():
    pixels = np.random.default_rng(0).integers(0, 256, (M, SIDE, SIDE, 3), np.uint8)
    return numbered(M, side=SIDE).with_images(pixels)


def make(source, *, average="probabilities", batch_size=4, **options):
    task, data = ByPixels(SIDE), Fake(source, **options)
    predict = Predict(task, make_mesh(batch_size=8), batch_size=batch_size)
    measure = Scorer(predict, branches=task.branches, mix=(*GRID, 0.25), average=average)
    return task, data, Corrupted(measure, source, data)


def slow_error(task, images, labels, predict):
    """The share of images whose label does not get the highest score, one image at a time."""
    wrong = 0
    for logits, label in zip(task.slow_logits(pack(images)), labels, strict=True):
        scores = predict(logits)
        wrong += any(scores[other] >= scores[label] for other in range(CLASSES) if other != label)
    return wrong / len(labels)


def softmax(x):
    return np.exp(x) / np.exp(x).sum()


PREDICTIONS = {
    "main": lambda logits: logits[0],
    "aux": lambda logits: logits[1],
    "mix_0.25": lambda logits: 0.25 * softmax(logits[0]) + 0.75 * softmax(logits[1]),
}


@pytest.mark.parametrize("batch_size", [3, 8, 50])
def test_errors_are_those_of_a_slow_count(source, batch_size):
    task, data, corrupted = make(source, batch_size=batch_size)
    found = dict(Corruptions(corrupted, names=PREDICTIONS)({}))
    for name, predict in PREDICTIONS.items():
        table = np.array(
            [[slow_error(task, data.images(k, s), source.labels, predict) for s in data.severities] for k in MEASURED]
        )
        np.testing.assert_allclose(found[f"corrupted/{name}/error"], table, atol=1e-12)
        assert found[f"corrupted/{name}/uce"] == pytest.approx(table[:15].mean())
        assert found[f"corrupted/{name}/error/fog_5"] == pytest.approx(table[MEASURED.index("fog"), 4])
        assert found[f"test/{name}/error"] == pytest.approx(slow_error(task, source.images, source.labels, predict))
    assert list(found["corrupted/kinds"]) == list(MEASURED)
    assert list(found["corrupted/severities"]) == [1, 2, 3, 4, 5]


def test_every_image_of_every_set_counts_once_for_both_evaluators(source):
    _, data, corrupted = make(source)
    variables = {"x": np.zeros(1, np.float32)}
    dict(Corruptions(corrupted, names=("main",))(variables))
    dict(Mix(corrupted)(variables))
    assert sorted(data.asked) == sorted((kind, severity) for kind in MEASURED for severity in data.severities)
    dict(Mix(corrupted)(dict(variables)))  # other variables, another pass
    assert len(data.asked) == 2 * 5 * len(MEASURED)


@pytest.mark.parametrize("average", ["probabilities", "logits"])
def test_the_grid_ends_in_the_branches_to_the_bit_and_is_right_between(source, average):
    task, data, corrupted = make(source, average=average)
    variables = {}
    branches = dict(Corruptions(corrupted, names=("main", "aux"))(variables))
    found = dict(Mix(corrupted)(variables))
    np.testing.assert_allclose(found["mix/lambda"], np.linspace(0, 1, 11), atol=1e-15)
    for end, branch in ((0, "aux"), (-1, "main")):
        assert found["corrupted/mix/uce"][end] == branches[f"corrupted/{branch}/uce"]
        assert 1 - found["test/mix/accuracy"][end] == branches[f"test/{branch}/error"]
    for weight in GRID[1:-1]:

        def mixed(logits, weight=weight):
            main, aux = (softmax(x) for x in logits) if average == "probabilities" else logits
            return weight * main + (1 - weight) * aux

        accuracy = 1 - slow_error(task, source.images, source.labels, mixed)
        uce = np.mean(
            [slow_error(task, data.images(k, s), source.labels, mixed) for k in BENCHMARK for s in data.severities]
        )
        assert found[f"test/{mix_name(weight)}/accuracy"] == pytest.approx(accuracy)
        assert found[f"corrupted/{mix_name(weight)}/uce"] == pytest.approx(uce)
        assert found["corrupted/mix/uce"][GRID.index(weight)] == found[f"corrupted/{mix_name(weight)}/uce"]


def test_numbers_of_generated_images_never_have_the_benchmarks_names(source):
    _, _, corrupted = make(source, generated=True)
    variables = {}
    names = {*dict(Corruptions(corrupted, names=("main",))(variables)), *dict(Mix(corrupted)(variables))}
    assert "corrupted_generated/main/uce" in names
    assert "corrupted_generated/mix/uce" in names
    assert not [name for name in names if name.startswith("corrupted/")]


def test_imagenet_has_mce_with_its_anchors_beside_it(source):
    task, data = ByPixels(SIDE), Fake(source)
    predict = Predict(task, make_mesh(batch_size=8), batch_size=8)
    measure = Scorer(predict, branches=task.branches, mix=GRID, average="probabilities")
    corrupted = Corrupted(measure, in_memory(source.arrays, name="toy", classes=1000), data)
    found = dict(Corruptions(corrupted, names=("main",))({}))
    assert found["corrupted/alexnet/error/fog"] == pytest.approx(0.819324)
    assert found["test/alexnet/error"] == 0.435
    fog = found["corrupted/main/error"][MEASURED.index("fog")]
    assert found["corrupted/main/ce/fog"] == pytest.approx(fog.mean() / 0.819324)
    assert found["corrupted/main/mce"] == pytest.approx(
        np.mean([found[f"corrupted/main/ce/{kind}"] for kind in BENCHMARK])
    )
    assert "corrupted/mix_0.5/mce" in dict(Mix(corrupted)({}))


def test_a_part_of_the_types_gives_its_mean_and_no_uce(source):
    _, _, corrupted = make(source, kinds=("fog", "snow"))
    variables = {}
    found = dict(Mix(corrupted)(variables))
    assert "corrupted/mix/uce" not in found
    table = dict(Corruptions(corrupted, names=("main",))(variables))["corrupted/main/error"]
    assert table.shape == (2, 5)
    assert found["corrupted/mix/error"][-1] == pytest.approx(table.mean())


def arrays(evaluator):
    return {name: value for name, value in evaluator({}) if isinstance(value, np.ndarray)}


@pytest.mark.parametrize("generated", [False, True])
def test_pictures_show_the_numbers_and_say_what_is_generated(source, generated):
    _, _, corrupted = make(source, generated=generated)
    curves, tables = arrays(Mix(corrupted)), arrays(Corruptions(corrupted, names=("main", "aux")))
    (axes,) = FIGURES["mix"](curves).axes
    np.testing.assert_allclose(axes.lines[0].get_xdata(), 100 * curves[f"{corrupted.split}/mix/uce"])
    np.testing.assert_allclose(axes.lines[0].get_ydata(), 100 * curves["test/mix/accuracy"])
    assert [text.get_text() for text in axes.texts][::5] == ["0", "0.5", "1"]
    assert ("generated" in axes.get_xlabel()) == generated
    figure = FIGURES["corruptions"](tables)
    assert [axes.get_title() for axes in figure.axes] == ["main", "aux"]
    for axes, name in zip(figure.axes, ("main", "aux"), strict=True):
        shown = [float(text.get_text()) for text in axes.texts]
        np.testing.assert_allclose(shown, 100 * tables[f"{corrupted.split}/{name}/error"].ravel(), atol=0.05)
    assert ("generated" in figure.get_suptitle()) == generated
    for name, drawn in (("mix", curves), ("corruptions", tables)):
        assert make_png(name, drawn).startswith(b"\x89PNG")

"""Errors on corrupted images and the grid of λ, from one pass, against a slow count over images."""

import numpy as np
import pytest

from sbn.data.corruptions.kinds import BENCHMARK
from sbn.data.examples import in_memory
from sbn.data.pixels import pack
from sbn.evals.corruptions import GRID, Corrupted, Corruptions
from sbn.evals.mix import Mix
from sbn.evals.predictions import Predict
from sbn.evals.scores import Measure
from sbn.figures.make import FIGURES, make_png
from sbn.metrics.accuracy import mix_name
from sbn.train.mesh import make_mesh
from tests.evals.parts import CLASSES, ByPixels
from tests.evals.parts import source as numbered

SIDE, M = 4, 13
KINDS = (*BENCHMARK, "spatter")


class Fake:
    """A corrupted set that darkens the images, and counts how often it is asked for."""

    name, severities, about = "fake", (1, 2, 3, 4, 5), "A fake."

    def __init__(self, source, *, generated=False, kinds=KINDS):
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
    measure = Measure(predict, branches=task.branches, mix=(*GRID, 0.25), average=average)
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
            [[slow_error(task, data.images(k, s), source.labels, predict) for s in data.severities] for k in KINDS]
        )
        np.testing.assert_allclose(found[f"corrupted/{name}/error"], table, atol=1e-12)
        assert found[f"corrupted/{name}/uce"] == pytest.approx(table[:15].mean())
        assert found[f"corrupted/{name}/error/fog_5"] == pytest.approx(table[KINDS.index("fog"), 4])
        assert found[f"test/{name}/error"] == pytest.approx(slow_error(task, source.images, source.labels, predict))
    assert list(found["corrupted/kinds"]) == list(KINDS)
    assert list(found["corrupted/severities"]) == [1, 2, 3, 4, 5]


def test_every_image_of_every_set_counts_once_for_both_evaluators(source):
    _, data, corrupted = make(source)
    variables = {"x": np.zeros(1, np.float32)}
    dict(Corruptions(corrupted, names=("main",))(variables))
    dict(Mix(corrupted)(variables))
    assert sorted(data.asked) == sorted((kind, severity) for kind in KINDS for severity in data.severities)
    dict(Mix(corrupted)(dict(variables)))  # other variables, another pass
    assert len(data.asked) == 2 * 5 * len(KINDS)


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
    measure = Measure(predict, branches=task.branches, mix=GRID, average="probabilities")
    corrupted = Corrupted(measure, in_memory(source.arrays, name="toy", classes=1000), data)
    found = dict(Corruptions(corrupted, names=("main",))({}))
    assert found["corrupted/alexnet/error/fog"] == pytest.approx(0.819324)
    assert found["test/alexnet/error"] == 0.435
    fog = found["corrupted/main/error"][KINDS.index("fog")]
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

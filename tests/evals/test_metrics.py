"""A task's metrics on the test split, of any task; analyses of image classification ask for what they need."""

import dataclasses
import types

import jax.numpy as jnp
import numpy as np
import pytest

from sbn.config.errors import ConfigError
from sbn.data.examples import Feature, InMemory
from sbn.evals.base import run
from sbn.evals.make import make_evaluators
from tests.evals.toys import make_materials

M = 13


@dataclasses.dataclass(frozen=True)
class MeanError:
    """How far the first output is from the target 'wanted', on average, for each branch."""

    branches: tuple[str, ...]
    name: str = "error"

    def init(self):
        return jnp.zeros(len(self.branches)), jnp.zeros((), jnp.int32)

    def update(self, state, outputs, targets, valid):
        error = jnp.abs(outputs["value"] - targets["wanted"][:, None])
        return state[0] + jnp.where(valid[:, None], error, 0).sum(axis=0), state[1] + valid.sum()

    def merge(self, a, b):
        return a[0] + b[0], a[1] + b[1]

    def compute(self, state):
        return {f"{name}/{self.name}": float(state[0][k] / state[1]) for k, name in enumerate(self.branches)}


def own_metric(task, config):
    """What `eval.metrics` names: a metric made of the task and the config."""
    return MeanError(task.branches, f"own_error_{config.seed}")


class Sizes:
    """A task that is no classification: every branch guesses a number, the image's first pixel times a factor."""

    branches, targets = ("main", "aux"), ("wanted",)

    def outputs(self, variables, inputs):
        first = (inputs["image"][:, 0, 0] & 0xFF).astype(jnp.float32)
        return {"value": first[:, None] * variables["factor"]}

    def metrics(self):
        return {"error": MeanError(self.branches)}


def materials(changes=None):
    images = np.zeros((M, 4, 4, 3), np.uint8)
    images[:, 0, 0, 0] = np.arange(M)
    features = {"image": Feature("image", (4, 4, 3)), "wanted": Feature("array", ())}
    examples = InMemory({"image": images, "wanted": np.full(M, 3, np.float32)}, features)
    return make_materials(examples, {"eval.evals": ("metrics",), **(changes or {})}, task=Sizes())


FACTORS = {"factor": np.array([1.0, 2.0], np.float32)}


@pytest.mark.parametrize("batch_size", [1, 5, 13, 50])
def test_any_task_is_measured_by_its_own_metrics_every_example_once(batch_size):
    (evaluator,) = make_evaluators(materials({"eval.batch_size": batch_size})).values()
    found, _ = run(evaluator, FACTORS)
    numbers = np.arange(M)
    assert found == {
        "test/main/error": pytest.approx(np.abs(numbers - 3).mean()),
        "test/aux/error": pytest.approx(np.abs(2 * numbers - 3).mean()),
    }


def test_metrics_of_ones_own_are_added_by_import_path():
    changes = {"eval.metrics": (f"{__name__}:own_metric",)}
    (evaluator,) = make_evaluators(materials(changes)).values()
    found, _ = run(evaluator, FACTORS)
    assert list(found) == ["test/main/error", "test/aux/error", "test/main/own_error_3", "test/aux/own_error_3"]
    assert found["test/aux/own_error_3"] == found["test/aux/error"]


def own_evaluator(materials):
    """What `eval.evals` names: called with the materials, it returns an evaluator."""
    return lambda variables: iter([("test/factor", float(variables["factor"].sum() * materials.config.seed))])


def test_an_evaluator_of_ones_own_is_called_with_the_materials():
    (evaluator,) = make_evaluators(materials({"eval.evals": (f"{__name__}:own_evaluator",)})).values()
    assert run(evaluator, FACTORS)[0] == {"test/factor": 9.0}


class Two:
    """Needs more than an evaluator is given."""

    def __init__(self, materials, more):
        pass


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("os:sep", "'os:sep' can't be called: it is a str"),
        (f"{__name__}:M", f"'{__name__}:M' can't be called: it is a int"),
        (f"{__name__}:Two", f"{__name__}:Two(materials) fails: TypeError: "),
        (f"{__name__}:nothing", f"'{__name__}:nothing' makes a NoneType, which can't be called"),
        (f"{__name__}:breaks", f"{__name__}:breaks(materials) fails: TypeError: "),
        (f"{__name__}:refuses", "this is said"),
    ],
)
def test_what_is_no_evaluator_is_refused_in_one_line_before_it_is_to_measure(name, words):
    with pytest.raises(ConfigError) as caught:
        make_evaluators(materials({"eval.evals": (name,)}))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def nothing(materials):
    """Makes no evaluator."""


def staged(materials):
    """Makes an evaluator that has to be told the step first."""
    return types.SimpleNamespace(at=lambda step: lambda variables: iter(()))


def test_an_evaluator_that_is_told_the_step_need_not_be_called():
    name = f"{__name__}:staged"
    assert list(make_evaluators(materials({"eval.evals": (name,)}))) == [name]


def refuses(materials):
    """Says itself what is wrong, as evaluators that come with the package do."""
    raise ConfigError("this is said")


@pytest.mark.parametrize(
    ("name", "lacking"),
    [("fourier", "predict_floats"), ("corruptions", "classes"), ("affinity", "classes"), ("spectra", "features")],
)
def test_analyses_of_image_classification_refuse_other_tasks_in_one_line(name, lacking):
    with pytest.raises(ConfigError) as caught:
        make_evaluators(materials({"eval.evals": (name,), "eval.affinity.pipelines": ("flip",)}))
    assert str(caught.value).startswith(f"eval.evals: {name!r} is only for image classification")
    assert f"has no {lacking} (sbn.tasks.base.ImageTask)" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("made", "words"), [("no_metric", "lacks init, update"), ("breaks", "KeyError: 'gone'")])
def test_what_is_no_metric_is_refused_in_one_line(made, words):
    with pytest.raises(ConfigError, match=words):
        make_evaluators(materials({"eval.metrics": (f"{__name__}:{made}",)}))


def no_metric(task, config):
    """Makes something else."""
    return 7


def breaks(task, config):
    """Makes nothing."""
    raise KeyError("gone")

"""The table of evaluators; the training loop and `python -m sbn.evaluate` both get those of a config here."""

from collections.abc import Callable, Sequence

from sbn.config import imported
from sbn.config.errors import ConfigError
from sbn.config.evaluation import ANALYSES
from sbn.evals.augmented import Affinity, Augment, Diversity, make_augment, view_pipelines
from sbn.evals.base import Evaluator, Materials, Staged
from sbn.evals.bleu import Bleu
from sbn.evals.branches import Branches
from sbn.evals.corruptions import Corruptions, Mix, make_corrupted
from sbn.evals.detections import Detections
from sbn.evals.features import Features
from sbn.evals.frequencies import Filtered, Fourier
from sbn.evals.losses import Losses
from sbn.evals.masks import Masks
from sbn.evals.metrics import Metrics
from sbn.evals.predictions import Predict
from sbn.evals.sizes import Sizes
from sbn.evals.spectra import Spectra
from sbn.evals.views import Views
from sbn.metrics.accuracy import mix_name


def make_evaluators(materials: Materials) -> dict[str, Evaluator]:
    """Returns the evaluators that `eval.evals` names, in its order; the others are not built.

    One of the user's own, `package.module:Name`, is what that returns when called with the materials.

    Raises:
        ConfigError: if one can't be: a setting of it is wrong, its data are not there, or one of the user's
            own is none.
    """
    for name in materials.config.eval.evals:
        if name in ANALYSES:
            materials.image_task(name)  # that there are images at all
            if name == "losses" and materials.domains:
                own = ", ".join(materials.domains)
                raise ConfigError(
                    f"eval.evals: 'losses' measures views of the run's own data, and {own} have other data"
                )
        if name in ("branches", "features"):
            _check_names(materials, name)
    return {name: _made(name, materials) for name in materials.config.eval.evals}


def _check_names(materials: Materials, evaluator: str) -> None:
    """Refuses names of views that stand for the images as they are in what an evaluator yields: 'clean_main'."""
    views = view_pipelines(materials.config)
    for name in {*views, *materials.config.branches}:
        if f"clean_{name}" in views:
            raise ConfigError(
                f"eval.evals: {evaluator!r} calls what it finds of {name!r} on images as they are 'clean_{name}', and "
                "a view has this name: give it another one"
            )


def _made(name: str, materials: Materials) -> Evaluator:
    if name in EVALUATORS:
        return EVALUATORS[name](materials)
    kind = "sbn.evals.base.Evaluator"
    made: Evaluator = imported.make(name, {"materials": materials}, key="eval.evals", kind=kind)
    if not callable(made) and not isinstance(made, Staged):
        raise ConfigError(f"eval.evals: {name!r} makes a {type(made).__name__}, which can't be called ({kind})")
    return made


def _mix(materials: Materials) -> Evaluator:
    return Mix(materials.shared(make_corrupted))


def _corruptions(materials: Materials) -> Evaluator:
    branches = materials.task.branches
    mixes = map(mix_name, materials.config.eval.mix) if len(branches) > 1 else ()
    return Corruptions(materials.shared(make_corrupted), names=(*branches, *mixes))


def _affinity(materials: Materials) -> Evaluator:
    config = materials.config
    augments = _augments(materials, config.eval.affinity.pipelines, "eval.affinity.pipelines")
    measure = materials.measure(config.eval.mix, evaluator="affinity")
    return Affinity(measure, materials.test, augments, draws=config.eval.affinity.draws)


def _diversity(materials: Materials) -> Evaluator:
    config = materials.config
    augments = _augments(materials, config.eval.diversity.pipelines, "eval.diversity.pipelines")
    return Diversity(materials.measure(config.eval.mix, evaluator="diversity"), materials.train, augments)


def _branches(materials: Materials) -> Evaluator:
    config, task = materials.config, materials.image_task("branches", "activations")
    pipelines = view_pipelines(config)
    augments = _augments(materials, tuple(pipelines.values()), "views.*.augment")
    views = {
        view: (task.branches.index(view) if view in task.branches else 0, augments[text])
        for view, text in pipelines.items()
    }
    return Branches(
        task,
        materials.mesh,
        materials.test,
        views,
        epsilon=config.norm.epsilon,
        layer=config.eval.branches.layer,
        batch_size=config.eval.batch_size,
    )


def _augments(materials: Materials, pipelines: Sequence[str], key: str) -> dict[str, Augment]:
    """What applies each of the pipelines; those of the views where none is named."""
    texts = pipelines or tuple(view_pipelines(materials.config).values())
    size = materials.test.images.shape[1:3]
    return {text: make_augment(materials.config, text, image_size=size, key=key) for text in texts}


def _fourier(materials: Materials) -> Evaluator:
    config = materials.config
    return Fourier(
        materials,
        norm=config.eval.fourier.norm,
        size=config.eval.fourier.size,
        examples=config.eval.fourier.examples,
    )


def _low_pass(materials: Materials) -> Evaluator:
    config = materials.config
    return Filtered(materials, "low_pass", widths=config.eval.low_pass.widths, examples=config.eval.low_pass.examples)


def _high_pass(materials: Materials) -> Evaluator:
    config = materials.config
    return Filtered(
        materials, "high_pass", widths=config.eval.high_pass.widths, examples=config.eval.high_pass.examples
    )


def _spectra(materials: Materials) -> Evaluator:
    config, task = materials.config, materials.image_task("spectra", "features")
    split = config.eval.spectra.split
    return Spectra(
        Predict(task, materials.mesh, batch_size=config.eval.batch_size, forward=task.features),
        materials.train if split == "train" else materials.test,
        split=split,
        branches=task.branches,
        per_class_mean=config.eval.spectra.per_class_mean,
    )


Maker = Callable[[Materials], Evaluator]
EVALUATORS: dict[str, Maker] = {
    "metrics": Metrics,
    "accuracy": Metrics,  # what classification calls it
    "mix": _mix,
    "corruptions": _corruptions,
    "affinity": _affinity,
    "diversity": _diversity,
    "branches": _branches,
    "fourier": _fourier,
    "low_pass": _low_pass,
    "high_pass": _high_pass,
    "losses": Losses,
    "spectra": _spectra,
    "features": Features,
    "views": Views,
    "bleu": Bleu,
    "sizes": lambda materials: Sizes(materials, sizes=materials.config.eval.sizes.sizes),
    "detections": Detections,
    "masks": Masks,
}

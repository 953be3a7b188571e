"""Every key of an experiment's config: its type, its default, what it means. What is not declared here does not exist."""

import dataclasses
import math
from typing import Any

from sbn.config import durations
from sbn.config.errors import ConfigError, unknown


@dataclasses.dataclass(frozen=True)
class Key:
    """One declared key.

    Attributes:
        name: dotted name; `*` stands for the name of a view.
        kind: one of `KINDS`.
        default: the value of a config that does not say otherwise.
        doc: what it means, with its unit.
        choices: the only values allowed; empty for no such limit.
        low: the smallest value allowed (of each element).
        optional: whether None is a value, meaning what `doc` says.
        per_stage: whether a stage may have its own value, as `stage.NAME.<name>`.
    """

    name: str
    kind: str
    default: Any
    doc: str
    choices: tuple[Any, ...] = ()
    low: float | None = None
    optional: bool = False
    per_stage: bool = False


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


KINDS = {
    "bool": lambda value: isinstance(value, bool),
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "float": _number,
    "str": lambda value: isinstance(value, str),
    "duration": lambda value: isinstance(value, str),
    "names": lambda value: isinstance(value, tuple) and all(isinstance(item, str) for item in value),
    "floats": lambda value: isinstance(value, tuple) and all(_number(item) for item in value),
    "durations": lambda value: isinstance(value, tuple) and all(isinstance(item, str) for item in value),
}

KEYS = (
    Key("seed", "int", 0, "Seed of everything that is random: initialisation, order, augmentation, dropout.", low=0),
    # Data
    Key("data.name", "str", "cifar10", "Data set.", choices=("cifar10", "cifar100", "shapes")),
    Key("data.dir", "str", None, "TFDS data_dir; None: TFDS_DATA_DIR, or TFDS's own default.", optional=True),
    Key(
        "data.archive",
        "str",
        None,
        "Archive to read instead, which needs no TensorFlow (`python -m sbn.data.prepare`); None: the data_dir.",
        optional=True,
    ),
    Key(
        "data.path",
        "str",
        "host",
        "Where views are made: by tf.data on the host, or in the step from a data set in device memory (same batches, no TensorFlow).",
        choices=("host", "device"),
    ),
    Key("data.train_split", "str", "train", "TFDS split to train on, e.g. 'train[:45000]'."),
    Key("data.test_split", "str", "test", "TFDS split to evaluate on, e.g. 'train[45000:]'."),
    Key(
        "data.train_examples",
        "int",
        None,
        "Train on the first so many examples; None: all (shapes: 10,000).",
        optional=True,
        low=1,
    ),
    Key(
        "data.test_examples",
        "int",
        None,
        "Evaluate on the first so many examples; None: all (shapes: 2,000).",
        optional=True,
        low=1,
    ),
    Key(
        "data.image_size",
        "int",
        None,
        "Side in pixels of rendered images (shapes only); None: 32.",
        optional=True,
        low=8,
    ),
    Key("data.style", "str", "plain", "Rendering style (shapes only).", choices=("plain", "sketch", "clear")),
    # Views and branches
    Key(
        "branches",
        "names",
        ("main",),
        "The views to train on, in the order of the K axis; each has the branch of its name.",
        per_stage=True,
    ),
    Key(
        "views.*.augment",
        "str",
        "crop(4)|flip",
        "Augmentation pipeline, ops from left to right; '' for none.",
        per_stage=True,
    ),
    Key(
        "views.*.weight",
        "float",
        None,
        "Weight of this view's loss; None: 1 / number of views.",
        optional=True,
        low=0,
        per_stage=True,
    ),
    Key(
        "views.*.draws",
        "str",
        None,
        "View whose random draws this one shares; None: its own, independent ones.",
        optional=True,
        per_stage=True,
    ),
    # Model
    Key("model.name", "str", "wide_resnet", "Architecture.", choices=("wide_resnet",)),
    Key("model.depth", "int", 28, "Number of convolutions, 6n + 4 for a Wide-ResNet.", low=10),
    Key("model.width", "int", 2, "Widening factor k: the groups have 16k, 32k and 64k channels.", low=1),
    Key("model.dropout", "float", 0.0, "Share of activations dropped between a block's convolutions.", low=0),
    Key(
        "model.shortcut",
        "str",
        "pool_pad",
        "Where channels change: average-pool and zero-pad (TF AutoAugment code), or a 1x1 convolution.",
        choices=("pool_pad", "conv"),
    ),
    Key("model.group_skips", "bool", False, "The TF code's extra skips around each group and around all of them."),
    # Normalisation
    Key(
        "norm.kind",
        "str",
        "split",
        "split: own statistics, scale and bias a branch; split_stats: own statistics, shared scale and bias; shared: one BatchNorm over all views together; none.",
        choices=("split", "split_stats", "shared", "none"),
    ),
    Key(
        "norm.group_size",
        "int",
        None,
        "Examples that share batch statistics; None: the whole global batch.",
        optional=True,
        low=1,
    ),
    Key("norm.momentum", "float", 0.9, "Share of the old running statistics kept at a step.", low=0),
    Key("norm.epsilon", "float", 1e-5, "Added to the variance.", low=0),
    Key(
        "norm.unbiased",
        "bool",
        True,
        "Running variances average the unbiased batch variance, n / (n - 1) (TF fused BatchNorm, PyTorch).",
    ),
    # Optimisation
    Key("duration", "duration", "200 epochs", "How long to train.", per_stage=True),
    Key("batch_size", "int", 128, "Examples a step, over all devices; each gives one image a view.", low=1),
    Key(
        "precision",
        "str",
        "float32",
        "Of activations; parameters, statistics and losses stay float32.",
        choices=("float32", "bfloat16"),
    ),
    Key(
        "loss.label_smoothing",
        "float",
        0.0,
        "Share of the label spread evenly over the classes.",
        low=0,
        per_stage=True,
    ),
    Key("optim.lr", "float", 0.1, "Peak learning rate.", low=0, per_stage=True),
    Key("optim.momentum", "float", 0.9, "Momentum of SGD.", low=0, per_stage=True),
    Key("optim.nesterov", "bool", True, "Nesterov's form of momentum.", per_stage=True),
    Key(
        "optim.weight_decay",
        "float",
        5e-4,
        "Coupled: gradient of this times half the squared norm, added before clipping.",
        low=0,
        per_stage=True,
    ),
    Key(
        "optim.decay_norm",
        "bool",
        True,
        "Whether weight decay reaches scales and biases of normalisation layers.",
        per_stage=True,
    ),
    Key(
        "optim.clip_norm",
        "float",
        5.0,
        "Clip gradients to this global norm; None: don't.",
        optional=True,
        low=0,
        per_stage=True,
    ),
    Key(
        "schedule.kind",
        "str",
        "cosine",
        "Learning rate over the stage: half a cosine to 0, a step function, or constant.",
        choices=("cosine", "step", "constant"),
        per_stage=True,
    ),
    Key("schedule.warmup", "duration", "0 steps", "Linear warm-up from 0 to the peak.", per_stage=True),
    Key(
        "schedule.boundaries",
        "durations",
        (),
        "Where a step schedule multiplies by schedule.factor, counted from the stage's start.",
        per_stage=True,
    ),
    Key("schedule.factor", "float", 0.1, "What a step schedule multiplies by.", low=0, per_stage=True),
    Key(
        "stages",
        "names",
        ("train",),
        "Spans of training, one after the other; weights, momentum and statistics carry over. stage.NAME.KEY overrides KEY in one of them.",
    ),
    # Evaluation, logs, checkpoints
    Key(
        "eval.evals",
        "names",
        ("accuracy",),
        "What is measured, in this order; settings of NAME are eval.NAME.KEY.",
        choices=("accuracy", "affinity", "diversity", "branches"),
    ),
    Key(
        "eval.every",
        "duration",
        "10 epochs",
        "Measure accuracy this often, and at the end; '0 steps': at the end alone.",
    ),
    Key(
        "eval.long_every",
        "duration",
        "0 steps",
        "Run the other evaluators of eval.evals, which take longer, this often, and at the end; '0 steps': at the end alone.",
    ),
    Key("eval.batch_size", "int", 500, "Images a forward pass.", low=1),
    Key(
        "eval.mix",
        "floats",
        (0.5,),
        "Lambdas of mixed predictions: lambda * main + (1 - lambda) * aux (first and second branch).",
        low=0,
    ),
    Key("eval.average", "str", "probabilities", "What mixed predictions average.", choices=("probabilities", "logits")),
    Key(
        "eval.affinity.pipelines",
        "names",
        (),
        "Augmentation pipelines whose Affinity is measured on the test split; (): those of the views.",
    ),
    Key("eval.affinity.draws", "int", 3, "Times that each test image is augmented.", low=1),
    Key(
        "eval.diversity.pipelines",
        "names",
        (),
        "Augmentation pipelines whose Diversity is measured on the training split; (): those of the views.",
    ),
    Key(
        "eval.branches.layer",
        "str",
        None,
        "Layer whose features are shown branch by branch, as in 'group1_block1'; None: the first residual block.",
        optional=True,
    ),
    Key("log.every", "duration", "100 steps", "Write training metrics this often, averaged since the last time."),
    Key("log.tensorboard", "bool", True, "Write TensorBoard event files too."),
    Key("save.every", "duration", "5 epochs", "Write a checkpoint this often, and at the end."),
    Key("save.keep", "int", 2, "Checkpoints to keep, the newest.", low=1),
)

BY_NAME = {key.name: key for key in KEYS}
assert len(BY_NAME) == len(KEYS), "a key is declared twice"


def check_value(key: Key, value: Any, *, name: str) -> None:
    """Raises a `ConfigError` unless `value` may stand under `key`, called `name` in the message."""
    if value is None and key.optional:
        return
    if not KINDS[key.kind](value):
        or_none = " or None" if key.optional else ""
        raise ConfigError(f"{name} = {value!r} is of the wrong type: it takes {_KIND_WORDS[key.kind]}{or_none}")
    items = value if isinstance(value, tuple) else (value,)
    for item in items:
        if key.choices and item not in key.choices:
            raise unknown(f"value of {name}", item, key.choices)
        if key.low is not None and not item >= key.low:
            raise ConfigError(f"{name} = {value!r} is too small: the least is {key.low:g}")
        if key.kind in ("duration", "durations"):
            try:
                durations.parse(item)
            except ConfigError as error:
                raise ConfigError(f"{name}: {error}") from None


_KIND_WORDS = {
    "bool": "True or False",
    "int": "a whole number",
    "float": "a finite number",
    "str": "a string",
    "duration": "a duration such as '200 epochs'",
    "names": "a tuple of names",
    "floats": "a tuple of finite numbers",
    "durations": "a tuple of durations such as ('60 epochs', '120 epochs')",
}

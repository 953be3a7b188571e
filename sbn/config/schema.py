"""Every key of an experiment's config: its type, its default, what it means. What is not declared here does not exist."""

from sbn.config.data_keys import DATA_KEYS
from sbn.config.detection_keys import DETECTION_KEYS
from sbn.config.evaluation import EVALUATION, RHYTHM_KEYS
from sbn.config.imported import is_import_path
from sbn.config.key import Key
from sbn.config.model_keys import MODEL_KEYS
from sbn.config.segmentation_keys import SEGMENTATION_KEYS
from sbn.config.training_keys import TRAINING_KEYS
from sbn.config.translation_keys import TRANSLATION_KEYS

KEYS = (
    Key("seed", "int", 0, "Seed of everything that is random: initialisation, order, augmentation, dropout.", low=0),
    Key(
        "task",
        "str",
        "classification",
        "What is learned. A task of your own: package.module:Name.",
        choices=("classification", "detection", "segmentation", "translation"),
        open=is_import_path,
    ),
    # Data
    *DATA_KEYS,
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
        "View whose random draws this one shares, for the ops that both have; None: its own, independent ones.",
        optional=True,
        per_stage=True,
    ),
    Key(
        "views.*.fade",
        "duration",
        "0 steps",
        "How long before the stage's end this view's policies and mixing begin to weaken, until nothing is left of them at the end.",
        per_stage=True,
    ),
    Key(
        "views.*.fade_shape",
        "str",
        "linear",
        "How they weaken: in a straight line, or half a cosine.",
        choices=("linear", "cosine"),
        per_stage=True,
    ),
    # Model
    *MODEL_KEYS,
    # Normalisation
    Key(
        "norm.kind",
        "str",
        "split",
        "split: own statistics, scale and bias a branch; split_stats: own statistics, shared scale and bias; shared: one BatchNorm over all views together; none: Fixup.",
        choices=("split", "split_stats", "shared", "none"),
    ),
    Key(
        "norm.layer",
        "str",
        "batch",
        "What is normalised: batch, a channel over the batch (BatchNorm); layer, the channels of every position (LayerNorm); group, norm.groups groups of an image's channels (GroupNorm). The last two keep no statistics.",
        choices=("batch", "layer", "group"),
    ),
    Key("norm.groups", "int", 32, "Groups of channels of norm.layer='group'; 1: the whole image.", low=1),
    Key(
        "norm.sequential",
        "bool",
        False,
        "With norm.kind=shared or none: views go through the network one after the other, each with its own batch statistics, and each updates the running ones; else views of one size together. Branches always pass one after the other.",
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
    *TRAINING_KEYS,
    # Tasks
    *DETECTION_KEYS,
    *SEGMENTATION_KEYS,
    *TRANSLATION_KEYS,
    Key(
        "stages",
        "names",
        ("train",),
        "Spans of training, one after the other; weights, momentum and statistics carry over. stage.NAME.KEY overrides KEY in one of them.",
    ),
    # Another run to begin from
    Key(
        "init.from",
        "str",
        None,
        "Work directory of a run to go on from: its weights, momentum and statistics, its steps and stages counted on; None: from nothing.",
        optional=True,
    ),
    Key("init.stage", "str", None, "Stage of init.from at whose end to begin; None: where it finished.", optional=True),
    Key(
        "init.branch",
        "str",
        None,
        "The branch of init.from that every branch begins as; None: each as the one of its own name, or the only one there is.",
        optional=True,
    ),
    Key(
        "init.only",
        "names",
        (),
        "Parts of the network to take over from init.from, as 'stem*,stage*' or 'stage1/block2'; the rest, momentum and steps begin anew. (): all, to go on from where that run was.",
    ),
    Key(
        "init.weights",
        "str",
        "plain",
        "Weights of init.from to begin with: as they were trained, or their average (optim.ema), with momentum anew.",
        choices=("plain", "ema"),
    ),
    *EVALUATION,
    # Logs, checkpoints
    Key("log.every", "duration", "100 steps", "Write training metrics this often, averaged since the last time."),
    Key("log.tensorboard", "bool", True, "Write TensorBoard event files too."),
    Key(
        "log.trackers",
        "names",
        (),
        "Trackers of experiments that get the metrics too, each a class or function package.module:Name; sbn.train.trackers:weights_and_biases is one.",
    ),
    Key("save.every", "duration", "5 epochs", "Write a checkpoint this often, and at the end of every stage."),
    Key("save.keep", "int", 2, "Checkpoints to keep, the newest; those at stages' ends are kept besides.", low=1),
)

BY_NAME = {key.name: key for key in KEYS}
assert len(BY_NAME) == len(KEYS), "a key is declared twice"

# Runs that differ in these are still runs of one row: they say where things lie, what is kept in memory, how the work
# is cut and when something is written, not what is learned or measured.
NEUTRAL = frozenset(
    [
        "data.dir",
        "data.archive",
        "data.path",
        "model.remat",
        "steps_per_call",
        "log.every",
        "log.tensorboard",
        "log.trackers",
        "save.every",
        "save.keep",
        "eval.evals",
        "eval.every",
        "eval.last_epochs",
        "eval.batch_size",
        *RHYTHM_KEYS,
    ]
)
assert NEUTRAL.issubset(BY_NAME)


def is_incidental(name: str) -> bool:
    """Whether a run that began with another value of this key may go on with this one: both are one run, in one folder.

    Of the neutral keys those of evaluation are not so: what is measured, and when, is what a run leaves.
    """
    parts = name.split(".")
    own = ".".join(parts[2:] if parts[0] == "stage" or parts[:3:2] == ["views", "data"] else parts)
    return own in NEUTRAL and not own.startswith("eval.")

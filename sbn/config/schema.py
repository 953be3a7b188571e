"""Every config key of an experiment: type, default, meaning. Keys that are not declared here are errors."""

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
    Key("seed", "int", 0, "Random seed for initialisation, data order, augmentation and dropout.", low=0),
    Key(
        "task",
        "str",
        "classification",
        "The task to train. For a task of your own: package.module:Name.",
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
        "Names of the views to train on, in the order of the K axis. Each view uses the BatchNorm branch of the same name.",
        per_stage=True,
    ),
    Key(
        "views.*.augment",
        "str",
        "crop(4)|flip",
        "Augmentation pipeline of this view; ops run from left to right. '': no augmentation.",
        per_stage=True,
    ),
    Key(
        "views.*.weight",
        "float",
        None,
        "Weight of this view's loss. None: 1 / number of views.",
        optional=True,
        low=0,
        per_stage=True,
    ),
    Key(
        "views.*.draws",
        "str",
        None,
        "Name of another view whose random draws this view reuses, for the ops that both pipelines contain. None: independent draws.",
        optional=True,
        per_stage=True,
    ),
    Key(
        "views.*.fade",
        "duration",
        "0 steps",
        "Length of the last part of the stage over which this view's random policies and mixing (RandAugment, Mixup, ...) weaken; their strength reaches zero at the end of the stage. '0 steps': no fading.",
        per_stage=True,
    ),
    Key(
        "views.*.fade_shape",
        "str",
        "linear",
        "Shape of the fade: linear, or half a cosine.",
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
        "How views share normalisation. split: each branch has its own statistics, scale and bias; split_stats: own statistics, shared scale and bias; shared: one BatchNorm over all views together; none: no normalisation (Fixup).",
        choices=("split", "split_stats", "shared", "none"),
    ),
    Key(
        "norm.layer",
        "str",
        "batch",
        "Kind of normalisation layer. batch: each channel over the batch (BatchNorm); layer: the channels at each position (LayerNorm); group: groups of channels of each image (GroupNorm, see norm.groups). layer and group keep no running statistics.",
        choices=("batch", "layer", "group"),
    ),
    Key(
        "norm.groups",
        "int",
        32,
        "Number of channel groups for norm.layer='group'. 1: all channels of an image together.",
        low=1,
    ),
    Key(
        "norm.sequential",
        "bool",
        False,
        "Only for norm.kind=shared or none. True: each view goes through the network separately, is normalised by its own batch statistics, and updates the running statistics in turn. False: views of equal image size form one batch. With split and split_stats each view always has its own statistics.",
    ),
    Key(
        "norm.group_size",
        "int",
        None,
        "Number of examples that share batch statistics. None: the whole global batch.",
        optional=True,
        low=1,
    ),
    Key("norm.momentum", "float", 0.9, "Fraction of the old running statistics that is kept at each step.", low=0),
    Key("norm.epsilon", "float", 1e-5, "Constant added to the variance.", low=0),
    Key(
        "norm.unbiased",
        "bool",
        True,
        "Update the running variance with the unbiased batch variance, n / (n - 1), as TF fused BatchNorm and PyTorch do.",
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
        "Names of the training stages, in order. Weights, momentum and statistics carry over from one to the next. stage.NAME.KEY overrides KEY in one stage.",
    ),
    # Starting from another run
    Key(
        "init.from",
        "str",
        None,
        "Work directory of a run to continue from. Takes over its weights, momentum and statistics, and continues its count of steps and stages. None: train from scratch.",
        optional=True,
    ),
    Key(
        "init.stage",
        "str",
        None,
        "Start from the end of this stage of init.from. None: from its final state.",
        optional=True,
    ),
    Key(
        "init.branch",
        "str",
        None,
        "Initialise every branch from this branch of init.from. None: from the branch of the same name, or from the only branch.",
        optional=True,
    ),
    Key(
        "init.only",
        "names",
        (),
        "Parts of the network to copy from init.from, such as 'stem*,stage*' or 'stage1/block2'. The other parts are initialised anew, and momentum and step count start at zero. (): copy everything and continue the run.",
    ),
    Key(
        "init.weights",
        "str",
        "plain",
        "Which weights of init.from to copy: plain, as trained, or ema, their moving average (optim.ema), with fresh momentum.",
        choices=("plain", "ema"),
    ),
    *EVALUATION,
    # Logs, checkpoints
    Key("log.every", "duration", "100 steps", "How often to write training metrics, averaged since the last time."),
    Key("log.tensorboard", "bool", True, "Also write TensorBoard event files."),
    Key(
        "log.trackers",
        "names",
        (),
        "Experiment trackers that also receive the metrics, each a class or function package.module:Name, such as sbn.train.trackers:weights_and_biases.",
    ),
    Key(
        "save.every", "duration", "5 epochs", "How often to write a checkpoint. The end of every stage writes one too."
    ),
    Key(
        "save.keep",
        "int",
        2,
        "Number of recent checkpoints to keep. Checkpoints from the ends of stages are always kept.",
        low=1,
    ),
)

BY_NAME = {key.name: key for key in KEYS}
assert len(BY_NAME) == len(KEYS), "a key is declared twice"

# Runs that differ only in these keys are still runs of the same row: the keys set paths, memory use, how work is split
# and when files are written, not what is learned or measured.
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
    """Whether a run may be resumed, in the same folder, with another value of this key.

    True for the neutral keys, except those of evaluation: they decide which measurements a run's files contain.
    """
    parts = name.split(".")
    own = ".".join(parts[2:] if parts[0] == "stage" or parts[:3:2] == ["views", "data"] else parts)
    return own in NEUTRAL and not own.startswith("eval.")

"""The keys of evaluation: what is measured, how often, and the settings of each evaluator, `eval.NAME.KEY`."""

from sbn.config.imported import is_import_path
from sbn.config.key import Key

ANALYSES = (
    "mix",
    "corruptions",
    "affinity",
    "diversity",
    "branches",
    "fourier",
    "low_pass",
    "high_pass",
    "losses",
    "spectra",
    "features",
    "views",
    "sizes",
    "detections",
)

# What measures one task alone
OF_TASKS = {"bleu": "translation"}

# How often each runs: the key of its rhythm, and what the key says. mix and corruptions are one pass over the same images.
_OTHERS = {name: name for name in ANALYSES if name not in ("mix", "corruptions")}
_RHYTHMS = {
    "corruptions": "corruptions and mix",
    **_OTHERS,
    "bleu": "the translation of the test split",
    "imported": "evaluators of your own",
}
RHYTHM_KEYS = tuple(f"eval.{name}.every" for name in _RHYTHMS)

EVALUATION = (
    Key(
        "eval.evals",
        "names",
        ("accuracy",),
        "What is measured, in this order; settings of NAME are eval.NAME.KEY. metrics: the task's own metrics on the test split, which classification calls accuracy. An evaluator of your own: package.module:Name.",
        choices=("metrics", "accuracy", *ANALYSES, *OF_TASKS),
        open=is_import_path,
    ),
    Key(
        "eval.metrics",
        "names",
        (),
        "Metrics that metrics and accuracy measure beside the task's own, as package.module:Name.",
    ),
    Key(
        "eval.every",
        "duration",
        "10 epochs",
        "Measure the task's metrics this often, and at the end of every stage; '0 steps': only at stage ends.",
    ),
    Key(
        "eval.last_epochs",
        "int",
        1,
        "Measure the task's metrics after each of so many last epochs of every stage too, as a median over them needs.",
        low=1,
    ),
    *(
        Key(
            key,
            "duration",
            "0 steps",
            f"Run {what} this often, and at the end of every stage; '0 steps': only at stage ends.",
        )
        for key, what in zip(RHYTHM_KEYS, _RHYTHMS.values(), strict=True)
    ),
    Key(
        "eval.augment",
        "str",
        None,
        "Pipeline, without random draws, that images are evaluated through; None: whole images, for imagenet2012 'resize(256)|centre_crop(224)', for imagenette 'resize(160)|centre_crop(160)'.",
        optional=True,
    ),
    Key("eval.batch_size", "int", 500, "Images, or sentences, a forward pass.", low=1),
    Key(
        "eval.mix",
        "floats",
        (0.5,),
        "Lambdas of mixed predictions: lambda * main + (1 - lambda) * aux (first and second branch).",
        low=0,
        tasks=("classification",),
    ),
    Key(
        "eval.average",
        "str",
        "probabilities",
        "What mixed predictions average.",
        choices=("probabilities", "logits"),
        tasks=("classification",),
    ),
    Key(
        "eval.corruptions.source",
        "str",
        "released",
        "Corrupted test images of mix and corruptions: the benchmark's files (CIFAR-10-C, ...), or made here, which gives other numbers.",
        choices=("released", "generated"),
    ),
    Key(
        "eval.corruptions.dir",
        "str",
        None,
        "Released: where they lie, None: where TFDS keeps its data sets. Generated: where they are kept; None: nowhere.",
        optional=True,
    ),
    Key(
        "eval.corruptions.kinds",
        "names",
        (),
        "Types or groups of corruption (noise, blur, weather, digital, extra); (): the benchmark's 15.",
    ),
    Key(
        "eval.corruptions.frost",
        "str",
        None,
        "What frost is generated with: a folder with the release's photographs, or 'procedural'; None: frost can't be.",
        optional=True,
    ),
    Key(
        "eval.corruptions.examples",
        "int",
        None,
        "Images of each type and severity, the first; None: all.",
        optional=True,
        low=1,
    ),
    Key(
        "eval.affinity.pipelines",
        "names",
        (),
        "Augmentation pipelines whose Affinity is measured on the test split; (): of those of the views what acts on one image.",
    ),
    Key("eval.affinity.draws", "int", 3, "Times that each test image is augmented.", low=1),
    Key(
        "eval.diversity.pipelines",
        "names",
        (),
        "Augmentation pipelines whose Diversity is measured on the training split; (): of those of the views what acts on one image.",
    ),
    Key(
        "eval.branches.layer",
        "str",
        None,
        "Layer whose features are shown branch by branch, as in 'group1_block1'; None: the first residual block.",
        optional=True,
    ),
    Key(
        "eval.fourier.norm",
        "float",
        8.0,
        "L2 norm of Fourier noise on one channel, of pixels from 0 to 1 (Split BatchNorms: 8; Yin et al.: 4, and 15.7 at 224 pixels).",
        low=0,
    ),
    Key(
        "eval.fourier.size",
        "int",
        None,
        "Side of the heat map, the lowest frequencies; None: the largest odd one, 31 of 32 pixels (at 224 pixels 63 is usual).",
        optional=True,
        low=1,
    ),
    Key("eval.fourier.examples", "int", 1000, "Test images under each frequency, drawn by the seed.", low=1),
    Key(
        "eval.low_pass.widths",
        "ints",
        (),
        "Widths of the square of frequencies that is kept; (): every odd one and the whole.",
    ),
    Key("eval.low_pass.examples", "int", 500, "Test images, drawn by the seed.", low=1),
    Key(
        "eval.high_pass.widths",
        "ints",
        (),
        "Widths of the square of frequencies that is removed; (): 0, every odd one and the whole.",
    ),
    Key("eval.high_pass.examples", "int", 500, "Test images, drawn by the seed.", low=1),
    Key(
        "eval.losses.examples",
        "int",
        None,
        "Training images whose loss is measured, as they are and augmented, drawn by the seed; None: all.",
        optional=True,
        low=1,
    ),
    Key(
        "eval.spectra.split",
        "str",
        "train",
        "Images whose features' covariance is looked at, without augmentation.",
        choices=("train", "test"),
    ),
    Key("eval.spectra.per_class_mean", "bool", False, "The mean of the classes' own spectra too."),
    Key(
        "eval.features.layer",
        "str",
        None,
        "Layer whose features' distributions are compared, as in 'stage1_block1'; None: the first residual block.",
        optional=True,
    ),
    Key("eval.features.per_channel", "bool", False, "Means over the pixels of a channel, not every value."),
    Key("eval.features.examples", "int", None, "Test images, the first; None: all.", optional=True, low=1),
    Key(
        "eval.sizes.sizes",
        "ints",
        (),
        "Sides in pixels that test images are resized to, each seen by the branch trained at it; (): those of the last stage's views.",
        low=1,
    ),
    Key(
        "eval.bleu.beam",
        "int",
        1,
        "Hypotheses of a sentence that the search keeps; 1: the most probable token at every place.",
        low=1,
        tasks=("translation",),
    ),
    Key(
        "eval.bleu.length_penalty",
        "float",
        0.6,
        "Power of a hypothesis's length that its score is divided by, where beam is more than 1.",
        low=0,
        tasks=("translation",),
    ),
    Key(
        "eval.bleu.longer",
        "int",
        50,
        "Tokens that a translation may have more than the longest source of its batch.",
        low=1,
        tasks=("translation",),
    ),
    Key(
        "eval.bleu.scores",
        "names",
        ("bleu",),
        "bleu: sacreBLEU of whole sentences (13a). Of data that were tokenised as text: bleu_tokenised takes their words as they are, bleu_compound splits them at hyphens too. exact_match: the share of sentences that are the reference.",
        choices=("bleu", "bleu_tokenised", "bleu_compound", "exact_match"),
        tasks=("translation",),
    ),
    Key("eval.bleu.shown", "int", 10, "Sentences kept to be read, the first.", low=0, tasks=("translation",)),
)


def rhythm_key(evaluator: str) -> str:
    """Returns the key that says how often an evaluator runs."""
    if evaluator in ("metrics", "accuracy"):
        return "eval.every"
    if evaluator == "mix":
        return "eval.corruptions.every"
    return f"eval.{evaluator if evaluator in (*ANALYSES, *OF_TASKS) else 'imported'}.every"

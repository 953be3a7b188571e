"""Config keys of evaluation: which evaluators run, how often, and the settings of each, `eval.NAME.KEY`."""

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

# Those that need a second view in the last stage
COMPARE_VIEWS = ("features", "views")

# Evaluators that exist for one task only
OF_TASKS = {"bleu": "translation", "masks": "segmentation"}

# Evaluator -> how the key eval.EVALUATOR.every names it. mix and corruptions share one pass over the same images.
_OTHERS = {name: name for name in ANALYSES if name not in ("mix", "corruptions")}
_RHYTHMS = {
    "corruptions": "corruptions and mix",
    **_OTHERS,
    "bleu": "the translation of the test split (bleu)",
    "masks": "masks",
    "imported": "evaluators of your own",
}
RHYTHM_KEYS = tuple(f"eval.{name}.every" for name in _RHYTHMS)

EVALUATION = (
    Key(
        "eval.evals",
        "names",
        ("accuracy",),
        "Evaluators to run, in this order; the settings of NAME are eval.NAME.KEY. metrics: the task's own metrics on the test split; accuracy: the same, as classification calls it. For an evaluator of your own: package.module:Name.",
        choices=("metrics", "accuracy", *ANALYSES, *OF_TASKS),
        open=is_import_path,
    ),
    Key(
        "eval.metrics",
        "names",
        (),
        "Additional metrics for the evaluators metrics and accuracy, each as package.module:Name.",
    ),
    Key(
        "eval.every",
        "duration",
        "10 epochs",
        "How often to measure the task's metrics during training. The end of every stage measures them too. '0 steps': only at the ends of stages.",
    ),
    Key(
        "eval.last_epochs",
        "int",
        1,
        "Also measure the task's metrics after each of the last this many epochs of every stage. The median over last epochs needs this.",
        low=1,
    ),
    *(
        Key(
            key,
            "duration",
            "0 steps",
            f"How often to run {what} during training; the end of every stage runs it too. '0 steps': only at the ends of stages.",
        )
        for key, what in zip(RHYTHM_KEYS, _RHYTHMS.values(), strict=True)
    ),
    Key(
        "eval.augment",
        "str",
        None,
        "Deterministic pipeline applied to test images. None: whole images; for imagenet2012 'resize(256)|centre_crop(224)', for imagenette 'resize(160)|centre_crop(160)'.",
        optional=True,
    ),
    Key("eval.batch_size", "int", 500, "Images or sentences per forward pass in evaluation.", low=1),
    Key(
        "eval.mix",
        "floats",
        (0.5,),
        "Lambdas for mixed predictions: lambda * main + (1 - lambda) * aux (the first and the second branch).",
        low=0,
        tasks=("classification",),
    ),
    Key(
        "eval.average",
        "str",
        "probabilities",
        "What mixed predictions average: probabilities or logits.",
        choices=("probabilities", "logits"),
        tasks=("classification",),
    ),
    Key(
        "eval.corruptions.source",
        "str",
        "released",
        "Corrupted test images for the evaluators mix and corruptions. released: the benchmark's files (CIFAR-10-C, ...). generated: made by this code, which gives different numbers.",
        choices=("released", "generated"),
    ),
    Key(
        "eval.corruptions.dir",
        "str",
        None,
        "Folder of the corrupted images. released: where to find them; None: where TFDS keeps its data sets. generated: where to store them; None: not stored.",
        optional=True,
    ),
    Key(
        "eval.corruptions.kinds",
        "names",
        (),
        "Corruption types, or groups of them (noise, blur, weather, digital, extra). (): the benchmark's 15 types.",
    ),
    Key(
        "eval.corruptions.frost",
        "str",
        None,
        "Images for the frost corruption, if it is generated: the folder with the release's photographs, or 'procedural' for synthetic frost. None: frost cannot be generated.",
        optional=True,
    ),
    Key(
        "eval.corruptions.examples",
        "int",
        None,
        "Use only the first this many images of each type and severity. None: all.",
        optional=True,
        low=1,
    ),
    Key(
        "eval.affinity.pipelines",
        "names",
        (),
        "Augmentation pipelines whose Affinity to measure on the test split. (): the pipelines of the views, limited to ops that act on a single image.",
    ),
    Key("eval.affinity.draws", "int", 3, "How many times each test image is augmented.", low=1),
    Key(
        "eval.diversity.pipelines",
        "names",
        (),
        "Augmentation pipelines whose Diversity to measure on the training split. (): the pipelines of the views, limited to ops that act on a single image.",
    ),
    Key(
        "eval.branches.layer",
        "str",
        None,
        "Layer whose features are shown for each branch, such as 'group1_block1'. None: the first residual block.",
        optional=True,
    ),
    Key(
        "eval.fourier.norm",
        "float",
        8.0,
        "L2 norm of the Fourier noise per channel, for pixel values from 0 to 1 (Split BatchNorms: 8; Yin et al.: 4, and 15.7 for 224 pixels).",
        low=0,
    ),
    Key(
        "eval.fourier.size",
        "int",
        None,
        "Side of the heat map, in frequencies around zero. None: the largest odd size, 31 for images of 32 pixels (63 is usual for 224 pixels).",
        optional=True,
        low=1,
    ),
    Key(
        "eval.fourier.examples", "int", 1000, "Number of test images for each frequency; the seed selects them.", low=1
    ),
    Key(
        "eval.low_pass.widths",
        "ints",
        (),
        "Widths of the square of frequencies to keep. (): every odd width, and the full width.",
    ),
    Key("eval.low_pass.examples", "int", 500, "Number of test images; the seed selects them.", low=1),
    Key(
        "eval.high_pass.widths",
        "ints",
        (),
        "Widths of the square of frequencies to remove. (): 0, every odd width, and the full width.",
    ),
    Key("eval.high_pass.examples", "int", 500, "Number of test images; the seed selects them.", low=1),
    Key(
        "eval.losses.examples",
        "int",
        None,
        "Number of training images on which to measure the loss, both clean and augmented; the seed selects them. None: all.",
        optional=True,
        low=1,
    ),
    Key(
        "eval.spectra.split",
        "str",
        "train",
        "Split, without augmentation, on which to compute the covariance of the features.",
        choices=("train", "test"),
    ),
    Key("eval.spectra.per_class_mean", "bool", False, "Also compute the mean of the spectra of the single classes."),
    Key(
        "eval.features.layer",
        "str",
        None,
        "Layer whose feature distributions are compared, such as 'stage1_block1'. None: the first residual block.",
        optional=True,
    ),
    Key(
        "eval.features.per_channel",
        "bool",
        False,
        "Compare the means of channels over pixels instead of all single values.",
    ),
    Key(
        "eval.features.examples",
        "int",
        None,
        "Use only the first this many test images. None: all.",
        optional=True,
        low=1,
    ),
    Key(
        "eval.sizes.sizes",
        "ints",
        (),
        "Sides in pixels to which test images are resized. Each size goes through the branch trained at that size. (): the sizes of the last stage's views.",
        low=1,
    ),
    Key(
        "eval.bleu.beam",
        "int",
        1,
        "Beam size. 1: greedy decoding.",
        low=1,
        tasks=("translation",),
    ),
    Key(
        "eval.bleu.length_penalty",
        "float",
        0.6,
        "Length penalty of beam search: scores are divided by length to this power. Not used with a beam of 1.",
        low=0,
        high=10,  # lengths of thousands of tokens to a larger power are no float32
        tasks=("translation",),
    ),
    Key(
        "eval.bleu.longer",
        "int",
        50,
        "Maximum length of a translation: so many tokens more than its source, which counts as 16, 32, 64, ... tokens, whichever it fits into.",
        low=1,
        tasks=("translation",),
    ),
    Key(
        "eval.bleu.scores",
        "names",
        ("bleu",),
        "Scores to compute. bleu: sacreBLEU of detokenised sentences (13a). For data that come tokenised: bleu_tokenised uses their words as they are; bleu_compound also splits words at hyphens. exact_match: fraction of sentences equal to the reference.",
        choices=("bleu", "bleu_tokenised", "bleu_compound", "exact_match"),
        tasks=("translation",),
    ),
    Key(
        "eval.bleu.shown",
        "int",
        10,
        "Number of sentences, from the first, to store for reading.",
        low=0,
        tasks=("translation",),
    ),
)


def rhythm_key(evaluator: str) -> str:
    """Returns the key that says how often an evaluator runs."""
    if evaluator in ("metrics", "accuracy"):
        return "eval.every"
    if evaluator == "mix":
        return "eval.corruptions.every"
    return f"eval.{evaluator if evaluator in (*ANALYSES, *OF_TASKS) else 'imported'}.every"

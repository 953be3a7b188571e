"""Config keys of the model, which architectures read them, and the valid depths of networks."""

from sbn.config.errors import unknown
from sbn.config.imported import is_import_path
from sbn.config.key import Key

MODELS = ("wide_resnet", "preact_resnet", "shake_shake", "cifar_resnet", "imagenet_resnet", "pdarts")
# Takes token sequences, not images; its keys are translation.*
TRANSFORMER = "transformer"
# Networks that also return the logits of auxiliary heads in training
WITH_AUXILIARY_HEADS = ("pdarts",)

MODEL_KEYS = (
    Key(
        "model.name",
        "str",
        "wide_resnet",
        "Network architecture. imagenet_resnet starts with a 7x7 convolution of stride 2 and max-pooling; the other image networks take small images; transformer is for translation. For a network of your own: package.module:Class.",
        choices=(*MODELS, TRANSFORMER),
        open=is_import_path,
    ),
    Key("model.args.*", "literal", None, "A field of a network of your own, under the name it has there."),
    Key(
        "model.depth",
        "int",
        None,
        "Number of layers with weights along one path: 6n + 4 for wide_resnet (None: 28), 8n + 2 for preact_resnet (18), 6n + 2 for shake_shake (26) and cifar_resnet (32); 10, 14, 18, 34, 50, 101 or 152 for imagenet_resnet (50). For pdarts: number of cells, 3n + 2 (20).",
        optional=True,
        low=8,
        high=5000,
    ),
    Key(
        "model.width",
        "int",
        None,
        "Channels of the first stage (None: 64 for preact_resnet and imagenet_resnet, 96 for shake_shake, 16 for cifar_resnet, 36 per node for pdarts). For wide_resnet: the widening factor k, times 16 channels (2).",
        optional=True,
        low=1,
        high=2**14,
    ),
    Key(
        "model.initialiser",
        "str",
        None,
        "Weight initialisation, named after the code it comes from. None: autoaugment for wide_resnet (its authors use he_fan_in), pytorch for preact_resnet and pdarts, he_fan_out for the others (RandAugment's ImageNet code uses tpu).",
        choices=("autoaugment", "he_fan_out", "he_fan_in", "pytorch", "tpu"),
        optional=True,
    ),
    Key(
        "model.shortcut",
        "str",
        None,
        "Residual shortcut where the number of channels changes. wide_resnet: pool_pad, average-pool and zero-pad (None; as in TF AutoAugment's code), or conv, a 1x1 convolution (as its authors). cifar_resnet: pad, every other pixel and zero-pad (None; option A), or conv (option B).",
        choices=("pool_pad", "pad", "conv"),
        optional=True,
        models=("wide_resnet", "cifar_resnet"),
    ),
    Key(
        "model.dropout",
        "float",
        0.0,
        "Dropout rate between the convolutions of a block.",
        low=0,
        per_stage=True,
        models=("wide_resnet",),
    ),
    Key(
        "model.drop_path",
        "floats",
        (0.0, 0.0),
        "DropPath rates, the fraction of a cell's paths dropped for each image: in the first epoch of a stage and at its end. The rate changes linearly in between, once per epoch.",
        low=0,
        high=0.99,
        per_stage=True,
        models=("pdarts",),
    ),
    Key(
        "model.group_skips",
        "bool",
        False,
        "Add the TF code's extra skip connections around each group of blocks and around all groups.",
        models=("wide_resnet",),
    ),
    Key(
        "model.stem_stride",
        "int",
        1,
        "Stride of the first convolution (Manifold Mixup's code: 2 for images of 64 pixels).",
        low=1,
        models=("preact_resnet",),
    ),
    Key(
        "model.final_norm",
        "bool",
        False,
        "Add a normalisation and a ReLU before the final pooling.",
        models=("preact_resnet",),
    ),
    Key(
        "model.zero_last_scale",
        "bool",
        False,
        "Initialise the scale of the last normalisation of every block to 0.",
        models=("cifar_resnet", "imagenet_resnet"),
    ),
    Key(
        "model.remat",
        "bool",
        False,
        "Rematerialisation (gradient checkpointing): store only the input of every residual block or transformer layer, and recompute the rest in the backward pass. Deep networks need a third to a half of the memory and somewhat more time; results differ only by rounding.",
        models=(*MODELS, TRANSFORMER),
    ),
)


# depth = step * n + rest, for n blocks per stage
STEPS = {
    "wide_resnet": {"step": 6, "rest": 4},
    "preact_resnet": {"step": 8, "rest": 2},
    "shake_shake": {"step": 6, "rest": 2},
    "cifar_resnet": {"step": 6, "rest": 2},
    "pdarts": {"step": 3, "rest": 2},
}
# imagenet_resnet: depth -> blocks per stage, bottlenecks?  (10 and 14 are for trying things out)
IMAGENET_DEPTHS = {
    10: ((1, 1, 1, 1), False),
    14: ((1, 1, 1, 1), True),
    18: ((2, 2, 2, 2), False),
    34: ((3, 4, 6, 3), False),
    50: ((3, 4, 6, 3), True),
    101: ((3, 4, 23, 3), True),
    152: ((3, 8, 36, 3), True),
}


def check_depth(model: str, depth: int) -> None:
    """Raises a one-line ValueError unless the network called `model` can have this depth."""
    if model in STEPS:
        blocks_a_stage(depth, **STEPS[model])
    elif depth not in IMAGENET_DEPTHS:
        raise unknown("depth", depth, IMAGENET_DEPTHS)


def blocks_a_stage(depth: int, *, step: int, rest: int) -> int:
    """n of depth = step * n + rest.

    Raises:
        ValueError: no n gives this depth.
    """
    blocks, odd = divmod(depth - rest, step)
    if odd or blocks < 1:
        near = step * max(1, round((depth - rest) / step)) + rest
        some = ", ".join(str(step * n + rest) for n in (1, 2, 3, 4))
        raise ValueError(f"depth {depth} is not {step}n + {rest} ({some}, ...); the nearest is {near}")
    return blocks

"""The keys of the model, which architectures read them, and the depths that networks can have."""

from sbn.config.errors import unknown
from sbn.config.imported import is_import_path
from sbn.config.key import Key

MODELS = ("wide_resnet", "preact_resnet", "shake_shake", "cifar_resnet", "imagenet_resnet", "pdarts")
# What takes no images: its keys are translation's
TRANSFORMER = "transformer"
# What gives the logits of auxiliary heads too when it trains
WITH_AUXILIARY_HEADS = ("pdarts",)

MODEL_KEYS = (
    Key(
        "model.name",
        "str",
        "wide_resnet",
        "Architecture. imagenet_resnet has a 7x7 stem of stride 2 and a max-pool, the others take small images; transformer is translation's. A network of your own: package.module:Class.",
        choices=(*MODELS, TRANSFORMER),
        open=is_import_path,
    ),
    Key("model.args.*", "literal", None, "Field of a network of your own, by its name there."),
    Key(
        "model.depth",
        "int",
        None,
        "Layers with weights, one after the other: 6n + 4 of wide_resnet (None: 28), 8n + 2 of preact_resnet (18), 6n + 2 of shake_shake (26) and cifar_resnet (32); 10, 14, 18, 34, 50, 101, 152 of imagenet_resnet (50). Of pdarts the cells, 3n + 2 (20).",
        optional=True,
        low=8,
        high=5000,
    ),
    Key(
        "model.width",
        "int",
        None,
        "Channels of the first stage (None: 64 of preact_resnet and imagenet_resnet, 96 of shake_shake, 16 of cifar_resnet, 36 of a node of pdarts); of wide_resnet the factor k on its 16 (2).",
        optional=True,
        low=1,
        high=2**14,
    ),
    Key(
        "model.initialiser",
        "str",
        None,
        "Initial weights, by the code they come from; None: autoaugment of wide_resnet (its authors': he_fan_in), pytorch of preact_resnet and pdarts, he_fan_out of the others (RandAugment's ImageNet code: tpu).",
        choices=("autoaugment", "he_fan_out", "he_fan_in", "pytorch", "tpu"),
        optional=True,
    ),
    Key(
        "model.shortcut",
        "str",
        None,
        "Where channels change. wide_resnet: pool_pad, average-pool and zero-pad (None; TF AutoAugment code), or conv, a 1x1 convolution (its authors'). cifar_resnet: pad, every other pixel and zero-pad (None; option A), or conv (B).",
        choices=("pool_pad", "pad", "conv"),
        optional=True,
        models=("wide_resnet", "cifar_resnet"),
    ),
    Key(
        "model.dropout",
        "float",
        0.0,
        "Share of activations dropped between a block's convolutions.",
        low=0,
        per_stage=True,
        models=("wide_resnet",),
    ),
    Key(
        "model.drop_path",
        "floats",
        (0.0, 0.0),
        "Shares of the paths of a cell that are dropped for an image, in a stage's first epoch and at its end; in between the share changes by as much every epoch.",
        low=0,
        high=0.99,
        per_stage=True,
        models=("pdarts",),
    ),
    Key(
        "model.group_skips",
        "bool",
        False,
        "The TF code's extra skips around each group and around all of them.",
        models=("wide_resnet",),
    ),
    Key(
        "model.stem_stride",
        "int",
        1,
        "Stride of the first convolution (Manifold Mixup's code: 2 at 64 pixels).",
        low=1,
        models=("preact_resnet",),
    ),
    Key(
        "model.final_norm",
        "bool",
        False,
        "Normalisation and ReLU before the last pooling.",
        models=("preact_resnet",),
    ),
    Key(
        "model.zero_last_scale",
        "bool",
        False,
        "The last normalisation of every block starts with scale 0.",
        models=("cifar_resnet", "imagenet_resnet"),
    ),
    Key(
        "model.remat",
        "bool",
        False,
        "Rematerialise: of every residual block, or layer of a transformer, training keeps what goes in, and computes the rest again for the gradient. Deep networks train in a third to a half of the memory, in some more time, and the same but for rounding.",
        models=(*MODELS, TRANSFORMER),
    ),
)


# depth = step * n + rest, for n blocks a stage
STEPS = {
    "wide_resnet": {"step": 6, "rest": 4},
    "preact_resnet": {"step": 8, "rest": 2},
    "shake_shake": {"step": 6, "rest": 2},
    "cifar_resnet": {"step": 6, "rest": 2},
    "pdarts": {"step": 3, "rest": 2},
}
# imagenet_resnet: depth -> blocks a stage, bottlenecks?  (10 and 14 are for trying things out)
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

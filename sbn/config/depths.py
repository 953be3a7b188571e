"""The depths that networks can have, and how many blocks a stage they mean."""

from sbn.config.errors import unknown

# depth = step * n + rest, for n blocks a stage
STEPS = {
    "wide_resnet": {"step": 6, "rest": 4},
    "preact_resnet": {"step": 8, "rest": 2},
    "shake_shake": {"step": 6, "rest": 2},
    "cifar_resnet": {"step": 6, "rest": 2},
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

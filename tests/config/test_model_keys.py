"""Depths and the blocks they mean, and which no network can have."""

import pytest

from sbn.config import tree
from sbn.config.checks import check
from sbn.config.errors import ConfigError
from sbn.config.model_keys import IMAGENET_DEPTHS, MODELS, STEPS, blocks_a_stage


@pytest.mark.parametrize(
    ("depth", "step", "rest", "blocks"), [(28, 6, 4, 4), (10, 6, 4, 1), (18, 8, 2, 2), (110, 6, 2, 18), (26, 6, 2, 4)]
)
def test_depths_give_blocks(depth, step, rest, blocks):
    assert blocks_a_stage(depth, step=step, rest=rest) == blocks


@pytest.mark.parametrize(
    ("depth", "step", "rest", "message"),
    [
        (27, 6, 4, r"depth 27 is not 6n \+ 4 \(10, 16, 22, 28, ...\); the nearest is 28"),
        (4, 6, 4, "the nearest is 10"),
        (51, 6, 2, "the nearest is 50"),
    ],
)
def test_impossible_depths_name_the_nearest(depth, step, rest, message):
    with pytest.raises(ValueError, match=message):
        blocks_a_stage(depth, step=step, rest=rest)


def test_every_network_has_a_rule():
    assert {*STEPS, "imagenet_resnet"} == set(MODELS)
    for depth, (blocks, bottleneck) in IMAGENET_DEPTHS.items():
        assert depth == 2 + sum(blocks) * (3 if bottleneck else 2)  # the stem and the last layer besides


@pytest.mark.parametrize(
    ("name", "depth", "words"),
    [
        ("wide_resnet", 27, "the nearest is 28"),
        ("preact_resnet", 20, "8n + 2"),
        ("imagenet_resnet", 49, "choices: 10, 101"),
    ],
)
def test_an_impossible_depth_is_a_mistake_of_the_config(name, depth, words):
    changed = tree.changed(tree.defaults(), {"model.name": name, "model.depth": depth})
    with pytest.raises(ConfigError) as caught:
        check(tree.to_config(changed))
    assert words in str(caught.value)
    assert str(caught.value).startswith(f"model.name = '{name}': ")

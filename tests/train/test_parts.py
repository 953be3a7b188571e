"""`init.only`: which leaves a pattern takes over, and what is refused."""

import numpy as np
import pytest

from sbn.config.errors import ConfigError
from sbn.train.parts import merged


def network(value, classes=10):
    leaf = lambda *shape: np.full(shape, value)  # noqa: E731
    block = {"conv": {"kernel": leaf(3, 3)}, "norm": {"scale": leaf(2, 3)}}
    stage = {"block1": block, "block2": block}
    return {
        "params": {"stem": {"kernel": leaf(3, 3)}, "stage1": stage, "head": {"bias": leaf(classes)}},
        "batch_stats": {"stage1": {"block1": {"norm": {"mean": leaf(2, 3)}}}},
    }


def taken(patterns, **options):
    made = merged(network(1.0, **options), network(0.0), patterns, source="there")
    found = {}

    def walk(node, path):
        for name, inner in node.items():
            walk(inner, (*path, name)) if isinstance(inner, dict) else found.update({"/".join((*path, name)): inner})

    walk(made, ())
    return {name for name, leaf in found.items() if leaf.all()}, set(found)


def test_patterns_take_modules_with_their_statistics_and_leave_the_rest_fresh():
    stage = "stage1/block{}/{}"
    blocks = {f"params/{stage.format(n, leaf)}" for n in (1, 2) for leaf in ("conv/kernel", "norm/scale")}
    stats = "batch_stats/stage1/block1/norm/mean"
    whole, everything = taken(["stem*", "stage*"], classes=5)
    assert whole == {"params/stem/kernel", *blocks, stats}
    assert everything == whole | {"params/head/bias"}
    assert taken(["stage1/block2"])[0] == {name for name in blocks if "block2" in name}
    assert taken(["stage1/*/norm"])[0] == {name for name in blocks if "norm" in name} | {stats}


@pytest.mark.parametrize(
    ("patterns", "words"),
    [
        (["steem"], ["init.only", "steem", "did you mean 'stem'"]),
        (["stem", "layer*"], ["init.only", "layer*", "stage1"]),
        (["head"], ["params/head/bias", "(5,)", "(10,)", "there"]),
        (["*"], ["params/head/bias"]),
    ],
)
def test_parts_that_are_not_there_or_are_others_are_told_in_one_line(patterns, words):
    with pytest.raises(ConfigError) as caught:
        taken(patterns, classes=5)
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)

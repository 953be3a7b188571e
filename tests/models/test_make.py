"""Config -> model: every key lands in its field."""

import jax.numpy as jnp
import pytest
from ml_collections import ConfigDict

from sbn.models import make_model


def config(**changes):
    base = {
        "model": {
            "name": "wide_resnet", "depth": 16, "width": 3, "dropout": 0.25, "shortcut": "conv", "group_skips": True,
        },
        "norm": {"kind": "split", "group_size": 8, "momentum": 0.8, "epsilon": 1e-3, "unbiased": False},
        "precision": "bfloat16",
    }  # fmt: skip
    result = ConfigDict(base)
    for key, value in changes.items():
        result.update_from_flattened_dict({key.replace("__", "."): value})
    return result


def test_every_key_reaches_the_model():
    model = make_model(config(), classes=7, branches=2)
    wanted = {
        "depth": 16, "width": 3, "dropout": 0.25, "shortcut": "conv", "group_skips": True, "norm": "split",
        "group_size": 8, "momentum": 0.8, "epsilon": 1e-3, "unbiased": False, "dtype": jnp.bfloat16,
        "classes": 7, "branches": 2,
    }  # fmt: skip
    assert {name: getattr(model, name) for name in wanted} == wanted


@pytest.mark.parametrize(
    ("kind", "norm", "branches"),
    [("split", "split", 2), ("split_stats", "split_stats", 2), ("shared", "split", 1), ("none", "none", 2)],
)
def test_norm_kinds(kind, norm, branches):
    model = make_model(config(norm__kind=kind), classes=7, branches=2)
    assert (model.norm, model.branches) == (norm, branches)


def test_float32():
    assert make_model(config(precision="float32"), classes=7, branches=2).dtype == jnp.float32


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model__name": "wide_resent"}, "unknown model.name 'wide_resent'; did you mean 'wide_resnet'"),
        ({"norm__kind": "splitstats"}, "unknown norm.kind 'splitstats'; did you mean 'split_stats'"),
        ({"precision": "float16"}, "unknown precision 'float16'; did you mean 'bfloat16'"),
    ],
)
def test_errors_name_the_nearest_choice(changes, message):
    with pytest.raises(ValueError, match=message):
        make_model(config(**changes), classes=7, branches=2)

"""Config -> model: every key lands in its field, and the schema knows which model reads which."""

import dataclasses

import jax.numpy as jnp
import pytest

from sbn.config import tree
from sbn.config.checks import check
from sbn.config.errors import ConfigError
from sbn.config.model_keys import MODEL_KEYS, TRANSFORMER
from sbn.models import make_model
from sbn.models.make import MODELS
from sbn.nn.branched import Branched

# values that are nobody's default
OTHER = {
    "depth": 38,
    "width": 6,
    "initialiser": "tpu",
    "shortcut": "conv",
    "dropout": 0.25,
    "drop_path": (0.1, 0.2),
    "group_skips": True,
    "stem_stride": 2,
    "final_norm": True,
    "zero_last_scale": True,
    "remat": True,
}
NORM = {"layer": "group", "groups": 4, "group_size": 8, "momentum": 0.8, "epsilon": 1e-3, "unbiased": False}
DEPTHS = {"wide_resnet": 40, "preact_resnet": 34, "imagenet_resnet": 34}  # the others can have OTHER's
OWN = {key.name.removeprefix("model."): key for key in MODEL_KEYS if key.name != "model.name" and not key.free}


def config(name, changes=None):
    return tree.to_config(tree.changed(tree.defaults(), {"model.name": name, **(changes or {})}))


def test_the_tables_agree():
    (names,) = (key.choices for key in MODEL_KEYS if key.name == "model.name")
    assert (*MODELS, TRANSFORMER) == names  # that one takes no images, and translation makes it
    assert set(OTHER) == set(OWN)
    for name, model in MODELS.items():
        fields = {field.name for field in dataclasses.fields(model)} & set(OWN)
        assert fields == {key for key, declared in OWN.items() if name in (declared.models or MODELS)}, name


@pytest.mark.parametrize("name", MODELS)
def test_every_key_reaches_the_models_that_read_it(name):
    changes = {
        **{f"model.{key}": value for key, value in OTHER.items()},
        **{f"norm.{key}": value for key, value in NORM.items()},
        "precision": "bfloat16",
    }
    model = make_model(config(name, changes), classes=7, branches=2)
    wanted = {
        **{key: value for key, value in OTHER.items() if name in (OWN[key].models or MODELS)},
        **{key: value for key, value in NORM.items() if key != "layer"},
        "classes": 7,
        "norm": "group",
        "dtype": jnp.bfloat16,
    }
    assert {field: getattr(model.network, field) for field in wanted} == wanted
    bare = MODELS[name](classes=7)
    assert all(getattr(bare, field) != wanted[field] for field in wanted if field in OTHER)


@pytest.mark.parametrize("name", MODELS)
def test_what_a_config_leaves_open_is_the_models_own(name):
    made = make_model(config(name), classes=7, branches=2)
    assert made == Branched(MODELS[name](classes=7), 2)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("key", OWN)
def test_a_key_that_a_model_does_not_read_is_refused_with_those_that_do(name, key):
    value = DEPTHS.get(name, OTHER[key]) if key == "depth" else OTHER[key]
    settings = config(name, {f"model.{key}": value})
    readers = OWN[key].models
    if not readers or name in readers:
        check(settings)
        return
    with pytest.raises(ConfigError) as caught:
        check(settings)
    for word in (f"model.{key} = {value!r}", repr(name), *readers):
        assert word in str(caught.value)


def test_a_scale_to_start_at_zero_needs_a_scale():
    with pytest.raises(ConfigError, match="zero_last_scale = True has no effect"):
        check(config("cifar_resnet", {"model.zero_last_scale": True, "norm.kind": "none"}))


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    ("kind", "norm", "split_affine", "branches"),
    [
        ("split", "batch", True, 2),
        ("split_stats", "batch", False, 2),
        ("shared", "batch", True, 1),
        ("none", "none", False, 2),
    ],
)
def test_norm_kinds(name, kind, norm, split_affine, branches):
    model = make_model(config(name, {"norm.kind": kind}), classes=7, branches=2)
    assert (model.network.norm, model.split_affine, model.branches) == (norm, split_affine, branches)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("name", "wide_resent", "unknown model.name 'wide_resent'; did you mean 'wide_resnet'"),
        ("kind", "splitstats", "unknown norm.kind 'splitstats'; did you mean 'split_stats'"),
        ("precision", "float16", "unknown precision 'float16'; did you mean 'bfloat16'"),
    ],
)
def test_errors_name_the_nearest_choice(key, value, message):
    settings = config("wide_resnet")
    owner = {"name": settings.model, "kind": settings.norm}.get(key, settings)
    with settings.unlocked():
        owner[key] = value
    with pytest.raises(ValueError, match=message):
        make_model(settings, classes=7, branches=2)

"""The pipelines of planned runs, read by the parser that the runs use: a slip is told before any of them starts.

Pipelines, ops and sizes are pure Python and NumPy: no framework is loaded. Each distinct pipeline is looked at once.
"""

import functools
from collections.abc import Callable
from typing import Any

from sbn.augment import pipeline
from sbn.augment.encoded_crops import check_crop
from sbn.augment.size_checks import check_deterministic, check_fits
from sbn.augment.size_ops import variants
from sbn.config import tree
from sbn.config.errors import ConfigError

# Sides of images that all have one size, and the data sets whose images are known to differ in size. Of all other data
# sets it is known when they are read.
_SIDES = {"cifar10": 32, "cifar100": 32, "tiny_imagenet": 64, "shapes": 32}
_DIFFER = ("imagenet2012", "imagenette")
_ANY = 1 << 16  # larger than an image: how small those are is known when they are there


def check_pipelines(flat: tree.Flat) -> None:
    """Checks every pipeline of a flat config; of those that a stage trains on, also that they fit the images.

    Raises:
        ConfigError: one line, with the key, the pipeline and what is wrong with it.
    """
    for key, text in flat.items():
        if key.endswith(".augment") and "views" in key.split("."):
            _try(pipeline.parse, key, text)
    side = flat["data.image_size"] or _SIDES.get(flat["data.name"])
    for stage in flat["stages"]:
        for view in flat.get(f"stage.{stage}.branches") or flat["branches"]:
            key = f"views.{view}.augment"
            shared = flat.get(key, tree.key_of(key).default)
            if side is not None or flat["data.name"] in _DIFFER:
                _try(_check_trained, key, flat.get(f"stage.{stage}.{key}", shared), side)
    if flat["eval.augment"] is not None:
        _try(_check_still, "eval.augment", flat["eval.augment"])
    for key in ("eval.affinity.pipelines", "eval.diversity.pipelines"):
        for text in flat[key]:
            _try(pipeline.parse, key, text)


def _try(what: Callable[..., Any], key: str, text: str, *more: Any) -> None:
    try:
        _once(what, text, *more)
    except ValueError as error:
        raise ConfigError(f"{key} = {text!r}: {error}") from None


@functools.cache
def _once(what: Callable[..., Any], text: str, *more: Any) -> None:
    what(text, *more)


def _check_trained(text: str, side: int | None) -> None:
    for ops in variants(pipeline.parse(text)):
        if side is None:
            check_crop(ops, least=_ANY)
        else:
            check_fits(ops, image_size=(side, side))


def _check_still(text: str) -> None:
    check_deterministic(pipeline.parse(text))

"""All corruption types by name: what they draw, and what they do with it."""

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from sbn.config.errors import ConfigError, unknown
from sbn.data.corruptions import blur, digital, kinds, noise, spatter, weather
from sbn.data.corruptions.stream import Stream

_STORED = 85  # the quality of ImageNet-C's files


class Corruption(NamedTuple):
    """One type.

    Attributes:
        apply: of (images (N, S, S, 3) uint8, *draws, *parameters); returns as many corrupted images.
        draw: of (stream, S, *parameters); returns the draws, tuples of arrays whose rows are images.
    """

    apply: Callable[..., np.ndarray]
    draw: Callable[..., tuple[np.ndarray, ...]] = lambda *_: ()


CORRUPTIONS = {kind: Corruption(functools.partial(noise.noise, kind=kind), noise.draw) for kind in noise.LEVELS} | {
    "defocus_blur": Corruption(blur.defocus_blur),
    "glass_blur": Corruption(blur.glass_blur, blur.draw_glass),
    "motion_blur": Corruption(blur.motion_blur, blur.draw_motion),
    "zoom_blur": Corruption(blur.zoom_blur),
    "gaussian_blur": Corruption(blur.gaussian_blur),
    "snow": Corruption(weather.snow, weather.draw_snow),
    "frost": Corruption(weather.frost, weather.draw_frost),
    "fog": Corruption(weather.fog, weather.draw_fog),
    "brightness": Corruption(digital.brightness),
    "saturate": Corruption(digital.saturate),
    "contrast": Corruption(digital.contrast),
    "elastic_transform": Corruption(digital.elastic_transform, digital.draw_elastic),
    "pixelate": Corruption(digital.pixelate),
    "jpeg_compression": Corruption(digital.jpeg_compression),
    "spatter": Corruption(spatter.spatter, spatter.draw_spatter),
}


def corrupt(
    images: np.ndarray,
    kind: str,
    severity: int,
    *,
    seed: int,
    ids: np.ndarray,
    frost: Sequence[np.ndarray] = (),
) -> np.ndarray:
    """Returns corrupted images; what becomes of one depends on its id, not on the others.

    Below 100 pixels a side they are those of CIFAR-10-C, from there on those of ImageNet-C, which come back from JPEG
    files of quality 85, as the released ones are stored.

    Args:
        images: (N, S, S, 3) uint8.
        kind: one of `kinds.KINDS`.
        severity: 1 to 5.
        seed: whole number in 0..2**32-1.
        ids: (N,) whole numbers, by which the draws are addressed.
        frost: pictures, needed for 'frost' alone.

    Returns:
        (N, S, S, 3) uint8.

    Raises:
        ConfigError: an unknown type or severity, or images that are not square.
    """
    if kind not in CORRUPTIONS:
        raise unknown("type of corruption", kind, kinds.KINDS)
    if severity not in kinds.SEVERITIES:
        raise unknown("severity", severity, kinds.SEVERITIES)
    side = images.shape[1]
    if images.shape[2] != side:
        raise ConfigError(f"corruptions are made of square images, and these are {images.shape[2]} x {side}")
    name, table = kinds.parameters(side)
    values = table[kind][severity - 1] + ((frost,) if kind == "frost" else ())
    corruption = CORRUPTIONS[kind]
    draws = corruption.draw(Stream(seed, kind, severity, ids), side, *values)
    corrupted = corruption.apply(images, *draws, *values)
    return digital.jpeg_compression(corrupted, _STORED) if name == "imagenet" else corrupted

"""Mean and standard deviation of the channels of training images, which a network's input is normalised with."""

import logging
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sbn.config.errors import ConfigError
from sbn.data.encoded import EncodedImages
from sbn.data.examples import Images
from sbn.data.pixels import unpack

log = logging.getLogger(__name__)


class Channels(NamedTuple):
    """(3,) each, in [0, 1]."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]


# Of the training split. CIFAR's are the TF AutoAugment code's; those of shapes are of 50,000 images.
# ImageNet's are those of tensorflow/tpu's and torchvision's recipes, here for its subset Imagenette too. Public code
# has two sets of deviations for Tiny-ImageNet: these, of all pixels, and (.230, .227, .226), of those within an image.
# Ten of its classes have mean (.488, .462, .433) and deviation (.274, .271, .291).
_IMAGENET = Channels((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
KNOWN = {
    "cifar10": Channels((0.49139968, 0.48215841, 0.44653091), (0.24703223, 0.24348513, 0.26158784)),
    "cifar100": Channels((0.50707516, 0.48654887, 0.44091784), (0.26733429, 0.25643846, 0.27615047)),
    "tiny_imagenet": Channels((0.4802, 0.4481, 0.3975), (0.2770, 0.2691, 0.2821)),
    "imagenet2012": _IMAGENET,
    "imagenette": _IMAGENET,
    "shapes": Channels((0.5, 0.5, 0.5), (0.2351, 0.2351, 0.2351)),
    "shapes/clear": Channels((0.5, 0.5, 0.5), (0.375, 0.375, 0.375)),
    "shapes/sketch": Channels((0.8, 0.8, 0.8), (0.1373, 0.1373, 0.1373)),
}
_CHUNK = 2**22  # pixels: of Cityscapes two images are looked at at a time
ENCODED = 2000  # images of a set that stays encoded


def measure(images: Images) -> Channels:
    """Returns mean and deviation of all pixels, exactly: of whole numbers, summed as such.

    Of images that stay encoded, of up to 2,000 of them, evenly spread, as evaluation sees them.

    Args:
        images: (M, H, W, 3) uint8.
    """
    ids = np.arange(len(images))
    if isinstance(images, EncodedImages) and len(images) > ENCODED:
        ids = np.linspace(0, len(images) - 1, ENCODED).astype(np.int64)
        log.info("mean and deviation are measured on %d of %d training images", ENCODED, len(images))
    counts = np.zeros((3, 256), np.int64)
    count = max(_CHUNK // max(images.shape[1] * images.shape[2], 1), 1)
    for start in range(0, len(ids), count):
        where = ids[start : start + count]
        if isinstance(images, EncodedImages) and images.crop.pads:  # what is filled up has no colour
            colours, marks = unpack(images.packed(where))
            part = colours[marks > 0]
        else:
            part = images[where]
        for channel in range(3):
            counts[channel] += np.bincount(part[..., channel].ravel(), minlength=256)
    (red, green, blue) = (_moments(row) for row in counts.tolist())
    return Channels((red[0], green[0], blue[0]), (red[1], green[1], blue[1]))


def _moments(counts: Sequence[int]) -> tuple[float, float]:
    """Mean and deviation, in [0, 1], of values 0, 1, ... that occur so often."""
    pixels = sum(counts)
    total = sum(value * count for value, count in enumerate(counts))
    squares = sum(value**2 * count for value, count in enumerate(counts))
    return total / (255 * pixels), float((pixels * squares - total**2) ** 0.5) / (255 * pixels)


def checked(mean: Sequence[float], std: Sequence[float]) -> Channels:
    """Returns the mean and standard deviation with which a network's input is normalised.

    Raises:
        ConfigError: if a deviation is 0.
    """
    if min(std) <= 0:
        raise ConfigError(
            f"the standard deviations of the colour channels are {tuple(std)}: a channel with one value in all "
            "training images can't be normalised by its own; give other deviations by data.std"
        )
    (red, green, blue), deviations = map(float, mean), tuple(map(float, std))
    return Channels((red, green, blue), (deviations[0], deviations[1], deviations[2]))

"""The ops that a pipeline string is made of, and those that see one image at a time and keep its size."""

import dataclasses
from typing import ClassVar

from sbn.augment.levels import AUTOAUGMENT_LEVELS
from sbn.augment.mixture import draws_of_weights
from sbn.augment.op import Op, choice, fill_with, number
from sbn.augment.policies import OP_LISTS, SUBPOLICIES
from sbn.augment.size_ops import SIZE_OPS, Fit, RandomCropOf, RandomScale
from sbn.augment.step_ops import STEP_OPS

# RandAugment's layer: op, sign, and the centre (row, column) of its cutout; AutoAugment's step: the same but for
# "does it happen" in place of the op
DRAWS_A_LAYER = 4
# AugMix: how deep the chain is; op, level and sign
AUGMIX_DRAWS_A_CHAIN, AUGMIX_DRAWS_AN_OP = 1, 3


@dataclasses.dataclass(frozen=True)
class Flip(Op):
    """Mirrors left and right with the given probability."""

    name: ClassVar[str] = "flip"
    probability: float = number(low=0, high=1, default=0.5)

    def draws_needed(self, image_size: tuple[int, int]) -> int:
        """One: to flip or not."""
        return 1


@dataclasses.dataclass(frozen=True)
class Crop(Op):
    """Pads by `pad` pixels on every side and cuts the image's own size out again.

    Offsets are uniform in 0..2*pad, both ends included. `fill='mean'` pads with the data set's mean (zero after
    normalisation, AutoAugment's CIFAR code), `'reflect'` mirrors without repeating the edge (UDA, SAM), a number is a
    grey level (0: black before normalisation, most PyTorch codes).
    """

    name: ClassVar[str] = "crop"
    pad: int = number(low=1)
    fill: int | str = fill_with("mean", "reflect")

    def draws_needed(self, image_size: tuple[int, int]) -> int:
        """Two: row offset, column offset."""
        return 2


@dataclasses.dataclass(frozen=True)
class Cutout(Op):
    """Fills a square with the data set's mean (DeVries and Taylor 2017, arXiv 1708.04552).

    The centre c is uniform over all pixels; with h = side // 2 the hole is max(0, c-h) .. min(size, c+h) - 1 along each
    axis. As in the released code an odd side therefore makes a hole of side - 1. With `half_side` the number is h
    itself, as `pad_size` is in AutoAugment's TensorFlow code: cutout(16, half_side=True) makes a hole of 32.
    """

    name: ClassVar[str] = "cutout"
    side: int = number(low=2)
    half_side: bool = False

    @property
    def half(self) -> int:
        """The hole's reach from its centre."""
        return self.side if self.half_side else self.side // 2

    def draws_needed(self, image_size: tuple[int, int]) -> int:
        """Two: centre row, centre column."""
        return 2


@dataclasses.dataclass(frozen=True)
class Gaussian(Op):
    """Adds independent normal noise to every pixel and channel.

    With x in [0, 1] the result is clip(x + s*noise, 0, 1), rounded back to the nearest of 256 levels. s is `sigma`
    (`kind='fixed'`) or uniform in [0, sigma), drawn once an image (`'uniform'`). Filler pixels stay filler.
    """

    name: ClassVar[str] = "gaussian"
    sigma: float = number(low=0)
    kind: str = choice("fixed", "uniform", default="fixed")

    def draws_needed(self, image_size: tuple[int, int]) -> int:
        """Two for every two values (Box-Muller makes two normals of two uniforms), one more for a uniform sigma."""
        pairs = (3 * image_size[0] * image_size[1] + 1) // 2
        return 2 * pairs + (self.kind == "uniform")


@dataclasses.dataclass(frozen=True)
class RandAugment(Op):
    """Applies `layers` ops, drawn uniformly with replacement, all at level `magnitude` (Cubuk et al. 2019, section 3).

    Pillow's ops with the level mapping of `sbn.augment.levels`; every drawn op is applied. `fill` is what geometric ops
    and the policy's own Cutout uncover: a grey level, or 'mean' as explained at `AutoAugment`. `semantics='tf'` takes
    levels and ops of the TensorFlow code for TPUs (`levels`, `geometry` and `host.tf_tones` name what differs).
    """

    name: ClassVar[str] = "randaugment"
    layers: int = number(low=1)
    magnitude: float = number(low=0, high=100)
    ops: str = choice(*OP_LISTS, default="tf_tpu_16")
    fill: int | str = fill_with(128)
    semantics: str = choice("pillow", "tf", default="pillow")

    def draws_needed(self, image_size: tuple[int, int]) -> int:
        """Four a layer: op, sign, centre row and centre column of Cutout."""
        return DRAWS_A_LAYER * self.layers


@dataclasses.dataclass(frozen=True)
class AutoAugment(Op):
    """Draws one sub-policy an image, uniformly, and applies each of its two ops with that op's own probability.

    Policies of Cubuk et al. 2018 (`sbn.augment.policies`), Pillow's ops and level mapping. Signs are drawn anew for
    every application. `fill` is what geometric ops and Cutout uncover: a grey level, or 'mean' as in the code released
    for CIFAR, where it stays transparent and becomes the data set's mean in the end, unless Equalize, AutoContrast,
    Invert, Posterize or Solarize come after it, which turn it into image pixels, black before the op. That code's
    Cutout puts its hole in the wrong place; this one does not. `semantics` is that of `RandAugment`:
    autoaugment('imagenet_v0', fill=128, semantics='tf') is what the TPU code runs. `levels` says how levels are read
    with Pillow's semantics (`sbn.augment.levels`): 'scaled' translates larger images by the same share of the side.
    """

    name: ClassVar[str] = "autoaugment"
    policy: str = choice(*SUBPOLICIES)
    fill: int | str = fill_with("mean")
    semantics: str = choice("pillow", "tf", default="pillow")
    levels: str = choice(*AUTOAUGMENT_LEVELS, default="released")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.semantics == "tf" and self.levels != "released":
            raise ValueError(f"autoaugment(levels) is {self.levels!r}; the TensorFlow code has its own ('released')")

    def draws_needed(self, image_size: tuple[int, int]) -> int:
        """Nine: the sub-policy; then, for each op, whether it is applied, sign, centre row and column of Cutout."""
        return 1 + 2 * DRAWS_A_LAYER


@dataclasses.dataclass(frozen=True)
class TrivialAugment(Op):
    """Applies one op at one level, both drawn uniformly an image (Müller and Hutter 2021, arXiv 2103.10158).

    The wide space of the authors' code: 14 ops, 31 levels, Pillow's ops; `fill` as at `AutoAugment`, black there.
    """

    name: ClassVar[str] = "trivialaugment"
    fill: int | str = fill_with(0)

    def draws_needed(self, image_size: tuple[int, int]) -> int:
        """Three: op, level, sign."""
        return 3


@dataclasses.dataclass(frozen=True)
class AugMix(Op):
    """Mixes an image with `width` chains of ops (Hendrycks et al. 2020, arXiv 1912.02781), without its JSD loss.

    A chain applies `depth` ops, or 1, 2 or 3 of them (-1), drawn uniformly with replacement; an op draws its own level
    in [0.1, severity) and its sign. Pillow's ops with bilinear geometry and black fill, bytes after every op, as in the
    released code. The chains are mixed by w ~ Dirichlet(alpha, ...), the mixture and the image by m ~ Beta(alpha,
    alpha), whole-number alpha only. `all_ops` adds Color, Contrast, Brightness and Sharpness to the nine ops.
    The released code mixes normalised floats. Normalisation is affine and the weights add up to one, so that mixing
    before it is the same; but images leave this op as bytes, hence within 0.51 levels of that mixture: 0.51 / (255 *
    std) after normalisation, 0.008 on CIFAR-10. Fillers come in as black pixels, and none come out.
    """

    name: ClassVar[str] = "augmix"
    severity: float = number(low=0.1, high=10, default=3.0)
    width: int = number(low=1, high=16, default=3)
    depth: int = number(low=-1, high=16, default=-1)
    alpha: int = number(low=1, high=16, default=1)
    all_ops: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.depth == 0:
            raise ValueError("augmix(depth) is 0; it must be from 1 to 16, or -1 for 1, 2 or 3 at random")

    @property
    def longest(self) -> int:
        """The most ops of a chain."""
        return 3 if self.depth < 0 else self.depth

    def draws_needed(self, image_size: tuple[int, int]) -> int:
        """Those of the weights; then, for each chain, its depth and each op's number, level and sign."""
        a_chain = AUGMIX_DRAWS_A_CHAIN + AUGMIX_DRAWS_AN_OP * self.longest
        return draws_of_weights(self.width, self.alpha) + self.width * a_chain


@dataclasses.dataclass(frozen=True)
class PatchGaussian(Op):
    """Adds noise inside one square (Lopes et al. 2019, arXiv 1906.02611).

    The centre c is uniform over all pixels, the square is c - floor(side / 2) .. c + ceil(side / 2) - 1 along each
    axis, cut off at the border; with `random_side` the side is uniform in 1..side. The noise's deviation is uniform in
    [0, sigma), drawn once an image; else as in `Gaussian`. A side of twice the image's is noise everywhere.
    """

    name: ClassVar[str] = "patch_gaussian"
    side: int = number(low=1, high=65536)
    sigma: float = number(low=0)
    random_side: bool = False

    def draws_needed(self, image_size: tuple[int, int]) -> int:
        """Two for every two values; then sigma, centre row, centre column, side."""
        return 2 * ((3 * image_size[0] * image_size[1] + 1) // 2) + 4


@dataclasses.dataclass(frozen=True)
class Blur(Op):
    """Convolves with a Gaussian of deviation `sigma` pixels cut off to side x side, the border reflected.

    The kernel's weights are whole counts of 1/4096, so that all sums are exact; means are divided by the sum of the
    weights and rounded, halves up. The border is mirrored without repeating the edge; fillers are left out of the means
    and stay. Every image is blurred alike. Consistent Normalization (Zhou et al. 2019) names no kernel: 5 and 1.5 are
    ours; it may blur normalised floats, which is the same but for the rounding here (0.01 after ImageNet's
    normalisation).
    """

    name: ClassVar[str] = "blur"
    sigma: float = number(low=0.1, high=100, default=1.5)
    side: int = number(low=3, high=99, default=5)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.side % 2 == 0:
            raise ValueError(f"blur(side) is {self.side}; it must be odd")

    def draws_needed(self, image_size: tuple[int, int]) -> int:
        """None."""
        return 0


@dataclasses.dataclass(frozen=True)
class ResizeAndPad(Op):
    """Shrinks to size x size and pads back to the image's own size.

    resize_and_pad(16) is CIFAR-10-a of Consistent Normalization (Zhou et al. 2019): 16 x 16 on a black canvas of
    32 x 32. Pillow's antialiased bilinear filter. `placement` of the small image: 'centre' (odd rests go down and
    right), 'top_left' or 'random'. `fill`: a grey level, or 'mean' for filler pixels.
    """

    name: ClassVar[str] = "resize_and_pad"
    size: int = number(low=1)
    placement: str = choice("centre", "top_left", "random", default="centre")
    fill: int | str = fill_with(0)

    def draws_needed(self, image_size: tuple[int, int]) -> int:
        """Two: row and column of the upper left corner."""
        return 2


POLICIES = (RandAugment, AutoAugment, TrivialAugment, AugMix)

# A draw's address holds an op's place in this table: new ops go to the end.
OPS: dict[str, type[Op]] = {
    op.name: op
    for op in (
        Flip,
        Crop,
        Cutout,
        Gaussian,
        RandAugment,
        AutoAugment,
        TrivialAugment,
        AugMix,
        PatchGaussian,
        Blur,
        ResizeAndPad,
        *SIZE_OPS,
        *STEP_OPS,
        RandomCropOf,
        Fit,
        RandomScale,
    )
}

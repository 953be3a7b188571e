"""The ops that run inside the training step: those that need the other images of the batch, or the network."""

import dataclasses
from typing import ClassVar

from sbn.augment.op import Op, choice, number


@dataclasses.dataclass(frozen=True)
class StepOp(Op):
    """An op of the training step. Its draws are made there, by key."""

    def draws_needed(self, image_size: tuple[int, int]) -> int:
        """None of the data pipeline's."""
        return 0


@dataclasses.dataclass(frozen=True)
class Mixup(StepOp):
    """Blends every image, and its label, with a partner's (Zhang et al. 2018, arXiv 1710.09412).

    One share λ ~ Beta(alpha, alpha) and one permutation π a batch: λ x + (1 - λ) x_π, and likewise the labels, as in
    the authors' code. alpha = 0 leaves the batch as it is.
    """

    name: ClassVar[str] = "mixup"
    where: ClassVar[str] = "batch"
    alpha: float = number(low=0, high=1000, default=1.0)


@dataclasses.dataclass(frozen=True)
class CutMix(StepOp):
    """Pastes a box of a partner into every image; labels by area (Yun et al. 2019, arXiv 1905.04899).

    With the given probability, drawn once a batch: λ ~ Beta(alpha, alpha), a box of floor(side * sqrt(1 - λ)) around a
    uniform pixel, cut off at the border, the same for the whole batch, and a permutation. Labels get the partner's
    share of the pixels, which is exact. As in the authors' code a box of odd size loses one pixel.
    """

    name: ClassVar[str] = "cutmix"
    where: ClassVar[str] = "batch"
    alpha: float = number(low=0, high=1000, default=1.0)
    probability: float = number(low=0, high=1, default=1.0)


@dataclasses.dataclass(frozen=True)
class ManifoldMixup(StepOp):
    """Mixup of the activations at a random place of the network (Verma et al. 2019, arXiv 1806.05236).

    The place is uniform over the first `deepest` + 1 of the model's `mixing_points`: the input, after the first stage,
    after the second. Place, share and permutation are drawn once a batch; a view's activations mix with those of its
    own branch alone. The loss is the cross-entropy with the blended labels; the released code's is a binary one.
    """

    name: ClassVar[str] = "manifold_mixup"
    where: ClassVar[str] = "model"
    alpha: float = number(low=0, high=1000, default=1.0)
    deepest: int = number(low=0, high=16, default=2)


@dataclasses.dataclass(frozen=True)
class Adversarial(StepOp):
    """Projected gradient descent in the L-infinity ball (Madry et al. 2018), against the model as it is at this step.

    Starting in the ball of `epsilon` around the image, uniformly if `random_start`, `steps` times: a step of `step`
    along the sign of the gradient of the cross-entropy, then back into the ball and into [0, 1]. Both in 1/255. With
    `targeted` the loss towards a random class, which may be the true one, falls instead. `branch` is the branch whose
    network is attacked: a name, or 'own' for the view's. `statistics` of its normalisation are those of the 'batch'
    under attack, or the 'running' ones, as a network at rest has; neither attack updates them. AdvProp (Xie et al.
    2020) attacks the auxiliary branch; its default attacker is adversarial(4, 1, 5).
    """

    name: ClassVar[str] = "adversarial"
    where: ClassVar[str] = "model"
    epsilon: float = number(low=0, high=255, default=1.0)
    step: float = number(low=0, high=255, default=1.0)
    steps: int = number(low=1, high=1000, default=1)
    branch: str = choice(default="own")
    random_start: bool = True
    targeted: bool = False
    statistics: str = choice("batch", "running", default="batch")


@dataclasses.dataclass(frozen=True)
class Lighting(StepOp):
    """Shifts the colour of whole images along the principal components of ImageNet's (Krizhevsky et al. 2012).

    Every image draws three normal numbers of deviation `strength`; a component is added as often as its number times
    its eigenvalue says, to pixels from 0 to 1 before they are normalised (fb.resnet.torch's values). It needs no other
    image and stands in the step all the same: a shift of a whole image would be rounded to whole levels, of which it
    has about three, on its way there. Nothing is clipped, as in that code; fillers are shifted too. Convolutions and
    resizing pass a shift on as it is: it makes no difference whether they come before it.
    """

    name: ClassVar[str] = "lighting"
    where: ClassVar[str] = "batch"
    strength: float = number(low=0, high=100, default=0.1)


MIXES = (Mixup, CutMix, ManifoldMixup)
STEP_OPS = (*MIXES, Adversarial, Lighting)

"""Crops of a size that every mini-batch draws anew: the op, the pipelines that it stands for, and the draw."""

import dataclasses
from typing import Any, ClassVar

from sbn.augment import draws
from sbn.augment.arguments import whole_numbers
from sbn.augment.draws import NUMPY, Words
from sbn.augment.op import Op
from sbn.augment.size_ops import RandomCrop

_NO_EPOCH = 0xFFFFFFFF  # a step has this in the place of an epoch, and its number in that of an example


@dataclasses.dataclass(frozen=True)
class RandomCropOf(Op):
    """`random_crop(size)`, of a size that every mini-batch draws anew, uniform over `sizes`.

    Consistent Normalization (Zhou et al. 2019, Table 3) trains on windows of 32 to 224 pixels as they are. A step is
    compiled once for each size that comes up. Views of training alone can have it, and only on the host path: a
    device makes images of sizes that are known before.
    """

    name: ClassVar[str] = "random_crop_of"
    sizes: tuple[int, ...] = whole_numbers(low=1, high=65536)

    def draws_needed(self, image_size: tuple[int, int]) -> int:
        """One: the size, for all images of a mini-batch together."""
        return 1


def variants(ops: tuple[Op, ...]) -> tuple[tuple[Op, ...], ...]:
    """Returns the pipelines that a mini-batch may draw: itself alone, where sizes are not drawn.

    Raises:
        ValueError: sizes are drawn twice.
    """
    places = [place for place, op in enumerate(ops) if isinstance(op, RandomCropOf)]
    if not places:
        return (ops,)
    if len(places) > 1:
        raise ValueError("random_crop_of stands there twice; a mini-batch draws one size")
    (place,) = places
    op = ops[place]
    assert isinstance(op, RandomCropOf)
    return tuple((*ops[:place], RandomCrop(size), *ops[place + 1 :]) for size in op.sizes)


def drawn(count: int, *, seed: Any, stage: Any, step: Any, stream: int, words: Words = NUMPY) -> Any:
    """Returns which of `count` variants the mini-batch of a step gets, a 0-d int32 of the array library.

    Args:
        count: how many there are.
        seed: the experiment's.
        stage: index of the stage.
        step: number of the step in its stage.
        stream: of the view's draws.
        words: the array library.
    """
    bits = draws.bits(seed, step, stage=stage, epoch=_NO_EPOCH, view=stream, draws=range(1), words=words)
    return draws.index(bits, count, words)[0, 0]

"""AugMix's mixing weights from draws: the same few lines on every array library."""

from typing import Any

from sbn.augment import draws
from sbn.augment.draws import NUMPY, Words

ONE = 1 << 16  # weights are counts of 2**-16, so that a mixture of bytes is exact in 32 bits


def draws_of_weights(width: int, alpha: int) -> int:
    """Returns how many draws an image's weights need."""
    return alpha * (width + 2)


def weights(bits: Any, *, width: int, alpha: int, words: Words = NUMPY) -> tuple[Any, ...]:
    """Returns the weights m * w_i of the chains, w ~ Dirichlet(alpha, ...), m ~ Beta(alpha, alpha).

    Gamma variables of whole-number shape are sums of exponential ones. The original's weight is what is missing to
    `ONE`, 1 - m up to the rounding of the others; it may be down to -width / 2 where m is 1.

    Args:
        bits: (N, alpha * (width + 2)) uint32: alpha draws a chain, then alpha for each side of the Beta variable.
        width: number of chains.
        alpha: whole number.
        words: the array library.

    Returns:
        `width` arrays (N,) float32 of whole numbers 0..ONE.
    """

    def gamma(number: int) -> Any:
        total: Any = 0.0
        for column in range(alpha * number, alpha * (number + 1)):
            total = total - words.math.log(1.0 - draws.unit(bits[:, column], words))
        return total

    chains = [gamma(number) for number in range(width)]
    augmented, original = gamma(width), gamma(width + 1)
    # every draw is 0 once in 2**48 images or less; their weights are then 0
    share = augmented / (augmented + original + 1e-30) / (sum(chains) + 1e-30)
    return tuple(words.math.rint(ONE * share * chain) for chain in chains)

"""Plasma fractals by diamond and square (Fournier, Fussell, Carpenter 1982), periodic: the stuff of fog."""

import numpy as np


def plasma(draws: np.ndarray, decay: float) -> np.ndarray:
    """Returns fractals between 0 and 1.

    Args:
        draws: (N, size**2 - 1) uniform in [0, 1), size a power of two: for every width from `size` down to 2, those of
            the squares' middles, of the middles of the horizontal edges, and of the vertical ones.
        decay: by what the amplitude is divided when the width is halved.

    Returns:
        (N, size, size) float64; the least is 0, the greatest 1.
    """
    count = len(draws)
    size = round((draws.shape[1] + 1) ** 0.5)
    heights = np.zeros((count, size, size))
    amplitude, step, used = 100.0, size, 0

    def disturbed(total: np.ndarray) -> np.ndarray:
        nonlocal used
        number = total[0].size
        drawn = draws[:, used : used + number].reshape(total.shape)
        used += number
        # twice the amplitude: the draw's range has it, and the release multiplies by it again
        return total / 4 + amplitude * (2 * amplitude * drawn - amplitude)

    while step >= 2:
        half = step // 2
        corners = heights[:, ::step, ::step]
        total = corners + np.roll(corners, -1, axis=1)
        heights[:, half::step, half::step] = disturbed(total + np.roll(total, -1, axis=2))
        middles = heights[:, half::step, half::step]
        total = middles + np.roll(middles, 1, axis=1) + (corners + np.roll(corners, -1, axis=2))
        heights[:, ::step, half::step] = disturbed(total)
        total = middles + np.roll(middles, 1, axis=2) + (corners + np.roll(corners, -1, axis=1))
        heights[:, half::step, ::step] = disturbed(total)
        step, amplitude = half, amplitude / decay
    heights -= heights.min(axis=(1, 2), keepdims=True)
    return heights / heights.max(axis=(1, 2), keepdims=True)

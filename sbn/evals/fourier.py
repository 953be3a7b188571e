"""Fourier heat maps: the error under noise of each single frequency (Yin et al. 2019; Split BatchNorms, Figure 4)."""

from collections.abc import Iterator

import jax
import numpy as np

from sbn.config.errors import ConfigError
from sbn.data import spectrum
from sbn.evals.base import Materials, Value
from sbn.evals.perturbed import Perturbed
from sbn.tasks.base import Variables


class Fourier:
    """Yields `fourier/BRANCH/error`, a map (h, w) with zero frequency in the middle, and its mean; and of every mix.

    An image in [0, 1] becomes clip(x ± norm U, 0, 1): U is the frequency's wave of L2 norm 1 on every channel, its sign
    random by image and channel. So `norm` is that of one channel's change, and 1.73 times as much that of all three.
    The two halves of the plane are the same, and one of them is measured.

    Args:
        materials: the parts of the run.
        norm: L2 norm of the noise on one channel, before clipping.
        size: side of the map, the lowest frequencies; None: the largest odd one.
        examples: test images, drawn by the seed.

    Raises:
        ConfigError: if the map is larger than the images' spectrum.
    """

    def __init__(self, materials: Materials, *, norm: float, size: int | None, examples: int) -> None:
        seed = materials.config.seed
        height, width = materials.test.images.shape[1:3]
        if size is not None and size > max(height, width):
            raise ConfigError(f"eval.fourier.size = {size}: images of {height} x {width} have fewer frequencies")
        frequencies, self._places = spectrum.half_plane((height, width), size=size)
        wave = spectrum.make_wave((height, width), norm=norm)

        def perturb(images: jax.Array, ids: jax.Array, frequency: jax.Array) -> jax.Array:
            chosen = spectrum.signs(seed, ids, frequency, image_size=(height, width))
            return spectrum.add_wave(images, wave(frequency), chosen)

        self._norm = norm
        self._errors = Perturbed(materials, "fourier", perturb, frequencies, key=f"norm={norm}", examples=examples)

    def __call__(self, variables: Variables) -> Iterator[tuple[str, Value]]:
        """Yields (name, value) pairs."""
        for name, errors in self._errors(variables).items():
            heat = errors[self._places]
            yield f"fourier/{name}/mean_error", float(heat.mean())
            yield f"fourier/{name}/error", heat
        yield "fourier/norm", np.asarray(self._norm)
        yield "fourier/examples", np.asarray(self._errors.examples)

"""What frequencies a network relies on: Fourier heat maps, and accuracy on low-pass and high-pass filtered images.

A heat map is the error under noise of each single frequency (Yin et al. 2019; Split BatchNorms, Figure 4); low-pass
accuracy by the filter's width is Figure 5, high-pass its twin.
"""

from collections.abc import Iterator, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from sbn.config.errors import ConfigError
from sbn.data import spectrum
from sbn.evals.base import Materials, Value
from sbn.evals.perturbed import Perturbed
from sbn.tasks.base import Variables


class Fourier:
    """Yields `fourier/BRANCH/error`, a map (h, w) with zero frequency in the middle, and its mean; and of every mix.

    `low_error` and `high_error` are the means of the middle of the map, half as high and wide, and of all around it.

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
            high = _high(heat.shape)
            for part, chosen in (("low", ~high), ("high", high)):
                if chosen.any():
                    yield f"fourier/{name}/{part}_error", float(heat[chosen].mean())
            yield f"fourier/{name}/error", heat
        yield "fourier/norm", np.asarray(self._norm)
        yield "fourier/examples", np.asarray(self._errors.examples)


def _high(shape: tuple[int, ...]) -> np.ndarray:
    """Which frequencies of a map lie outside of its middle, half as high and wide."""
    reach = [np.abs(np.arange(side) - side // 2) / max(side // 2, 1) for side in shape]
    return np.maximum(reach[0][:, None], reach[1][None]) > 0.5


class Filtered:
    """Yields `NAME/BRANCH/accuracy` (widths,) and its mean, of every mix too, and `NAME/widths`.

    The low-pass filter of width B keeps the centred B x B square of frequencies, the high-pass filter all others; both
    clip to [0, 1] again. With the square goes the mean colour, without which an image would be half below 0 and cut
    off: the data set's takes its place, which is 0 to the network. At B = 0 high-pass leaves the images alone.

    Args:
        materials: the parts of the run.
        name: 'low_pass' or 'high_pass'.
        widths: of the filter; empty: every odd one, and the whole image's.
        examples: test images, drawn by the seed.

    Raises:
        ConfigError: if a width is beyond the images' spectrum.
    """

    def __init__(self, materials: Materials, name: str, *, widths: Sequence[int], examples: int) -> None:
        largest, least = max(materials.test.images.shape[1:3]), int(name == "low_pass")
        self._name = name
        # Odd widths are symmetric, so that nothing imaginary is cut off.
        self._widths = tuple(widths) or (*range(0, 1 - least), *range(1, largest, 2), largest)
        for width in self._widths:
            if not least <= width <= largest:
                raise ConfigError(f"eval.{name}.widths holds {width}: for these images they lie in {least}..{largest}")
        colour = jnp.asarray(materials.mean, jnp.float32)

        def low(images: jax.Array, ids: jax.Array, width: jax.Array) -> jax.Array:
            return jnp.clip(spectrum.low_pass(images, width), 0.0, 1.0)

        def high(images: jax.Array, ids: jax.Array, width: jax.Array) -> jax.Array:
            return jnp.clip(spectrum.high_pass(images, width) + jnp.where(width > 0, colour, 0.0), 0.0, 1.0)

        perturb = low if name == "low_pass" else high
        self._errors = Perturbed(
            materials, name, perturb, np.asarray(self._widths, np.int32), key="", examples=examples
        )

    def __call__(self, variables: Variables) -> Iterator[tuple[str, Value]]:
        """Yields (name, value) pairs."""
        for name, errors in self._errors(variables).items():
            yield f"{self._name}/{name}/mean_accuracy", float(1 - errors.mean())
            yield f"{self._name}/{name}/accuracy", 1 - errors
        yield f"{self._name}/widths", np.asarray(self._widths, np.int32)
        yield f"{self._name}/examples", np.asarray(self._errors.examples)

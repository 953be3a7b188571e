"""How the weights of a network start: the schemes of the codes that the papers descend from, by name."""

from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax

Array = jax.Array
# (key, shape, dtype) -> weights
Initialiser = Callable[..., Array]

_scaled = nn.initializers.variance_scaling
# uniform in ±1/sqrt(fan_in), which Torch and PyTorch give every layer
_UNIFORM = _scaled(1 / 3, "fan_in", "uniform")


class Initialisation(NamedTuple):
    """A scheme.

    Attributes:
        conv: of every kernel (k, k, C_in, C_out).
        head: of the last dense kernel (features, classes).
        random_bias: the last bias starts uniform in ±1/sqrt(features) instead of at 0.
    """

    conv: Initialiser
    head: Initialiser
    random_bias: bool = False


INITIALISATIONS: dict[str, Initialisation] = {
    # AutoAugment's TensorFlow code: He's normal by fan-out, and ±1/sqrt(classes)
    "autoaugment": Initialisation(_scaled(2.0, "fan_out", "normal"), _scaled(1 / 3, "fan_out", "uniform")),
    # fb.resnet.torch, from which Shake-Shake's and Fixup's code descend
    "he_fan_out": Initialisation(_scaled(2.0, "fan_out", "normal"), _UNIFORM),
    # the original Wide ResNet's code
    "he_fan_in": Initialisation(_scaled(2.0, "fan_in", "normal"), _UNIFORM),
    # PyTorch's own defaults
    "pytorch": Initialisation(_UNIFORM, _UNIFORM, random_bias=True),
    # the TPU ResNet's code, from which RandAugment's ImageNet models descend
    "tpu": Initialisation(_scaled(1.0, "fan_in", "truncated_normal"), nn.initializers.normal(0.01)),
}


def times(init: Initialiser, gain: float) -> Initialiser:
    """Returns `init` with its values multiplied by `gain`."""

    def scaled(key: Array, shape: tuple[int, ...], *rest: Any, **more: Any) -> Array:
        return gain * init(key, shape, *rest, **more)

    return init if gain == 1 else scaled


def uniform(bound: float) -> Initialiser:
    """Uniform in ±bound."""

    def init(key: Array, shape: tuple[int, ...], dtype: Any = float, **unused: Any) -> Array:
        return jax.random.uniform(key, shape, dtype, -bound, bound)

    return init

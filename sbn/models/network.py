"""What all image networks have in common: their fields, the check of their input, their layers."""

from collections.abc import Callable
from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp

from sbn.config.errors import unknown
from sbn.nn.branched import Branched
from sbn.nn.initialisers import INITIALISATIONS
from sbn.nn.layers import Layers
from sbn.nn.norms import NormLayer, make_norm

Array = jax.Array
# A named point of a network where its caller may read, or replace, what passes:
# (name of the point, activations) -> what goes on from there
Tap = Callable[[str, Array], Array]

# What the networks draw in training: the keys of `rngs` in `model.apply(..., train=True)`.
STREAMS = ("dropout", "shake")


def no_tap(name: str, x: Array) -> Array:
    """Leaves everything as it is."""
    return x


class Network(nn.Module):
    """A network on (N, H, W, 3), called as `model.apply(variables, x, train=..., tap=...)`.

    It gives logits (N, classes) float32. Its `tap` is given `input`, a point after every stage of residual blocks
    (their sums, before what follows), and `features`, the pooled activations (N, C) float32. Parameters are float32.
    With `capture_intermediates=True` flax returns every named part (`stem`, `stage1_block1`, ..., `head`).

    Attributes:
        classes: number of logits.
        norm: what normalises: `'batch'`, `'layer'`, `'group'` (see `nn.norms`), or `'none'`, which is Fixup.
        groups: of channels, where groups of them are normalised.
        initialiser: name of the initial weights, of `nn.initialisers.INITIALISATIONS`.
        momentum: of the running statistics.
        epsilon: added to variances.
        group_size: examples a statistics group, None for the whole batch.
        unbiased: rule of the running variance.
        dtype: of convolutions and activations (float32, bfloat16).
        remat: a training pass keeps what goes into each residual block, and its gradient computes the rest again.
        norm_layer: applies the normalisation layers instead of `norm`, for comparisons.
    """

    classes: int
    norm: str = "batch"
    groups: int = 32
    initialiser: str = "he_fan_out"
    momentum: float = 0.9
    epsilon: float = 1e-5
    group_size: int | None = None
    unbiased: bool = True
    dtype: Any = jnp.float32
    remat: bool = False
    norm_layer: NormLayer | None = None

    # Where Manifold Mixup may mix: the places of its released code
    mixing_points: ClassVar[tuple[str, ...]] = ("input", "stage1", "stage2")

    def make_layers(self, x: Array, *, blocks: int, symmetric: bool = True) -> Layers:
        """Returns what makes the layers of a network of `blocks` residual blocks on the images `x`.

        Raises:
            ValueError: unknown `norm` or `initialiser`, or `x` is not (N, H, W, 3).
        """
        if self.initialiser not in INITIALISATIONS:
            raise unknown("initialiser", self.initialiser, INITIALISATIONS)
        if x.ndim != 4:
            raise ValueError(f"images of shape {x.shape}, but a network takes (N, H, W, 3)")
        norm = self.norm_layer or make_norm(
            self.norm,
            groups=self.groups,
            momentum=self.momentum,
            epsilon=self.epsilon,
            group_size=self.group_size,
            unbiased=self.unbiased,
            dtype=self.dtype,
        )
        return Layers(norm, INITIALISATIONS[self.initialiser], blocks, self.dtype, symmetric)

    def through(self, block: nn.Module, x: Any, *, train: bool) -> Array:
        """Returns `block(x, train=train)`, where `remat` says so rematerialised (Chen et al. 2016, section 3).

        Names, variables, draws and running statistics are the same in both. At rest nothing is rematerialised: a pass
        that no gradient follows keeps nothing, and one with running statistics hardly more than masks.
        """
        if not (self.remat and train):
            return block(x, train=train)
        # `train` decides what is traced, and remat takes no static keyword: the function holds it instead.
        return nn.remat(lambda block, x: block(x, train=train))(block, x)


# By platform, how hard XLA is to try at a program that runs once. On CPUs, of its levels 0 to 3, 1 gives the same bits
# as 3 in a quarter of the time; what draws the weights would take longer to compile than the training step.
_RUNS_ONCE: dict[str, dict[str, str | bool]] = {"cpu": {"xla_backend_optimization_level": "1"}}


def draw_weights(init: Callable[[Array], Any], key: Array) -> Any:
    """Returns `init(key)` by one program: op by op, the forward passes in it would be computed as well."""
    if isinstance(key, jax.core.Tracer):  # part of another program, it is compiled with that
        return init(key)
    return jax.jit(init).lower(key).compile(compiler_options=_RUNS_ONCE.get(jax.default_backend()))(key)


def init_variables(network: Branched, key: Array, *, image_size: tuple[int, int]) -> dict[str, Any]:
    """Returns the fresh variables of a network: {'params', 'batch_stats'}, of which the second may be empty."""
    images = jnp.zeros((1, 1, *image_size, 3))

    def draw(key: Array) -> Any:
        return network.init(key, images, train=False, through=(0,))

    variables = draw_weights(draw, key)
    return {"params": variables["params"], "batch_stats": variables.get("batch_stats", {})}

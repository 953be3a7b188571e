"""Shake-Shake regularisation: two residual branches in random shares, other shares in the backward pass.

Source: Gastaldi 2017 (Shake-Shake regularization, section 1.1), mode Shake-Shake-Image.
"""

import flax.linen as nn
import jax

Array = jax.Array


@jax.custom_vjp
def blend(a: Array, b: Array, forward: Array, backward: Array) -> Array:
    """`forward` of `a` and the rest of `b`, with the gradient of `backward` of `a` and the rest of `b`.

    Args:
        a: (N, H, W, C) float.
        b: like `a`.
        forward: shares in [0, 1] that broadcast against `a`; no gradient reaches them.
        backward: likewise.
    """
    return b + forward.astype(a.dtype) * (a - b)


def _forward(a: Array, b: Array, forward: Array, backward: Array) -> tuple[Array, tuple[Array, Array]]:
    return blend(a, b, forward, backward), (forward, backward)


def _backward(kept: tuple[Array, Array], cotangent: Array) -> tuple[Array, Array, Array, Array]:
    forward, backward = kept
    to_a = backward.astype(cotangent.dtype) * cotangent
    return to_a, cotangent - to_a, jax.numpy.zeros_like(forward), jax.numpy.zeros_like(backward)


blend.defvjp(_forward, _backward)


class ShakeShake(nn.Module):
    """The sum of two branches in shares that add up to 1: U(0, 1) an image in training, halves otherwise.

    Forward and backward pass draw their shares independently, from the rng stream `shake`.
    """

    @nn.compact
    def __call__(self, a: Array, b: Array, *, train: bool) -> Array:
        """(N, H, W, C) twice -> (N, H, W, C)."""
        if not train:
            return (a + b) / 2
        forward, backward = jax.random.uniform(self.make_rng("shake"), (2, len(a), *(1,) * (a.ndim - 1)))
        return blend(a, b, forward, backward)

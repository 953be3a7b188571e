"""AlexNet's colour shifts along the principal components of ImageNet's pixels."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from sbn.augment.step_ops import Lighting

# Of RGB from 0 to 1, as fb.resnet.torch has them; a component a row
EIGENVALUES = np.array([0.2175, 0.0188, 0.0045])
EIGENVECTORS = np.array([[-0.5675, -0.5808, -0.5836], [0.7192, -0.0045, -0.6948], [0.4009, -0.8140, 0.4203]])


def lighten(op: Lighting, key: jax.Array, images: jax.Array, *, std: Sequence[float]) -> jax.Array:
    """Returns the images, each shifted by a colour of its own.

    Args:
        op: how strongly.
        key: of the draws.
        images: (N, H, W, 3) float, normalised.
        std: (3,) of the normalisation.
    """
    components = np.asarray(EIGENVALUES[:, None] * EIGENVECTORS / np.asarray(std), np.float32)
    drawn = op.strength * jax.random.normal(key, (len(images), 3))
    return images + jnp.dot(drawn, components, precision="highest")[:, None, None]

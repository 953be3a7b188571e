"""Puts split BatchNorms into a model of one's own. Written as a notebook by `python -m launch.notebooks`."""

# %% [markdown]
# # Split BatchNorms in your own Flax model
#
# `sbn.nn` can be used without the rest of sbn. `BranchNorm` replaces `flax.linen.BatchNorm`, and the input gets a views
# axis after the batch axis: `(N, K, H, W, C)`, with one view per branch.

# %%
# !pip install -q -e .

# %%
import os
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax

from sbn.nn import BranchNorm, from_batch_norm, select_branch, spread, to_batch_norm

# %% tags=["parameters"]
TINY = bool(os.environ.get("SBN_TINY"))
STEPS = 3 if TINY else 300
EXAMPLES = 16 if TINY else 1024


# %% [markdown]
# ## The model as it was, and with branches
#
# Two lines change: the normalisation layer, and the axes of the mean. Flax's convolutions and dense layers accept any
# number of leading axes.


# %%
class Plain(nn.Module):
    """A small convolutional network with BatchNorm."""

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
        """(N, H, W, 3) -> (N, 4)."""
        for channels in (16, 32):
            x = nn.Conv(channels, (3, 3), strides=2, use_bias=False)(x)
            x = nn.relu(nn.BatchNorm(use_running_average=not train, momentum=0.9)(x))
        return nn.Dense(4)(x.mean((1, 2)))


class Split(nn.Module):
    """The same with one BatchNorm per branch; `split_affine=False` would share scale and bias."""

    branches: int = 2

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
        """(N, K, H, W, 3) -> (N, K, 4)."""
        for channels in (16, 32):
            x = nn.Conv(channels, (3, 3), strides=2, use_bias=False)(x)
            x = nn.relu(BranchNorm(self.branches)(x, train=train))
        return nn.Dense(4)(x.mean((-3, -2)))


# %% [markdown]
# ## Data: bright squares in one of four corners
#
# The main view is the image with a little noise. The auxiliary view is much noisier, and half of the time its contrast
# is inverted. Use any augmentation of your own instead.


# %%
def make_images(draws: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns (count, 16, 16, 3) images and their labels, 0 to 3."""
    labels = draws.integers(0, 4, count)
    images = np.zeros((count, 16, 16, 3), np.float32)
    for image, label in zip(images, labels, strict=True):
        top, left = 8 * (label // 2) + draws.integers(0, 4), 8 * (label % 2) + draws.integers(0, 4)
        image[top : top + 4, left : left + 4] = draws.uniform(0.5, 1, 3)
    return images, labels


def make_views(draws: np.random.Generator, images: np.ndarray) -> np.ndarray:
    """(N, H, W, 3) -> (N, 2, H, W, 3): main and aux."""
    main = images + draws.normal(0, 0.1, images.shape)
    sign = draws.choice([-1.0, 1.0], (len(images), 1, 1, 1))
    return np.stack([main, sign * images + draws.normal(0, 0.5, images.shape)], axis=1).astype(np.float32)


draws = np.random.default_rng(0)
train_images, train_labels = make_images(draws, EXAMPLES)
test_images, test_labels = make_images(draws, 512)

shown = make_views(np.random.default_rng(2), train_images[:8])
figure, rows = plt.subplots(2, 8, figsize=(8, 2.4), layout="constrained")
for k, name in enumerate(("main", "aux")):
    for axis, image in zip(rows[k], shown[:, k], strict=True):
        axis.imshow(np.clip((image + 1) / 2, 0, 1))
        axis.set(xticks=[], yticks=[])
    rows[k, 0].set_ylabel(name)
plt.show()

# %% [markdown]
# ## Training
#
# An ordinary Flax training loop. The loss is the mean over both views. `batch_stats` have the shape `(K, C)`: one row
# per branch, updated from its own view only.

# %%
model, optimiser = Split(), optax.sgd(0.1, momentum=0.9)
variables = model.init(jax.random.key(0), jnp.zeros((1, 2, 16, 16, 3)), train=False)
params, batch_stats = variables["params"], variables["batch_stats"]
opt_state = optimiser.init(params)


@jax.jit
def step(
    params: Any, batch_stats: Any, opt_state: Any, views: jax.Array, labels: jax.Array
) -> tuple[Any, Any, Any, jax.Array]:
    """One step of gradient descent on views (N, K, H, W, 3) with labels (N,)."""

    def loss_of(params: Any) -> tuple[jax.Array, Any]:
        logits, updated = model.apply(
            {"params": params, "batch_stats": batch_stats}, views, train=True, mutable="batch_stats"
        )
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels[:, None])
        return losses.mean(), updated["batch_stats"]

    (loss, new_stats), grads = jax.value_and_grad(loss_of, has_aux=True)(params)
    updates, opt_state = optimiser.update(grads, opt_state)
    return optax.apply_updates(params, updates), new_stats, opt_state, loss


for number in range(STEPS):
    chosen = draws.integers(0, EXAMPLES, 64)
    batch = make_views(draws, train_images[chosen])
    params, batch_stats, opt_state, loss = step(params, batch_stats, opt_state, batch, train_labels[chosen])
    if number % 50 == 0 or number == STEPS - 1:
        print(f"step {number:3}  loss {loss:.3f}")
variables = {"params": params, "batch_stats": batch_stats}

# %% [markdown]
# ## The branches' statistics
#
# Every point is a channel of the first BatchNorm. On the line, both branches would have the same statistics, and one
# BatchNorm would be enough; the distance from the line shows how much the two views differ.

# %%
first = batch_stats["BranchNorm_0"]
figure, axes = plt.subplots(1, 2, figsize=(8, 3.6), layout="constrained")
for axis, name, values in ((axes[0], "mean", first["mean"]), (axes[1], "standard deviation", np.sqrt(first["var"]))):
    ends = [float(values.min()), float(values.max())]
    axis.plot(ends, ends, color="0.6", linewidth=1)
    axis.scatter(values[0], values[1])
    axis.set(title=f"running {name}", xlabel="main", ylabel="aux")
plt.show()

# %% [markdown]
# ## Evaluation under every branch
#
# `spread` repeats each image for every branch, so that one pass computes the logits of all branches: `logits[:, k]`.
# The mixed prediction is the mean of their probabilities.

# %%
for title, images in {
    "clean": test_images,
    "noisy": make_views(np.random.default_rng(1), test_images)[:, 1],
}.items():
    probabilities = jax.nn.softmax(model.apply(variables, spread(jnp.asarray(images), 2), train=False))
    for name, predicted in {
        "main": probabilities[:, 0],
        "aux": probabilities[:, 1],
        "mean of both": probabilities.mean(1),
    }.items():
        print(f"{title}: {name:14} {np.mean(predicted.argmax(-1) == test_labels):.3f}")

# %% [markdown]
# ## One branch alone
#
# `select_branch` takes one row of every `(K, C)` variable: the variables of a network with one branch, at no extra
# cost. `to_batch_norm` converts them further, to the network with Flax's own BatchNorm, for serving or for code
# without branches.

# %%
main = select_branch(variables, 0)
logits = model.apply(variables, spread(jnp.asarray(test_images), 2), train=False)[:, 0]
alone = Split(branches=1).apply(main, test_images[:, None], train=False)[:, 0]
plain_shapes = jax.eval_shape(lambda: Plain().init(jax.random.key(0), test_images, train=False))
exported = to_batch_norm(variables, 0, like=plain_shapes)
plain_logits = Plain().apply(exported, test_images, train=False)
print("largest difference to branch 0 within the network of two:")
print(f"  select_branch {jnp.abs(alone - logits).max():.1e}   to_batch_norm {jnp.abs(plain_logits - logits).max():.1e}")
assert np.allclose(alone, logits, atol=1e-3)
assert np.allclose(plain_logits, logits, atol=1e-3)

# %% [markdown]
# ## From a checkpoint of the plain network
#
# The other direction: every branch starts from the BatchNorm of a network that was trained without branches. `like` has
# the variables to load into; their shapes are enough.

# %%
split_shapes = jax.eval_shape(lambda: model.init(jax.random.key(0), jnp.zeros((1, 2, 16, 16, 3)), train=False))
loaded = from_batch_norm(exported, like=split_shapes)
both = model.apply(loaded, spread(jnp.asarray(test_images), 2), train=False)
print("the branches of the loaded network differ by", float(jnp.abs(both[:, 0] - both[:, 1]).max()))
assert np.allclose(both[:, 0], plain_logits, atol=1e-3)

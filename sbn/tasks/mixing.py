"""The ops of the training step on a batch of views: new images, soft labels, and a tap into the network."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from sbn.augment import step_ops
from sbn.augment.step import mix
from sbn.augment.step.adversarial import attack
from sbn.augment.step.lighting import lighten
from sbn.models.network import Tap, no_tap
from sbn.tasks.base import Keys, StageViews

Array = jax.Array
# (the attack, key, index of the view, images (N, H, W, C), targets (N, classes)) -> images that fool the network
Attack = Callable[[step_ops.Adversarial, Array, int, Array, Array], Array]


class Mixed(NamedTuple):
    """What the ops of the step made of a batch.

    Attributes:
        images: (N, K, H, W, C).
        targets: (N, K, classes), each row adds up to 1.
        tap: mixes inside the network.
    """

    images: Array
    targets: Array
    tap: Tap


def mix_views(
    images: Array,
    targets: Array,
    *,
    views: StageViews,
    keys: Keys,
    points: Sequence[str],
    attack: Attack,
    std: Sequence[float],
    strengths: Sequence[Array | float],
) -> Mixed:
    """Runs every view's step ops, in order.

    An op's draws are addressed by its name, by how many of that name stand before it, and by its stream of draws: views
    that share a stream meet the same partners.

    Args:
        images: (N, K, H, W, C) float, normalised.
        targets: (N, classes) float; (N, K, classes) where views are of different examples.
        views: K of them, with their step ops.
        keys: gives the keys.
        points: the model's mixing points.
        attack: makes adversarial images.
        std: (C,) of the normalisation.
        strengths: of the mixing of every view, K of them.
    """
    shape = (*images.shape[:2], targets.shape[-1])
    targets = jnp.broadcast_to(targets[:, None] if targets.ndim == 2 else targets, shape)
    if not any(views.ops):
        return Mixed(images, targets, no_tap)
    hidden: dict[int, list[mix.HiddenMix]] = {}
    columns, soft = [], []
    for k, (ops, streams) in enumerate(zip(views.ops, views.draws, strict=True)):
        x, t, seen = images[:, k], targets[:, k], dict[str, int]()
        for op, stream in zip(ops, streams, strict=True):
            occurrence = seen[op.name] = seen.get(op.name, -1) + 1
            key = jax.random.fold_in(keys(f"{op.name}/{occurrence}"), stream)
            if isinstance(op, step_ops.Mixup):
                x, t = mix.mixup(op, key, x, t, strength=strengths[k])
            elif isinstance(op, step_ops.CutMix):
                x, t = mix.cutmix(op, key, x, t, strength=strengths[k])
            elif isinstance(op, step_ops.ManifoldMixup):
                drawn = mix.draw_hidden_mix(op, key, len(x), strength=strengths[k])
                hidden.setdefault(k, []).append(drawn)
                t = mix.blend(t, drawn.pairing)
            elif isinstance(op, step_ops.Adversarial):
                x = attack(op, key, k, x, t)
            elif isinstance(op, step_ops.Lighting):
                x = lighten(op, key, x, std=std)
        columns.append(x)
        soft.append(t)
    return Mixed(jnp.stack(columns, axis=1), jnp.stack(soft, axis=1), _make_tap(hidden, shape[:2], points))


def _make_tap(hidden: dict[int, list[mix.HiddenMix]], batch: tuple[int, ...], points: Sequence[str]) -> Tap:
    """A tap that mixes activations (N * K, ...), those of an example's K views one after the other."""
    if not hidden:
        return no_tap

    def tap(name: str, x: Array) -> Array:
        if name not in points:
            return x
        place, views = points.index(name), x.reshape(*batch, *x.shape[1:])
        columns = [views[:, k] for k in range(batch[1])]
        for k, mixes in hidden.items():
            for drawn in mixes:
                columns[k] = drawn.at(place, columns[k])
        return jnp.stack(columns, axis=1).reshape(x.shape)

    return tap


def make_attack(
    logits: Callable[[step_ops.Adversarial, int, Array], Array], *, mean: Sequence[float], std: Sequence[float]
) -> Attack:
    """Returns what makes adversarial images.

    Args:
        logits: (the attack, index of the view, images (N, H, W, C)) -> the attacked network's logits (N, classes).
        mean: (C,) of the normalisation.
        std: (C,) of the normalisation.
    """

    def make(op: step_ops.Adversarial, key: Array, view: int, images: Array, targets: Array) -> Array:
        start_key, target_key = jax.random.split(key)
        if op.targeted:
            wrong = jax.random.randint(target_key, targets.shape[:1], 0, targets.shape[1])
            targets = jax.nn.one_hot(wrong, targets.shape[1])

        def loss(x: Array) -> Array:
            return -(targets * jax.nn.log_softmax(logits(op, view, x))).sum()

        return attack(op, start_key, images, loss=loss, mean=mean, std=std)

    return make

"""A pipeline as a function of packed pixels and of where its random numbers are: what a jitted step calls."""

import itertools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from sbn.augment import draws, ops, size_ops
from sbn.augment.crops import CROP_OPS
from sbn.augment.device.arrays import JAX
from sbn.augment.device.augmix import Chains
from sbn.augment.device.crops import apply_crops
from sbn.augment.device.filters import apply_blur, apply_inception_crop, apply_resize, apply_resize_and_pad
from sbn.augment.device.noise import apply_gaussian, apply_patch_gaussian
from sbn.augment.device.policy import policy
from sbn.augment.pipeline import draw_addresses
from sbn.augment.size_checks import check_fits

# Policies: op -> what makes, of (op, image size), a function of (the op's draws, pixels)
_POLICIES: dict[type[ops.Op], Callable[[Any, tuple[int, int]], Callable[[jax.Array, jax.Array], jax.Array]]] = {
    ops.RandAugment: policy,
    ops.AutoAugment: policy,
    ops.TrivialAugment: policy,
    ops.AugMix: Chains,
}
# Other ops: op -> (op, its draws, pixels, image size) -> pixels
_FUNCTIONS: dict[type[ops.Op], Callable[[Any, jax.Array, jax.Array, tuple[int, int]], jax.Array]] = {
    ops.Gaussian: apply_gaussian,
    ops.PatchGaussian: apply_patch_gaussian,
    ops.Blur: apply_blur,
    ops.ResizeAndPad: apply_resize_and_pad,
    size_ops.InceptionCrop: apply_inception_crop,
    size_ops.Resize: apply_resize,
}
# One step: (its ops' draws (N, draws), pixels (N, H * W), strength) -> pixels (N, H' * W')
_Step = Callable[[jax.Array, jax.Array, Any], jax.Array]


def make_apply(
    pipeline: tuple[ops.Op, ...], *, image_size: tuple[int, int], fading: bool = False
) -> Callable[..., jax.Array]:
    """Returns `apply(pixels, *, seed, stage, epoch, ids, view, strength)` for one pipeline.

    `pixels` are (N, H, W) int32 packed words (`sbn.data.pixels.pack`), and so is the result, of the size that
    `sbn.augment.size_ops.sizes` tells. `ids` is (N,) whole numbers; seed, stage, epoch and view are ints or 0-d arrays,
    traced or not, view also a tuple of one for every op. An image's result depends on these numbers and on the image
    alone, and is the host path's: bit for bit but for the noise of `gaussian` and `patch_gaussian`, where a few values
    in a million differ by one level (of 0..255).
    Ops that run in the training step (`where` other than `'image'`) are passed over.

    Args:
        pipeline: what `sbn.augment.pipeline.parse` returns.
        image_size: (H, W), static.
        fading: whether policies leave an image alone with probability 1 - `strength`, else unused.

    Raises:
        ValueError: an op does not fit the image size.
    """
    check_fits(pipeline, image_size=image_size)
    addresses = draw_addresses(pipeline, image_size, more=1 if fading else 0)
    steps = _make_steps(pipeline, image_size, fading=fading)

    def apply(
        pixels: jax.Array, *, seed: Any, stage: Any, epoch: Any, ids: Any, view: Any, strength: Any = 1.0
    ) -> jax.Array:
        if pixels.shape[1:] != image_size or pixels.dtype != jnp.int32:
            wanted = f"int32 (N, {image_size[0]}, {image_size[1]})"
            raise ValueError(f"pixels are {pixels.dtype.name} {pixels.shape}; they must be {wanted}")
        words = jnp.reshape(pixels, (len(pixels), image_size[0] * image_size[1]))
        for places, step in steps:
            own = tuple(view[place] for place in places) if isinstance(view, tuple) else view
            address = [addresses[place] for place in places]
            bits = draws.bits_of_ops(seed, ids, stage=stage, epoch=epoch, view=own, draws=address, library=JAX)
            words = step(bits, words, strength)
        return words.reshape(len(pixels), *size_ops.sizes(pipeline, image_size)[-1])

    return apply


def _make_steps(
    pipeline: tuple[ops.Op, ...], image_size: tuple[int, int], *, fading: bool
) -> list[tuple[list[int], _Step]]:
    """The steps of a pipeline with the places of their ops in it; neighbouring `CROP_OPS` are one step."""
    along = size_ops.sizes(pipeline, image_size)
    placed = zip(pipeline, itertools.count(), along, strict=False)  # the last size is that of the result
    steps: list[tuple[list[int], _Step]] = []
    for is_crop, group in itertools.groupby(
        (item for item in placed if item[0].where == "image"), key=lambda item: isinstance(item[0], CROP_OPS)
    ):
        run = list(group)
        if is_crop:
            steps.append(([place for _, place, _ in run], _crop_step([op for op, _, _ in run], run[0][2])))
        else:
            steps.extend(([place], _step(op, size, fading=fading)) for op, place, size in run)
    return steps


def _crop_step(run: list[ops.Op], image_size: tuple[int, int]) -> _Step:
    counts = [op.draws_needed(image_size) for op in run]
    ends = list(itertools.accumulate(counts))

    def step(bits: jax.Array, words: jax.Array, strength: Any) -> jax.Array:
        drawn = [(op, bits[:, end - count : end]) for op, count, end in zip(run, counts, ends, strict=True)]
        return apply_crops(drawn, words, image_size=image_size)

    return step


def _step(op: ops.Op, image_size: tuple[int, int], *, fading: bool) -> _Step:
    own = op.draws_needed(image_size)
    if type(op) in _POLICIES:
        run_policy = _POLICIES[type(op)](op, image_size)

        def step(bits: jax.Array, words: jax.Array, strength: Any) -> jax.Array:
            changed = run_policy(bits[:, :own], words)
            return jnp.where(draws.unit(bits[:, own:], JAX) < strength, changed, words) if fading else changed

        return step
    if type(op) in _FUNCTIONS:
        function = _FUNCTIONS[type(op)]
        return lambda bits, words, strength: function(op, bits[:, :own], words, image_size)
    raise ValueError(f"op {op.name!r} has no device implementation")

"""How views go through a network of branches: in which passes, each through which branch, and what that changes."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util

from sbn.augment.step_ops import Adversarial
from sbn.models.network import STREAMS, Tap, no_tap
from sbn.nn import branches
from sbn.nn.branched import Branched
from sbn.nn.branches import Layout
from sbn.nn.layout import mode_arguments
from sbn.nn.native import Native
from sbn.tasks.base import Arrays, Keys, StageViews, Variables
from sbn.tasks.mixing import Mixed

Array = jax.Array
# The views of one pass, by index
Group = tuple[int, ...]


def forward_groups(pixels: Array | tuple[Array, ...], *, apart: bool) -> list[tuple[Group, Array]]:
    """Returns the passes of a batch, in the order of their first views.

    Args:
        pixels: (N, K, H, W), or K arrays (N, H, W) of any sizes.
        apart: make every view a pass of its own.

    Returns:
        (indices of the views, (N, views, H, W)) of every pass.
    """
    if not isinstance(pixels, tuple):
        if not apart:
            return [(tuple(range(pixels.shape[1])), pixels)]
        pixels = tuple(jnp.moveaxis(pixels, 1, 0))
    groups: dict[object, list[int]] = {}
    for k, view in enumerate(pixels):
        groups.setdefault(k if apart else view.shape, []).append(k)
    return [(tuple(indices), jnp.stack([pixels[k] for k in indices], axis=1)) for indices in groups.values()]


def in_order(found: Sequence[tuple[Group, tuple[Array, ...]]], *, axis: int) -> tuple[Array, ...]:
    """Puts what passes gave, arrays with an axis of the views of the pass, together in the order of the views."""
    if len(found) == 1:
        return found[0][1]
    order = np.argsort([k for indices, _ in found for k in indices])
    return tuple(
        jnp.take(jnp.concatenate(parts, axis=axis), order, axis=axis)
        for parts in zip(*(arrays for _, arrays in found), strict=True)
    )


def layout(model: Branched, image_size: tuple[int, int]) -> Layout:
    """The leaves of the variables of a network on images of this size that have a K axis."""
    views = (1,) * isinstance(model, Native)
    return model.layout(jax.ShapeDtypeStruct((1, *views, *image_size, 3), jnp.float32))


def forward(
    model: Branched,
    variables: Variables,
    batch: Mixed,
    views: StageViews,
    *,
    shared: bool,
    keys: Keys | None,
    numbers: Arrays | None = None,
) -> tuple[tuple[Array, ...], Any]:
    """Sends the views of one pass through the network.

    Args:
        model: with its branches.
        variables: of all branches.
        batch: the views.
        views: what they are; each goes through its own branch.
        shared: instead all views go through the only branch, as one batch.
        keys: of what the network draws in training mode; None: evaluation mode.
        numbers: of the step; a network whose call takes `progress` is given the share of the stage's epochs done.

    Returns:
        logits (N, K, classes), of a network with auxiliary heads in training mode theirs after them; and the
        statistics of all branches: new in training mode.
    """
    images, through = batch.images, views.branches
    if shared:  # statistics groups hold the same examples as without folding
        images, through = branches.fold(images), (0,)
        if group := getattr(model.network, "group_size", None):
            model = model.clone(network=model.network.clone(group_size=group * len(views.names)))
    rngs = {} if keys is None else {stream: keys(stream) for stream in STREAMS}
    outputs, updates = model.apply(
        variables,
        images,
        train=keys is not None,
        through=through,
        mutable=["batch_stats"],
        rngs=rngs,
        **_taps(batch.tap),
        **_progress(model, numbers or {}),
    )
    shape = batch.images.shape[:2]
    return tuple(logits.reshape(*shape, -1) for logits in heads(outputs)), updates.get("batch_stats", {})


def heads(outputs: Any) -> tuple[Array, ...]:
    """Returns the logits of a network, and after them those of the auxiliary heads that it has in training."""
    return tuple(outputs) if isinstance(outputs, tuple | list) else (outputs,)


def _progress(model: Branched, numbers: Arrays) -> dict[str, Array]:
    """What of the stage's epochs is done, for networks that ask for it: it changes from one epoch to the next."""
    if "epochs" not in numbers or "progress" not in inspect.signature(type(model.network).__call__).parameters:
        return {}
    return {"progress": numbers["epoch"] / numbers["epochs"]}


def one_branch(
    model: Branched, variables: Variables, images: Array, branch: int, *, tap: Tap = no_tap, keys: Keys | None = None
) -> Array:
    """Logits (N, classes) of images (N, H, W, 3) by one branch, whose statistics stay as they are.

    Args:
        model: with its branches.
        variables: of all branches.
        images: normalised.
        branch: its index.
        tap: into the network.
        keys: of what the network draws in training mode, with the statistics of the batch; None: evaluation mode.
    """
    rngs = {} if keys is None else {stream: keys(stream) for stream in STREAMS}
    outputs, _ = model.apply(
        variables,
        images[:, None],
        train=keys is not None,
        through=(branch,),
        mutable=["batch_stats"],
        rngs=rngs,
        **_taps(tap),
    )
    return heads(outputs)[0][:, 0]


def all_branches(model: Branched, variables: Variables, images: Array, *, tap: Tap = no_tap) -> Array:
    """Logits (N, K, classes) of the same images (N, H, W, 3) by every branch, in evaluation mode."""
    logits = [one_branch(model, variables, images, branch, tap=tap) for branch in range(model.branches)]
    return jnp.stack(logits, axis=1)


def layers(model: Branched, variables: Variables, images: Array) -> dict[str, Array]:
    """What every named layer gives for the same images (N, H, W, 3) in every branch, in evaluation mode.

    Returns:
        by name, as in 'group1_block1/norm1', in the order of the forward pass, (N, K, ...). Layers that give anything
        but one array per example are left out.
    """
    found: dict[str, list[Array]] = {}
    own_axes = model.layout(images)
    for branch in range(model.branches):
        own = branches.plain_branch(variables, branch, layout=own_axes)
        modes = mode_arguments(model.network, train=False)
        _, state = model.network.apply(own, images, **modes, capture_intermediates=True)
        for name, outputs in traverse_util.flatten_dict(state["intermediates"], sep="/").items():
            if isinstance(outputs[0], Array) and outputs[0].shape[:1] == images.shape[:1]:
                found.setdefault(name.removesuffix("/__call__"), []).append(outputs[0])
    return {name: jnp.stack(parts, axis=1) for name, parts in found.items()}


def _taps(tap: Tap) -> dict[str, Tap]:
    """The tap as an argument, for networks that know what one is."""
    return {} if tap is no_tap else {"tap": tap}


def attacked(
    model: Branched, variables: Variables, views: StageViews, *, branches: Sequence[str], keys: Keys
) -> Callable[[Adversarial, int, Array], Array]:
    """Returns the logits of the network that an attack on a view is made against: of one branch, left as it is.

    Args:
        model: with its branches.
        variables: of all branches.
        views: of the stage.
        branches: their names.
        keys: of what the network draws in training mode.
    """
    fixed = jax.lax.stop_gradient(variables)

    def logits(op: Adversarial, view: int, images: Array) -> Array:
        own = views.branches[view] if op.branch == "own" else branches.index(op.branch)

        def drawn(stream: str) -> Array:
            return jax.random.fold_in(keys(stream), 1)

        return one_branch(model, fixed, images, own, keys=drawn if op.statistics == "batch" else None)

    return logits


def strengths(numbers: Arrays, views: StageViews) -> Any:
    """Returns what is left of each view's mixing at this step, K of them."""
    return numbers["strength"] if "strength" in numbers else [1.0] * len(views.names)


def keys_of_pass(number: int, keys: Keys) -> Keys:
    """Returns the keys of a pass through the network: those of the step, and others for every further pass."""
    return keys if number == 0 else lambda stream: jax.random.fold_in(keys(stream), number)

"""Batches and losses as tests of tasks write them."""

import jax

from sbn.data.examples import Feature
from sbn.tasks.base import TaskData


def batch_of(image, label):
    """A batch of images, packed, and their labels."""
    return {"inputs": {"image": image}, "targets": {"label": label}}


def averaged(loss):
    """(mean loss, (new statistics, {name: mean})) of a `Loss`, as `jax.grad` takes it."""
    means = {name: total / weight for name, (total, weight) in loss.metrics.items()}
    return loss.sum / loss.weight, (loss.batch_stats, jax.tree.map(jax.numpy.asarray, means))


def described(*, classes=10, size=(16, 16)):
    """What a task is told of images of one size and their labels."""
    features = {"image": Feature("image", (*size, 3)), "label": Feature("label", (), tuple(map(str, range(classes))))}
    return TaskData(features)

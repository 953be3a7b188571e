"""A task on sequences in two buckets, its data and an op for them, with their experiments, as a user would write them.

Which of the letters 1 and 2 stands in a sequence more often? A view may see every letter twice.
"""

import dataclasses
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from sbn.augment.op import OwnOp, number
from sbn.config.rows import Row, Table, make_config
from sbn.config.tree import branch_names
from sbn.data.batching import Buckets
from sbn.data.examples import Feature, InMemory, in_memory
from sbn.metrics import sums
from sbn.nn.branched import branched
from sbn.tasks.base import Loss


class Letters(InMemory):
    """Examples that say which of them make a batch: those of about one length."""

    def batching(self, config, *, multiple):
        lengths = self.arrays["letters"].lengths
        return Buckets(lengths, (4, 8), features=["letters"], batch_size=config.batch_size, multiple=multiple)


def letters(split, count=80, bucketed=True, longest=8):
    rng = np.random.default_rng(split == "test")
    made = []
    while len(made) < count:
        own = rng.integers(1, 6, rng.integers(2, longest + 1))
        if (own == 1).sum() != (own == 2).sum():
            made.append(own)
    label = [int((own == 1).sum() > (own == 2).sum()) for own in made]
    found = in_memory(
        {"letters": made, "label": label},
        name="letters",
        classes=["two", "one"],
        features={"letters": Feature("tokens")},
    )
    return Letters(found.arrays, found.features) if bucketed else found


@dataclasses.dataclass(frozen=True)
class Twice(OwnOp):
    """Every letter so many times, and with a chance the whole backwards, which a bag of letters does not see."""

    inputs = "tokens"
    times: int = number(low=1, high=9, default=2)

    def draws_needed(self, shape):
        return 1

    def host(self, tokens, draws):
        every = np.repeat(tokens, self.times, axis=1)
        return np.where(draws % 2 == 0, every, every[:, ::-1])

    def device(self, tokens, draws):
        every = jnp.repeat(tokens, self.times, axis=1)
        return jnp.where(draws % 2 == 0, every, every[:, ::-1])


class Network(nn.Module):
    """(N, L) int32, 0 where nothing stands, to (N, 2)."""

    @nn.compact
    def __call__(self, tokens):
        x = nn.LayerNorm()(nn.Embed(6, 8)(tokens))
        there = (tokens > 0)[..., None]
        return nn.Dense(2)((x * there).sum(axis=1) / there.sum(axis=1))


@dataclasses.dataclass(frozen=True)
class Majority:
    network: Any
    branches: tuple[str, ...]
    targets: tuple[str, ...] = ("label",)

    def for_stage(self, config):
        return self

    def check_views(self, views):
        pass

    def init(self, key):
        return {
            **self.network.init(key, jnp.ones((1, len(self.branches), 4), jnp.int32), train=False),
            "batch_stats": {},
        }

    def loss(self, variables, batch, *, views, numbers, keys):
        logits = self.network.apply(variables, batch["inputs"]["letters"], train=True, through=views.branches)
        if isinstance(logits, tuple):  # views that differ in length
            logits = jnp.stack(logits, axis=1)
        label = batch["targets"]["label"][:, None]
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, label).sum(axis=0)  # (K,)
        total, weight = (losses * jnp.asarray(views.weights)).sum(), float(len(logits))
        return Loss(total, weight, {}, {"loss": (total, weight)})

    def outputs(self, variables, inputs):
        every = jnp.repeat(inputs["letters"][:, None], len(self.branches), axis=1)
        return self.network.apply(variables, every, train=False)

    def metrics(self):
        return {"right": Right(self.branches)}


@dataclasses.dataclass(frozen=True)
class Right:
    branches: tuple[str, ...]

    def init(self):
        return {"right": sums.zero((len(self.branches),)), "count": jnp.zeros((), jnp.int32)}

    def update(self, state, outputs, targets, valid):
        right = (outputs.argmax(axis=-1) == targets["label"][:, None]) & valid[:, None]
        return {
            "right": sums.add(state["right"], right.sum(axis=0).astype(jnp.float32)),
            "count": state["count"] + valid.sum(dtype=jnp.int32),
        }

    def merge(self, a, b):
        return {"right": sums.add(a["right"], b["right"]), "count": a["count"] + b["count"]}

    def compute(self, state):
        state = jax.device_get(state)
        shares = sums.read(state["right"]) / state["count"]
        found = {f"{name}/right": float(share) for name, share in zip(self.branches, shares, strict=True)}
        return {**found, "examples": float(state["count"])}


def make_majority(config, data):
    names = branch_names(config)
    return Majority(branched(Network(), branches=len(names)), names)


class Confidence:
    """How sure the branches are of the first examples."""

    def __init__(self, materials):
        self.predict = materials.predict
        self.some = {"letters": materials.test.load(np.arange(5))["letters"]}

    def __call__(self, variables):
        logits = self.predict(variables, self.some)  # (5, K, 2)
        yield "test/confidence", float(np.abs(logits[..., 1] - logits[..., 0]).mean())


BASE = {
    "task": "sequences:make_majority",
    "data.name": "sequences:letters",
    "branches": ("main", "aux"),
    "views.main.augment": "",
    "views.aux.augment": "sequences:Twice(2)",
    "batch_size": 8,
    "duration": "6 epochs",
    "optim.lr": 0.2,
    "optim.weight_decay": 0.0,
    "eval.evals": ("metrics", "sequences:Confidence"),
    "save.every": "1 epoch",
    "log.every": "1 epoch",
    "log.tensorboard": False,
}
TABLES = {"letters": Table("Letters", {"two": Row({})})}


def get_config(arg=""):
    return make_config(BASE, TABLES, arg)

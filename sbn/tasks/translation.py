"""Translation, one set of LayerNorm scales and biases for each view (Zhou et al. 2019, section 4.4).

A view is a sentence as it is, or stretched to another length; what it means stays the same, and so does the target.
"""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from sbn.config import tree
from sbn.config.errors import ConfigError
from sbn.data.batching import Buckets
from sbn.data.examples import Examples
from sbn.data.tokens import PADDING
from sbn.data.vocabulary import END
from sbn.metrics.perplexity import Perplexity
from sbn.models.make import PRECISIONS
from sbn.models.transformer import Transformer
from sbn.nn.branched import Branched
from sbn.nn.branches import Layout
from sbn.nn.pass_by_pass import pass_by_pass
from sbn.tasks import passes
from sbn.tasks.base import Arrays, Keys, Loss, StageViews, TaskData, Variables

Array = jax.Array
SOURCE, TARGET = "source", "target"
_SHORTEST = 8  # width of the first bucket
_TRIED = 8  # tokens of a sentence that shapes are found with


@dataclasses.dataclass(frozen=True)
class Translation:
    """Predicts the next token of the target from the source and the tokens before it.

    Attributes:
        model: a `Transformer` with its branches.
        branches: names of the K branches.
        shared: whether all views go through the model's single branch.
        label_smoothing: share of every token's label spread evenly over the vocabulary.
        targets: the features that are predicted.
        inputs: those that the network is given.
    """

    model: Branched
    branches: tuple[str, ...]
    shared: bool
    label_smoothing: float = 0.0
    targets: tuple[str, ...] = (TARGET,)
    inputs: tuple[str, ...] = (SOURCE, TARGET)

    @property
    def layout(self) -> Layout:
        """The leaves of the variables that have a K axis."""
        tokens = jax.ShapeDtypeStruct((1, _TRIED), jnp.int32)
        return self.model.layout(tokens, tokens)

    def for_stage(self, config: ConfigDict) -> "Translation":
        """Returns the task as a stage trains it."""
        network = self.model.network.clone(**_shares(config))
        return dataclasses.replace(
            self, model=self.model.clone(network=network), label_smoothing=config.loss.label_smoothing
        )

    def check_views(self, views: StageViews) -> None:
        """Raises a `ConfigError` if a view has an op of the training step: those are for images."""
        for name, ops in zip(views.names, views.ops, strict=True):
            if ops:
                raise ConfigError(f"views.{name}.augment: {ops[0].name} works on images, and the views are sentences")

    def batching(self, examples: Examples, config: ConfigDict, *, multiple: int) -> Buckets | None:
        """Returns batches of `batch_tokens` tokens, of pairs whose longer side is of about one length."""
        if config.batch_tokens is None:
            return None
        lengths = np.maximum(lengths_of(examples, SOURCE), lengths_of(examples, TARGET))
        tokens = int(config.batch_tokens)
        longest = int(lengths.max(initial=1))
        widest = max((longest, *config.translation.buckets))
        if tokens // widest < multiple:
            which = "the longest length" if widest == longest else "the last of translation.buckets"
            raise ConfigError(
                f"batch_tokens = {tokens} is too small for {multiple} sentence{'s' * (multiple > 1)} of {which}, "
                f"{widest} tokens"
            )
        widths = config.translation.buckets or bucket_widths(lengths, tokens=tokens, multiple=multiple)
        if longest > widths[-1]:
            widths = (*widths, longest)
        return Buckets(lengths, widths, features=(SOURCE, TARGET), tokens=tokens, multiple=multiple)

    def init(self, key: Array) -> Variables:
        """Returns fresh variables; there are no running statistics."""
        tokens = jnp.ones((1, 1, _TRIED), jnp.int32)
        found = self.model.init(key, tokens, tokens, train=False, through=(0,))
        return {"params": found["params"], "batch_stats": {}}

    def loss(self, variables: Variables, batch: Arrays, *, views: StageViews, numbers: Arrays, keys: Keys) -> Loss:
        """Returns the loss of a batch: sums over target tokens, which are what the batch weighs.

        A token's loss has its label smoothed to (1 - e) onehot + e / V, V the size of the vocabulary (fairseq until
        2020). So parts of a batch with more tokens weigh more, and all together come to the loss of the whole batch.

        Args:
            variables: of the model, all branches.
            batch: 'source' (N, K, S) int32, or K arrays (N, S_k) where views differ in length; 'target' (N, T).
            views: the stage's views; they go through the network one after the other.
            numbers: of the step.
            keys: gives the keys of dropout.
        """
        source, truth = batch["inputs"][SOURCE], batch["targets"][TARGET]
        apart = source if isinstance(source, tuple) else tuple(source[:, k] for k in range(source.shape[1]))
        seen = shifted(truth)
        weights = jnp.asarray(views.weights)

        def one(view: int, params: Any, carried: Any) -> tuple[Array, tuple[Any, Any]]:
            found = self.model.apply(
                {"params": params},
                *(tokens[:, None] for tokens in (apart[view], seen, truth)),
                train=True,
                through=(0,) if self.shared else (views.branches[view],),
                label_smoothing=self.label_smoothing,
                rngs={"dropout": passes.keys_of_pass(view, keys)("dropout")},
            )
            smoothed = found.smoothed.sum()
            return weights[view] * smoothed, (carried, {"loss": smoothed, "nll": found.nll.sum()})

        ways = [functools.partial(one, view) for view in range(len(apart))]
        total, (_, parts) = pass_by_pass(ways, variables["params"], {})
        tokens = (truth != PADDING).sum().astype(jnp.float32)
        named = {f"{name}/{what}": own[what] for name, own in zip(views.names, parts, strict=True) for what in own}
        return Loss(total, tokens, {}, {name: (value, tokens) for name, value in {"loss": total, **named}.items()})

    def outputs(self, variables: Variables, inputs: Arrays) -> Array:
        """Returns the negative log-probability of every sentence's target in every branch, (N, K) float32.

        Args:
            variables: of the model.
            inputs: 'source' (N, S) and 'target' (N, T), int32.
        """
        truth = inputs[TARGET]
        arguments = [tokens[:, None] for tokens in (inputs[SOURCE], shifted(truth), truth)]

        def one(branch: int) -> Array:
            nll: Array = self.model.apply(
                {"params": variables["params"]}, *arguments, train=False, through=(branch,)
            ).nll
            return nll

        return jnp.concatenate([one(branch) for branch in range(self.model.branches)], axis=1)

    def metrics(self) -> dict[str, Perplexity]:
        """Returns loss and perplexity of every branch."""
        return {"perplexity": Perplexity(self.branches, TARGET)}


def shifted(target: Array) -> Array:
    """Returns what a decoder has seen before every token of a target (N, T): the end of a sentence, then the tokens."""
    before = jnp.pad(target[:, :-1], ((0, 0), (1, 0)), constant_values=END)
    return jnp.where(target != PADDING, before, PADDING)


def lengths_of(examples: Examples, name: str) -> np.ndarray:
    """Returns the number of tokens of every example's feature, (M,)."""
    tokens = getattr(examples, "arrays", {}).get(name)
    if tokens is not None:
        lengths: np.ndarray = tokens.lengths
        return lengths
    parts = [examples.load(np.arange(at, min(at + 1000, len(examples))))[name] for at in range(0, len(examples), 1000)]
    return np.concatenate([(np.asarray(part) != PADDING).sum(axis=1) for part in parts])


def bucket_widths(lengths: np.ndarray, *, tokens: int, multiple: int) -> tuple[int, ...]:
    """Returns lengths that batches are filled up to, each about a quarter more than the one before.

    A bucket that has less than a batch of examples is put together with the next longer one, or at the end with the
    next shorter ones: what fills no batch of its bucket would never be trained on.

    Args:
        lengths: (M,) of the examples.
        tokens: of a batch.
        multiple: of examples that batches hold.
    """
    longest = int(lengths.max(initial=1))
    widths = [_SHORTEST]
    while widths[-1] < longest:
        widths.append(-(-widths[-1] * 5 // 16) * 4)
    widths[-1] = max(longest, 1) if len(widths) > 1 else widths[-1]

    def full(lower: int, upper: int) -> bool:
        size = tokens // upper // multiple * multiple
        return int(((lengths > lower) & (lengths <= upper)).sum()) >= max(size, 1)

    found: list[int] = []
    for width in widths:
        if full(found[-1] if found else 0, width):
            found.append(width)
    while found and found[-1] != widths[-1]:  # the longest fill no batch by themselves
        found.pop()
        if full(found[-1] if found else 0, widths[-1]):
            found.append(widths[-1])
    return tuple(found) or (widths[-1],)


def _shares(config: ConfigDict) -> dict[str, float]:
    """What is dropped in training."""
    return {
        "dropout": config.translation.dropout,
        "attention_dropout": config.translation.attention_dropout,
        "activation_dropout": config.translation.activation_dropout,
    }


def make_translation(config: ConfigDict, data: TaskData) -> Translation:
    """Returns the task that `config` describes, for pairs of 'source' and 'target' of one vocabulary.

    Raises:
        ConfigError: if the examples are no such pairs.
    """
    kinds = {name: feature.kind for name, feature in data.features.items()}
    if kinds.get(SOURCE) != "tokens" or kinds.get(TARGET) != "tokens":
        has = ", ".join(f"{name} ({kind})" for name, kind in kinds.items())
        raise ConfigError(f"task = 'translation' needs examples with tokens 'source' and 'target'; they have {has}")
    pieces = data.features[TARGET].classes
    if not pieces or pieces != data.features[SOURCE].classes:
        raise ConfigError("task = 'translation' needs one vocabulary of both sides: Feature('tokens', classes=PIECES)")
    names = tree.branch_names(config)
    network = Transformer(
        vocabulary=len(pieces),
        layers=config.translation.layers,
        width=config.translation.width,
        heads=config.translation.heads,
        hidden=config.translation.hidden,
        epsilon=config.norm.epsilon,
        eos=END,
        dtype=PRECISIONS[config.precision],
        remat=config.model.remat,
        **_shares(config),
    )
    return Translation(Branched(network, len(names)), names, config.norm.kind == "shared", config.loss.label_smoothing)

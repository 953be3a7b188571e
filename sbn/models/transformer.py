"""The Transformer that translates (Vaswani et al. 2017), in the form of fairseq's `transformer_vaswani_wmt_en_de_big`.

Sublayers are normalised after the sum, LN(x + Dropout(f(x))), and nothing is normalised at the end. One matrix embeds
source and target and makes the logits. Ott et al. 2018 and *Consistent Normalization* (Table 7) train this network.
"""

import math
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from sbn.nn.attention import CrossAttention, Memory, SelfAttention
from sbn.nn.norms import NormLayer, make_norm
from sbn.nn.token_loss import TokenLoss, token_loss

Array = jax.Array
_FIRST = 2  # position of the first token in fairseq's table, for weights from there; learning does not see it


def sinusoids(length: int, width: int) -> np.ndarray:
    """Returns the positions' table (length, width) float32: sines, then cosines, as tensor2tensor and fairseq.

    Frequencies fall from 1 to 1e-4 over width / 2 steps. The last column of an odd width is 0.
    """
    half = width // 2
    rates = np.exp(-np.arange(half) * (math.log(1e4) / max(half - 1, 1)))
    angles = np.arange(_FIRST, _FIRST + length)[:, None] * rates
    table = np.concatenate([np.sin(angles), np.cos(angles), np.zeros((length, width % 2))], axis=1)
    return table.astype(np.float32)


class Sublayers(nn.Module):
    """What the layers of encoder and decoder have in common; `Transformer` explains the fields."""

    width: int
    heads: int
    hidden: int
    dropout: float
    attention_dropout: float
    activation_dropout: float
    norm_layer: NormLayer
    dtype: Any

    def setup(self) -> None:  # noqa: D102
        attention = (self.width, self.heads, self.attention_dropout, self.dtype)
        self.self_attention = SelfAttention(*attention)
        if isinstance(self, DecoderLayer):
            self.cross_attention = CrossAttention(*attention)
        start = nn.initializers.xavier_uniform()
        self.widen = nn.Dense(self.hidden, dtype=self.dtype, kernel_init=start)
        self.narrow = nn.Dense(self.width, dtype=self.dtype, kernel_init=start)
        self.drop, self.drop_hidden = nn.Dropout(self.dropout), nn.Dropout(self.activation_dropout)

    def feed_forward(self, x: Array, *, train: bool) -> Array:
        """Two dense layers with a ReLU between them, at every position."""
        return self.narrow(self.drop_hidden(nn.relu(self.widen(x)), deterministic=not train))

    def added(self, x: Array, found: Array, name: str, *, train: bool) -> Array:
        """The sum of a sublayer's input and what it found, normalised."""
        return self.norm_layer(x + self.drop(found, deterministic=not train), train=train, name=name)


class EncoderLayer(Sublayers):
    """Self-attention and a feed-forward network."""

    @nn.compact
    def __call__(self, x: Array, there: Array, *, train: bool) -> Array:
        """(N, S, C) -> (N, S, C); `there` (N, S) says which positions are no padding."""
        found = self.self_attention(x, there[:, None, None], there=there, train=train)
        x = self.added(x, found, "attention_norm", train=train)
        return self.added(x, self.feed_forward(x, train=train), "feed_forward_norm", train=train)


class DecoderLayer(Sublayers):
    """Self-attention to what came before, attention to the source, and a feed-forward network."""

    @nn.compact
    def __call__(
        self,
        x: Array,
        memory: Memory,
        there: Array,
        *,
        train: bool,
        cache: Memory | None = None,
        position: Array | int = 0,
    ) -> tuple[Array, Memory | None]:
        """One layer of all positions at once, or, with a cache, of one position of several beams.

        Args:
            x: (N, T, C) of T positions, or (N, B, C) of B beams.
            memory: keys and values of the source, as `memory` returns them.
            there: (N, S) bool, where the source is no padding.
            train: training mode.
            cache: keys and values (N, B, T, heads, size) of the positions before this one.
            position: the number of this one.

        Returns:
            as `x`, and the cache with this position.
        """
        if cache is None:
            causal = jnp.tril(jnp.ones((x.shape[1],) * 2, bool))
            found = self.self_attention(x, causal, train=train)
        else:
            found, cache = self.self_attention.step(x, cache, jnp.asarray(position))
        x = self.added(x, found, "attention_norm", train=train)
        x = self.added(x, self.cross_attention(x, memory, there, train=train), "source_norm", train=train)
        return self.added(x, self.feed_forward(x, train=train), "feed_forward_norm", train=train), cache

    def memory(self, encoded: Array, there: Array) -> Memory:
        """Returns the keys and values of the encoded source (N, S, C), each (N, S, heads, size)."""
        return self.cross_attention.memory(encoded, there)


class Transformer(nn.Module):
    """A network from source and what stands before every target token to logits of that token.

    Tokens are int32, 0 is padding. The target begins with the end of a sentence, as in fairseq: `(eos, t1, ..., tn)`
    goes in and `(t1, ..., tn, eos)` is what follows. Padding may stand at the end of both, and changes nothing else.

    Attributes:
        vocabulary: V, the number of tokens, padding included.
        layers: of the encoder, and as many of the decoder.
        width: C, of activations and embeddings.
        heads: of every attention; they divide `width`.
        hidden: width of the feed-forward networks inside.
        dropout: share of embeddings and of what sublayers find that is dropped in training.
        attention_dropout: share of the attention's weights.
        activation_dropout: share of the activations inside of feed-forward networks.
        epsilon: added to variances.
        eos: the token that ends a sentence.
        dtype: of products and activations (float32, bfloat16). Parameters, softmax, normalisation and logits: float32.
        remat: a training pass keeps what goes into each layer, and its gradient computes the rest again.
        norm_layer: applies the normalisation layers; None: LayerNorm with `epsilon`.
    """

    vocabulary: int
    layers: int = 6
    width: int = 512
    heads: int = 8
    hidden: int = 2048
    dropout: float = 0.0
    attention_dropout: float = 0.0
    activation_dropout: float = 0.0
    epsilon: float = 1e-5
    eos: int = 1
    dtype: Any = jnp.float32
    remat: bool = False
    norm_layer: NormLayer | None = None

    def setup(self) -> None:  # noqa: D102
        if self.width % self.heads:
            raise ValueError(f"heads {self.heads} do not divide the width {self.width}")
        norm = self.norm_layer or make_norm("layer", epsilon=self.epsilon, dtype=self.dtype)
        shares = (self.dropout, self.attention_dropout, self.activation_dropout)
        fields = (self.width, self.heads, self.hidden, *shares, norm, self.dtype)
        self.table = self.param("embedding", _embeddings, (self.vocabulary, self.width))
        self.encoder = [EncoderLayer(*fields) for _ in range(self.layers)]
        self.decoder = [DecoderLayer(*fields) for _ in range(self.layers)]
        self.drop = nn.Dropout(self.dropout)

    def __call__(
        self, source: Array, target_in: Array, truth: Array | None = None, *, train: bool, label_smoothing: float = 0.0
    ) -> Array | TokenLoss:
        """Returns the logits of the tokens that follow, or, where these are given, their loss.

        Args:
            source: (N, S) int32.
            target_in: (N, T) int32, from the end of sentence on that begins it.
            truth: (N, T) int32, what follows each of its tokens. The logits, the largest array of a step, are then
                never all in memory.
            train: training mode, which draws from the stream 'dropout'.
            label_smoothing: of the loss.

        Returns:
            (N, T, V) float32, or the loss.
        """
        x = self.decode(self.encode(source, train=train), source, target_in, train=train)
        if truth is None:
            return self.logits(x)
        return token_loss(x, self.table, truth, label_smoothing=label_smoothing)

    def encode(self, source: Array, *, train: bool = False) -> Array:
        """Returns the encoded source, (N, S, C) of `dtype`."""
        return self.encode_embedded(self.embed(source, train=train), source > 0, train=train)

    def encode_embedded(self, x: Array, there: Array, *, train: bool = False) -> Array:
        """Returns the encoded source of embeddings (N, S, C), `there` (N, S) where they are no padding."""

        def run(layer: EncoderLayer, x: Array) -> Array:
            return layer(x, there, train=train)

        for layer in self.encoder:
            x = self._kept(run, train=train)(layer, x)
        return x

    def decode(self, encoded: Array, source: Array, target_in: Array, *, train: bool = False) -> Array:
        """Returns the activations (N, T, C) that logits are made of, for a source that `encode` encoded."""
        return self.decode_embedded(encoded, source > 0, self.embed(target_in, train=train), train=train)

    def decode_embedded(self, encoded: Array, there: Array, x: Array, *, train: bool = False) -> Array:
        """Returns the activations (N, T, C) of embeddings (N, T, C); `there` (N, S): the source is no padding."""

        def run(layer: DecoderLayer, x: Array, encoded: Array) -> Array:
            return layer(x, layer.memory(encoded, there), there, train=train)[0]

        for layer in self.decoder:
            x = self._kept(run, train=train)(layer, x, encoded)
        return x

    def memory(self, encoded: Array, source: Array) -> tuple[Memory, ...]:
        """Returns the keys and values of the encoded source (N, S, C) for every layer of the decoder."""
        return tuple(layer.memory(encoded, source > 0) for layer in self.decoder)

    def empty_cache(self, examples: int, beams: int, length: int) -> tuple[Memory, ...]:
        """Returns the cache of `step` at position 0, for T = `length` of them: (N, B, T, heads, size) twice a layer."""
        shape = (examples, beams, length, self.heads, self.width // self.heads)
        return tuple((jnp.zeros(shape, self.dtype), jnp.zeros(shape, self.dtype)) for _ in range(self.layers))

    def step(
        self, tokens: Array, position: Array, memory: tuple[Memory, ...], source: Array, cache: tuple[Memory, ...]
    ) -> tuple[Array, tuple[Memory, ...]]:
        """One position of several beams, in evaluation mode.

        Args:
            tokens: (N, B) int32, those at this position.
            position: () int32.
            memory: of the source, as `memory` returns it: beams share it.
            source: (N, S) int32.
            cache: of the positions before.

        Returns:
            logits (N, B, V) float32 of the next tokens, and the cache of the next position.
        """
        x, grown = self.embed(tokens[..., None], first=position, length=cache[0][0].shape[2])[:, :, 0], []
        for layer, own, old in zip(self.decoder, memory, cache, strict=True):
            x, new = layer(x, own, source > 0, train=False, cache=old, position=position)
            grown.append(new)
        return self.logits(x), tuple(grown)

    def embed(self, tokens: Array, *, first: Array | int = 0, length: int | None = None, train: bool = False) -> Array:
        """Embeds tokens (..., T): (..., T, C) of `dtype`; padding becomes its position alone.

        Args:
            tokens: int32.
            first: position of the first of them.
            length: of the table of positions, where `first` is not 0.
            train: training mode.
        """
        span = tokens.shape[-1]
        table = jnp.asarray(sinusoids(length or span, self.width))
        x = self.table[tokens] * math.sqrt(self.width) * (tokens > 0)[..., None]
        x = (x + jax.lax.dynamic_slice_in_dim(table, first, span)).astype(self.dtype)
        return self.drop(x, deterministic=not train)

    def logits(self, x: Array) -> Array:
        """(..., C) -> (..., V) float32: the products with all embeddings."""
        return jnp.einsum("...c,vc->...v", x, self.table.astype(x.dtype), preferred_element_type=jnp.float32)

    def _kept(self, run: Callable[..., Array], *, train: bool) -> Callable[..., Array]:
        """What runs a layer, where `remat` says so rematerialised (Chen et al. 2016, section 3)."""
        rematerialised: Callable[..., Array] = nn.remat(run)
        return rematerialised if self.remat and train else run


def _embeddings(key: Array, shape: tuple[int, int]) -> Array:
    """Normal with variance 1 / C; padding 0."""
    return (jax.random.normal(key, shape) / math.sqrt(shape[1])).at[0].set(0.0)

"""Translations of a network: the best next token at every position (greedy), or the best of several (beam search).

Both keep keys and values of what was said before, encode the source once, and look at every example for itself: what
else is in the batch changes nothing. Search is fairseq's (Ott et al. 2019): of the 2B best continuations of B beams
those that end within the first B are finished, the best B others go on, and an example is done once B are finished.
No translation is empty, as no sentence of the data is: beams of hundreds would find that nothing is likelier than most.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from sbn.config.environment import check_memory
from sbn.models.transformer import Transformer
from sbn.nn.attention import Memory

Array = jax.Array
_NEVER = -1e9  # a logarithm of a probability that nothing comes back from


def greedy(model: Transformer, variables: Any, source: Array, max_length: int) -> Array:
    """Returns the translations (N, T) int32 that take the likeliest token each time, 0 after the end of sentence.

    Args:
        model: without branches.
        variables: of it: {'params'}.
        source: (N, S) int32, 0 is padding. An example of nothing but padding gives some translation, too.
        max_length: T, tokens with the end of sentence, which is said there at the latest; of 1 it is all that is said.
    """
    step, cache = _start(model, variables, source, beams=1, max_length=max_length)

    def more(state: Any) -> Array:
        position, _, _, done, _ = state
        return (position < max_length) & ~done.all()

    def one(state: Any) -> Any:
        position, last, tokens, done, cache = state
        logits, cache = step(last[:, None], position, cache)
        best = _allowed(logits[:, 0], model.eos, position, max_length).argmax(axis=-1).astype(jnp.int32)
        best = jnp.where(done, 0, best)
        tokens = jax.lax.dynamic_update_slice_in_dim(tokens, best[:, None], position, 1)
        return position + 1, best, tokens, done | (best == model.eos), cache

    count = len(source)
    first = jnp.full(count, model.eos, jnp.int32)
    state = (jnp.zeros((), jnp.int32), first, jnp.zeros((count, max_length), jnp.int32), jnp.zeros(count, bool), cache)
    found: Array = jax.lax.while_loop(more, one, state)[2]
    return found


class _Search(NamedTuple):
    """Where a search is, before `position`."""

    position: Array  # ()
    live: Array  # (N, B, T) tokens of the beams
    sums: Array  # (N, B) float32, the logarithms of their probabilities, best first
    finished: Array  # (N,) how many translations are
    tokens: Array  # (N, T), the best of them
    score: Array  # (N,) its score
    done: Array  # (N,) whether nothing can change any more
    cache: tuple[Memory, ...]


def beam_search(
    model: Transformer, variables: Any, source: Array, beam: int, length_penalty: float, max_length: int
) -> tuple[Array, Array]:
    """Returns the best translations (N, T) int32 that are found, 0 after the end of sentence, and their scores (N,).

    A score is log p(translation) / length ** length_penalty, the end of sentence counted in both.

    Args:
        model: without branches.
        variables: of it: {'params'}.
        source: (N, S) int32, 0 is padding.
        beam: B; 1 is `greedy`.
        length_penalty: 0 compares sums; the more, the longer (fairseq for WMT: 0.6).
        max_length: T, tokens with the end of sentence, which is said there at the latest.
    """
    step, cache = _start(model, variables, source, beams=beam, max_length=max_length)
    examples, lengths = jnp.arange(len(source))[:, None], jnp.arange(1, max_length + 1, dtype=jnp.float32)
    divisors = lengths**length_penalty

    def more(state: _Search) -> Array:
        return (state.position < max_length) & ~state.done.all()

    def one(state: _Search) -> _Search:
        at = state.position
        before = jax.lax.dynamic_index_in_dim(state.live, jnp.maximum(at - 1, 0), 2, keepdims=False)
        logits, cache = step(jnp.where(at == 0, model.eos, before), at, state.cache)
        chances = _allowed(jax.nn.log_softmax(logits), model.eos, at, max_length)
        sums, beams, tokens = _best(state.sums, chances, 2 * beam)

        ends = (tokens == model.eos) & (sums > _NEVER / 2)
        ending = ends & (jnp.arange(2 * beam) < beam)
        ending &= state.finished[:, None] + jnp.cumsum(ending, axis=1) <= beam
        scores = jnp.where(ending, sums / divisors[at], -jnp.inf)
        which = scores.argmax(axis=1)[:, None]
        score = jnp.take_along_axis(scores, which, 1)[:, 0]
        said = state.live[examples, jnp.take_along_axis(beams, which, 1)][:, 0]
        said = jax.lax.dynamic_update_slice_in_dim(said, jnp.full_like(said[:, :1], model.eos), at, 1)
        better = (score > state.score) & ~state.done
        finished = state.finished + ending.sum(axis=1)

        sums, going = jax.lax.top_k(jnp.where(tokens == model.eos, 2 * _NEVER, sums), beam)
        beams, tokens = (jnp.take_along_axis(found, going, 1) for found in (beams, tokens))
        live = jax.lax.dynamic_update_slice_in_dim(state.live[examples, beams], tokens[..., None], at, 2)
        best_score = jnp.where(better, score, state.score)
        # of a sum, which only falls, the best score is that of the shortest or of the longest translation to come
        to_come = sums[:, 0] / jnp.maximum(divisors[-1], divisors[jnp.minimum(at + 1, max_length - 1)])
        return _Search(
            position=at + 1,
            live=live,
            sums=sums,
            finished=finished,
            tokens=jnp.where(better[:, None], said, state.tokens),
            score=best_score,
            done=state.done | (finished >= beam) | (best_score >= to_come),
            cache=jax.tree.map(lambda kept: kept[examples, beams], cache),
        )

    count = len(source)
    state = _Search(
        position=jnp.zeros((), jnp.int32),
        live=jnp.zeros((count, beam, max_length), jnp.int32),
        # at first all beams are alike: one is enough
        sums=jnp.where(jnp.arange(beam) == 0, 0.0, _NEVER) * jnp.ones((count, 1)),
        finished=jnp.zeros(count, jnp.int32),
        tokens=jnp.zeros((count, max_length), jnp.int32),
        score=jnp.full(count, -jnp.inf),
        done=jnp.zeros(count, bool),
        cache=cache,
    )
    found = jax.lax.while_loop(more, one, state)
    return found.tokens, found.score


def check_fits(model: Transformer, count: int, *, beams: int, max_length: int) -> None:
    """Refuses a search that fits into no memory here: keys and values of every token of every beam, and logits.

    Args:
        model: without branches.
        count: of examples at once.
        beams: of each.
        max_length: of a translation, in tokens.

    Raises:
        ConfigError: with what it would take.
    """
    what = f"a search of {beams} beams for each of {count} sentences, up to {max_length} tokens long,"
    check_memory(count * beams * 4 * (max_length * model.layers * 2 * model.width + model.vocabulary), what=what)


def _start(model: Transformer, variables: Any, source: Array, *, beams: int, max_length: int) -> tuple[Any, Any]:
    """What makes logits (N, B, V) of (tokens, position, cache), with the cache of the next position; an empty cache."""
    check_fits(model, len(source), beams=beams, max_length=max_length)
    encoded = model.apply(variables, source, method="encode")
    memory = model.apply(variables, encoded, source, method="memory")
    cache = model.apply(variables, len(source), beams, max_length, method="empty_cache")

    def step(tokens: Array, position: Array, cache: tuple[Memory, ...]) -> tuple[Array, tuple[Memory, ...]]:
        found: tuple[Array, tuple[Memory, ...]] = model.apply(
            variables, tokens, position, memory, source, cache, method="step"
        )
        return found

    return step, cache


def _allowed(values: Array, eos: int, position: Array, max_length: int) -> Array:
    """Values (..., V) of tokens: none for padding, of the end of sentence at first, and of all else at the last."""
    tokens = jnp.arange(values.shape[-1])
    last = position == max_length - 1
    forbidden = jnp.where(last, tokens != eos, (position == 0) & (tokens == eos))
    return jnp.where((tokens == 0) | forbidden, _NEVER, values)


def _best(sums: Array, chances: Array, count: int) -> tuple[Array, Array, Array]:
    """The best continuations of beams, best first: their sums, their beams and their tokens, each (N, count).

    Args:
        sums: (N, B) of the beams.
        chances: (N, B, V), what each token adds.
        count: how many.
    """
    examples, _, vocabulary = chances.shape
    every = (sums[..., None] + chances).reshape(examples, -1)
    count = min(count, every.shape[1])
    found, where = jax.lax.top_k(every, count)
    return found, where // vocabulary, (where % vocabulary).astype(jnp.int32)

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sbn.models.decoding import beam_search, greedy
from sbn.models.transformer import Transformer
from tests.models.test_transformer import random_like

EOS, LONGEST = 1, 4
# one program for all that a test asks of a shape
GREEDY = jax.jit(greedy, static_argnums=(0, 3))
BEAM = jax.jit(beam_search, static_argnums=(0, 3, 5))
TINY = Transformer(vocabulary=4, layers=1, width=8, heads=2, hidden=8)
SOURCE = jnp.array([[2, 3, 1, 0, 0], [3, 3, 2, 3, 1], [2, 1, 0, 0, 0]])


def made(network, seed):
    shapes = jax.eval_shape(lambda key: network.init(key, SOURCE[:1], SOURCE[:1], train=False), jax.random.key(0))
    return random_like(shapes, seed=seed)


def logs(network, variables, source, translations):
    """log p (N, M) of every translation (M, T) of every source (N, S), by a pass over all their tokens at once."""
    known = jnp.asarray(translations)
    before = jnp.concatenate([jnp.full((len(known), 1), EOS), known[:, :-1]], axis=1)
    sources = jnp.repeat(source, len(known), axis=0)
    given = (sources, jnp.tile(before, (len(source), 1)), jnp.tile(known, (len(source), 1)))
    return -np.asarray(NLL(network, variables, *given)).reshape(len(source), len(known))


@functools.partial(jax.jit, static_argnums=0)
def NLL(network, variables, *given):  # noqa: N802
    return network.apply(variables, *given, train=False).nll


def every_translation():
    """All but the empty one that end within LONGEST tokens, of a vocabulary of padding, the end and two words."""
    found = [(*words, EOS) for n in range(1, LONGEST) for words in itertools.product((2, 3), repeat=n)]
    return np.array([words + (0,) * (LONGEST - len(words)) for words in found])


@pytest.mark.parametrize("penalty", [0.0, 0.6, 2.0, -0.5])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_wide_beam_finds_the_best_of_all_translations(seed, penalty):
    variables, every = made(TINY, seed), every_translation()
    scores = logs(TINY, variables, SOURCE, every) / (every > 0).sum(axis=1) ** penalty
    tokens, found = BEAM(TINY, variables, SOURCE, 16, penalty, LONGEST)
    np.testing.assert_array_equal(tokens, every[scores.argmax(axis=1)])
    np.testing.assert_allclose(found, scores.max(axis=1), atol=1e-5)


def narrow_search(logs_of, beam, penalty):
    """fairseq's search over a table of log p of what may follow every prefix, in lists."""
    live, finished = [((), 0.0)], []
    for length in range(1, LONGEST + 1):
        candidates = []
        for prefix, total in live:
            for token in (EOS,) if length == LONGEST else (EOS, 2, 3)[length == 1 :]:
                candidates.append(((*prefix, token), total + logs_of[prefix][token]))
        candidates.sort(key=lambda one: -one[1])
        candidates = candidates[: 2 * beam]
        for words, total in candidates[:beam]:
            if words[-1] == EOS and len(finished) < beam:
                finished.append((total / length**penalty, words))
        if len(finished) == beam:
            break
        live = [one for one in candidates if one[0][-1] != EOS][:beam]
    return max(finished)


@pytest.mark.parametrize("beam", [2, 3])
def test_a_narrow_beam_finds_what_the_same_search_in_lists_finds(beam):
    prefixes = [words for n in range(LONGEST) for words in itertools.product((2, 3), repeat=n)]
    padded = np.array([(EOS, *words) + (0,) * (LONGEST - 1 - len(words)) for words in prefixes])
    for seed in range(6):
        variables = made(TINY, seed)
        tokens, score = BEAM(TINY, variables, SOURCE, beam, 0.6, LONGEST)
        for source, own, its in zip(SOURCE, tokens, score, strict=True):
            after = TABLE(variables, jnp.repeat(source[None], len(prefixes), axis=0), padded)
            logs_of = {words: np.asarray(after[i, len(words)]) for i, words in enumerate(prefixes)}
            best, words = narrow_search(logs_of, beam, 0.6)
            np.testing.assert_allclose(its, best, atol=1e-5)
            assert tuple(own[own > 0]) == words


@jax.jit
def TABLE(variables, source, target_in):  # noqa: N802
    return jax.nn.log_softmax(TINY.apply(variables, source, target_in, train=False))


NETWORK = Transformer(vocabulary=9, layers=2, width=8, heads=2, hidden=16)
SENTENCES = jnp.array([[3, 5, 8, 1, 0, 0], [2, 6, 1, 0, 0, 0], [7, 7, 4, 3, 5, 1], [0, 0, 0, 0, 0, 0]])


@jax.jit
def LOGITS(variables, target_in):  # noqa: N802
    return NETWORK.apply(variables, SENTENCES, target_in, train=False)


@pytest.fixture(scope="module", params=[3, 25])
def translated(request):
    """Of two networks: one that ends early, and one that says something else of every sentence."""
    variables = made(NETWORK, request.param)
    return variables, GREEDY(NETWORK, variables, SENTENCES, 7), BEAM(NETWORK, variables, SENTENCES, 3, 0.6, 7)


def test_a_beam_of_one_is_greedy(translated):
    variables, tokens, _ = translated
    for penalty in (0.0, 0.6):
        np.testing.assert_array_equal(BEAM(NETWORK, variables, SENTENCES, 1, penalty, 7)[0], tokens)


def test_greedy_takes_the_likeliest_token_of_a_whole_pass(translated):
    variables, tokens, _ = translated
    before = jnp.concatenate([jnp.full((len(tokens), 1), EOS), tokens[:, :-1]], axis=1)
    logits = LOGITS(variables, before)
    likeliest = logits.at[..., 0].set(-np.inf).at[:, 0, EOS].set(-np.inf).argmax(axis=-1).at[:, -1].set(EOS)
    np.testing.assert_array_equal(jnp.where(tokens > 0, likeliest, 0), tokens)


def test_a_score_is_that_of_a_pass_over_the_translation(translated):
    variables, _, (tokens, score) = translated
    wanted = np.diag(logs(NETWORK, variables, SENTENCES, tokens)) / (tokens > 0).sum(axis=1) ** 0.6
    np.testing.assert_allclose(score, wanted, atol=1e-5)


def test_translations_end_once_and_padding_follows(translated):
    _, tokens, (beam, _) = translated
    for own in np.asarray(jnp.concatenate([tokens, beam])):
        assert (own == EOS).sum() == 1
        assert not own[own.argmin() if (own == 0).any() else len(own) :].any()
        assert own[(own > 0).sum() - 1] == EOS


def test_the_batch_changes_no_translation(translated):
    variables, tokens, (beam, score) = translated
    few = jnp.pad(SENTENCES[1:2], ((0, 0), (0, 3)))
    np.testing.assert_array_equal(GREEDY(NETWORK, variables, few, 7), tokens[1:2])
    order = np.array([1, 0, 0, 1])
    found, its = BEAM(NETWORK, variables, SENTENCES[order], 3, 0.6, 7)
    np.testing.assert_array_equal(found, beam[order])
    np.testing.assert_allclose(its, score[order], rtol=1e-5)


def test_sentences_are_told_apart():
    """Else the tests above would say nothing of which sentence was translated."""
    variables = made(NETWORK, 25)
    beam, _ = BEAM(NETWORK, variables, SENTENCES, 3, 0.6, 7)
    assert (beam[0] != beam[1]).any()
    assert len({tuple(row) for row in GREEDY(NETWORK, variables, SENTENCES, 7)[:3].tolist()}) == 3

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sbn.nn import token_loss as module
from sbn.nn.token_loss import token_loss
from sbn.train.step import COMPILER_OPTIONS

X = jnp.asarray(np.random.default_rng(0).normal(size=(3, 5, 4)), jnp.float32)
TABLE = jnp.asarray(np.random.default_rng(1).normal(size=(7, 4)), jnp.float32)
TRUTH = jnp.array([[3, 2, 1, 0, 0], [6, 5, 4, 3, 1], [0, 0, 0, 0, 0]])


def whole(x, table, smoothing):
    """The same with all logits, and fairseq's formula."""
    logs = jax.nn.log_softmax(x @ table.T)
    nll = -jnp.take_along_axis(logs, TRUTH[..., None], axis=-1)[..., 0]
    each = (1 - smoothing) * nll - smoothing / table.shape[0] * logs.sum(axis=-1)
    return (each * (TRUTH > 0)).sum(), (nll * (TRUTH > 0)).sum(axis=1)


@pytest.mark.parametrize("parts", [1, 2, 5])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_loss_and_gradient_are_those_of_all_logits(monkeypatch, parts, smoothing):
    monkeypatch.setattr(module, "_AT_A_TIME", X.shape[0] * X.shape[1] * len(TABLE) // parts)

    def ours(x, table):
        found = token_loss(x, table, TRUTH, label_smoothing=smoothing)
        return 3 * found.smoothed.sum(), found

    (value, found), gradients = jax.jit(jax.value_and_grad(ours, argnums=(0, 1), has_aux=True))(X, TABLE)
    wanted, nll = whole(X, TABLE, smoothing)
    slopes = jax.grad(lambda *args: 3 * whole(*args, smoothing)[0], argnums=(0, 1))(X, TABLE)
    np.testing.assert_allclose(value, 3 * wanted, rtol=1e-6)
    np.testing.assert_allclose(found.nll, nll, rtol=1e-6)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=2e-6), gradients, slopes)
    alone = jax.jit(lambda x: token_loss(x, TABLE, TRUTH, label_smoothing=smoothing).smoothed)(X)
    np.testing.assert_allclose(alone[0], wanted, rtol=1e-6)


def test_two_tokens_by_hand():
    # logits 0 and log 3: probabilities 1/4 and 3/4
    x, table = jnp.ones((1, 1, 1)), jnp.log(jnp.array([[1.0], [3.0]]))
    found = token_loss(x, table, jnp.array([[1]]), label_smoothing=0.2)
    np.testing.assert_allclose(found.nll, [-np.log(3 / 4)], rtol=1e-6)
    np.testing.assert_allclose(found.smoothed, [-0.9 * np.log(3 / 4) - 0.1 * np.log(1 / 4)], rtol=1e-6)


def test_logits_are_never_all_in_memory(monkeypatch):
    examples, length, pieces, width = 4, 64, 4096, 8
    monkeypatch.setattr(module, "_AT_A_TIME", examples * length * pieces // 8)
    shapes = [((examples, length, width), jnp.float32), ((pieces, width), jnp.float32), ((examples, length), jnp.int32)]

    def ours(x, table, truth):
        return token_loss(x, table, truth, label_smoothing=0.1).smoothed.sum()

    def with_all_logits(x, table, truth):
        logs = jax.nn.log_softmax(x @ table.T)
        return -(jnp.take_along_axis(logs, truth[..., None], axis=-1)[..., 0] * (truth > 0)).sum()

    def memory(loss):
        structs = [jax.ShapeDtypeStruct(*shape) for shape in shapes]
        step = jax.jit(jax.value_and_grad(loss, argnums=(0, 1)), compiler_options=COMPILER_OPTIONS["cpu"])
        return step.lower(*structs).compile().memory_analysis().temp_size_in_bytes

    logits = 4 * examples * length * pieces
    assert memory(with_all_logits) > 1.9 * logits
    assert memory(ours) < 1.2 * logits  # of which XLA's CPU compiler keeps the slopes for the table's gradient

"""The translation task: its loss by formula, what branches and parts of a batch come to, buckets, refusals."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sbn.config import tree
from sbn.config.checks import check
from sbn.config.errors import ConfigError
from sbn.data import strings
from sbn.data.examples import Feature, in_memory
from sbn.nn.branches import plain_branch
from sbn.tasks import make_task
from sbn.tasks.base import StageViews, TaskData, stream_key
from sbn.tasks.translation import bucket_widths, shifted
from sbn.train.setup import make_setup
from sbn.train.step import accumulated

SMALL = {
    "task": "translation",
    "data.name": "reverse",
    "model.name": "transformer",
    "branches": ("main", "aux"),
    "norm.layer": "layer",
    "views.main.augment": "",
    "views.aux.augment": "stretch(0.5)",
    "translation.layers": 1,
    "translation.width": 8,
    "translation.heads": 2,
    "translation.hidden": 8,
    "translation.dropout": 0.0,
    "loss.label_smoothing": 0.1,
    "batch_tokens": 100,
    "eval.evals": ("metrics", "bleu"),
}
PAIRS = strings.examples("reverse", 40, split="train")
DATA = TaskData(PAIRS.features)
TWO = StageViews(("main", "aux"), (1.0, 0.5), (0, 1))
ONE = StageViews(("main",), (1.0,), (0,))


def config_of(changes):
    return check(tree.to_config(tree.changed(tree.changed(tree.defaults(), SMALL), changes)))


def made(**changes):
    config = config_of(changes)
    return make_task(config, DATA), config


def batch(ids, widths=(22, 22)):
    """Some pairs, and a second view of another length."""
    rows = [PAIRS.arrays[side][np.asarray(ids)] for side in ("source", "target")]
    source, target = (np.pad(own, ((0, 0), (0, width - own.shape[1]))) for own, width in zip(rows, widths, strict=True))
    half = np.where(np.arange(12) < 6, source[:, :12], 0)
    return {"inputs": {"source": (jnp.asarray(source), jnp.asarray(half))}, "targets": {"target": jnp.asarray(target)}}


def one_view(whole):
    return {**whole, "inputs": {"source": whole["inputs"]["source"][0][:, None]}}


@pytest.fixture(scope="module")
def ready():
    """The task of two branches that differ, its variables, and its loss and gradient, compiled once."""
    task, _ = made()
    variables = task.init(jax.random.key(0))
    apart = jax.tree.map(
        lambda leaf: leaf + 0.1 * np.random.default_rng(0).normal(size=leaf.shape).astype(np.float32), variables
    )

    @functools.partial(jax.jit, static_argnames="views")
    def gradient(params, batch, views=TWO):
        def loss(params):
            found = task.loss({"params": params, "batch_stats": {}}, batch, views=views, numbers={}, keys=keys)
            return found.sum, found

        return jax.grad(loss, has_aux=True)(params)

    return task, apart, gradient


def keys(stream):
    return stream_key(3, stream)


def by_hand(logits, target, smoothing):
    """fairseq's loss of before 2020, token by token: (1 - e) -log p(truth) + e / V of the sum over the vocabulary."""
    logits = np.asarray(logits, np.float64)
    logs = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    total = 0.0
    for row, words in zip(logs, np.asarray(target), strict=True):
        for own, word in zip(row, words, strict=True):
            if word:
                total += -(1 - smoothing) * own[word] - smoothing / len(own) * own.sum()
    return total


def test_the_loss_is_the_formula_summed_over_the_tokens_of_both_views(ready):
    task, variables, gradient = ready
    whole = batch(range(6))
    _, loss = gradient(variables["params"], whole)
    target, expected = whole["targets"]["target"], []
    for k, source in enumerate(whole["inputs"]["source"]):
        own = plain_branch({"params": variables["params"]}, k, layout=task.layout)
        logits = task.model.network.apply(own, source, shifted(target), train=False)
        expected.append(by_hand(logits, target, 0.1))
    assert float(loss.sum) == pytest.approx(expected[0] + 0.5 * expected[1], rel=1e-5)
    assert float(loss.weight) == (target > 0).sum()
    assert float(loss.metrics["aux/loss"][0]) == pytest.approx(expected[1], rel=1e-5)
    nll = task.outputs(variables, {"source": whole["inputs"]["source"][0], "target": target})
    assert nll.shape == (6, 2)
    assert float(nll[:, 0].sum()) == pytest.approx(float(loss.metrics["main/nll"][0]), rel=1e-5)


def test_parts_of_a_batch_add_up_to_the_whole_weighted_by_their_tokens(ready):
    _, variables, gradient = ready
    whole = batch([0, 1, 2, 3, 4, 5])
    grads, loss = gradient(variables["params"], whole)
    parts, found = accumulated(lambda part, stats, keys: gradient(variables["params"], part), whole, {}, keys, parts=3)
    assert len({int((row > 0).sum()) for row in whole["targets"]["target"]}) > 1
    assert float(found.weight) == float(loss.weight)
    assert float(found.sum) == pytest.approx(float(loss.sum), rel=1e-6)
    for own, other in zip(jax.tree.leaves(parts), jax.tree.leaves(grads), strict=True):
        np.testing.assert_allclose(own, other, rtol=1e-4, atol=1e-4)  # sums of float32 in another order


def test_filling_up_further_changes_nothing(ready):
    _, variables, gradient = ready
    _, short = gradient(variables["params"], batch(range(6)))
    _, long = gradient(variables["params"], batch(range(6), widths=(30, 26)))
    assert float(short.sum) == pytest.approx(float(long.sum), rel=1e-6)
    assert float(short.weight) == float(long.weight)


def test_a_branch_that_no_view_goes_through_is_not_moved(ready):
    task, variables, gradient = ready
    grads, _ = gradient(variables["params"], one_view(batch(range(6))), views=ONE)
    moved = {
        path[1:]: leaf
        for path, leaf in jax.tree_util.tree_leaves_with_path({"params": grads})
        if tuple(key.key for key in path) in task.layout
    }
    assert len(moved) == 2 * (2 + 3)  # scale and bias of the sites of a layer of the encoder and one of the decoder
    for leaf in moved.values():
        assert leaf.shape == (2, 8)
        assert np.abs(leaf[0]).max() > 0
        np.testing.assert_array_equal(leaf[1], 0)


def test_one_branch_is_plain_layer_norm_bit_for_bit(ready):
    """CN of one transform is LN: the same variables give the same loss and gradients with branches and shared."""
    _, variables, _ = ready
    own = plain_branch({"params": variables["params"]}, 0, layout=ready[0].layout)["params"]
    found = {}
    for kind in ("split", "shared"):
        task, _ = made(**{"norm.kind": kind, "branches": ("main",)})
        params = jax.tree_util.tree_map_with_path(
            lambda path, leaf, task=task: leaf[None] if ("params", *(key.key for key in path)) in task.layout else leaf,
            own,
        )

        def loss(params, batch, task=task):
            return task.loss({"params": params, "batch_stats": {}}, batch, views=ONE, numbers={}, keys=keys).sum

        found[kind] = jax.jit(jax.value_and_grad(loss))(params, one_view(batch(range(6))))
    jax.tree.map(np.testing.assert_array_equal, found["split"], found["shared"])


def test_a_decoder_has_seen_the_end_and_the_tokens_before():
    target = jnp.array([[5, 6, 1, 0], [7, 1, 0, 0]])
    np.testing.assert_array_equal(shifted(target), [[1, 5, 6, 0], [1, 7, 0, 0]])


def test_batches_hold_as_many_tokens_as_fit_and_every_pair_once_in_evaluation():
    task, config = made(batch_tokens=200)
    batching = task.batching(PAIRS, config, multiple=2)
    lengths = np.maximum(PAIRS.arrays["source"].lengths, PAIRS.arrays["target"].lengths)
    for planned in batching.epoch(0, stage=0, epoch=0):
        width = planned.widths["source"]
        assert planned.widths["target"] == width
        assert len(planned.ids) == 200 // width // 2 * 2
        assert lengths[planned.ids].max() <= width
    assert sorted(np.concatenate([planned.ids for planned in batching.once()])) == list(range(40))
    assert made(batch_tokens=None)[0].batching(PAIRS, made(batch_tokens=None)[1], multiple=1) is None
    task, config = made(**{"translation.buckets": (10, 16)})
    assert {planned.widths["source"] for planned in task.batching(PAIRS, config, multiple=1).once()} == {10, 16, 21}


def test_buckets_grow_by_a_quarter_and_none_has_less_than_a_batch():
    rng = np.random.default_rng(0)
    for lengths in (rng.integers(4, 60, 500), np.array([5] * 200 + [61]), np.array([3]), rng.integers(50, 52, 100)):
        widths = bucket_widths(lengths, tokens=300, multiple=2)
        assert list(widths) == sorted(set(widths))
        assert widths[-1] >= lengths.max()
        bucket = np.searchsorted(widths, lengths)
        counts = np.bincount(bucket, minlength=len(widths))
        if len(widths) > 1:
            assert all(count >= 300 // width // 2 * 2 for count, width in zip(counts, widths, strict=True))
    assert bucket_widths(rng.integers(4, 61, 9000), tokens=600, multiple=1) == (8, 12, 16, 20, 28, 36, 48, 60)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_tokens": 20}, "too small for 1 sentences of the longest length, 21 tokens"),
        ({"translation.heads": 3}, "a multiple of translation.heads = 3"),
        ({"translation.buckets": (8, 8)}, "must rise"),
        ({"norm.layer": "batch"}, "norm.layer = 'layer'"),
        ({"model.name": "wide_resnet"}, "needs model.name = 'transformer'"),
        ({"task": "package:Task"}, "is only for task = 'translation'"),
    ],
)
def test_what_can_not_be_trained_is_refused_in_one_line(changes, message):
    def begin():
        config = config_of(changes)
        make_task(config, DATA).batching(PAIRS, config, multiple=1)

    with pytest.raises(ConfigError) as caught:
        begin()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_data_that_are_no_pairs_of_one_vocabulary_are_refused():
    config = config_of({})
    words = in_memory(
        {"source": [[1]], "target": [[1]]}, name="own", features=dict.fromkeys(("source", "target"), Feature("tokens"))
    )
    for features, message in (
        ({"image": Feature("image", (8, 8, 3))}, r"they have image \(image\)"),
        (words.features, "one vocabulary of both sides"),
    ):
        with pytest.raises(ConfigError, match=message):
            make_task(config, TaskData(features))


def test_ops_of_the_training_step_are_refused():
    from sbn.augment.pipeline import parse

    task, _ = made()
    with pytest.raises(ConfigError, match=r"views\.main\.augment: mixup works on images"):
        task.check_views(StageViews(("main",), (1.0,), (0,), (parse("mixup(1)"),), ((0,),)))


def test_a_data_set_that_was_not_prepared_names_the_command_that_does_it():
    for name in ("multi30k", "wmt16_translate/de-en"):
        with pytest.raises(ConfigError, match=f"python -m sbn.data.prepare {name} --languages=en,de"):
            make_setup(config_of({"data.name": name}))

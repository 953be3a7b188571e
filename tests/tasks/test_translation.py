"""The translation task: its loss by formula, what branches and parts of a batch come to, buckets, refusals."""

import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from etils import epath

from sbn.config import tree
from sbn.config.checks import check
from sbn.config.errors import ConfigError
from sbn.data import strings
from sbn.data.examples import Feature, in_memory
from sbn.evals.metrics import Pairs
from sbn.nn.branches import plain_branch
from sbn.runs import files
from sbn.tasks import make_task
from sbn.tasks.base import StageViews, TaskData, stream_key
from sbn.tasks.translation import bucket_widths, shifted
from sbn.train.setup import make_setup
from sbn.train.step import accumulated
from tests.models.test_transformer import random_like

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
# of three branches the one between is left alone
TWO = StageViews(("main", "aux"), (1.0, 0.5), (0, 2))
ONE = StageViews(("main",), (1.0,), (0,))
IDS = range(6)


def config_of(changes):
    return check(tree.to_config(tree.changed(tree.changed(tree.defaults(), SMALL), changes)))


def made(**changes):
    config = config_of(changes)
    return make_task(config, DATA), config


def batch(ids=IDS, rows=6, width=22):
    """Some pairs, and a second view of another length; further rows are padding."""
    found = (PAIRS.arrays[side][np.asarray(ids)] for side in ("source", "target"))
    source, target = (
        np.pad(own, ((0, rows - own.shape[0]), (0, width - own.shape[1]))).astype(np.int32) for own in found
    )
    half = np.where(np.arange(width - 10) < 6, source[:, : width - 10], 0)
    return {"inputs": {"source": (jnp.asarray(source), jnp.asarray(half))}, "targets": {"target": jnp.asarray(target)}}


@pytest.fixture(scope="module")
def ready():
    """The task of three branches that differ, its variables, and its loss and gradient, compiled once."""
    task, _ = made(**{"branches": ("main", "other", "aux"), "views.other.augment": ""})
    variables = random_like(jax.eval_shape(task.init, jax.random.key(0)))

    @jax.jit
    def gradient(params, batch):
        def loss(params):
            found = task.loss({"params": params, "batch_stats": {}}, batch, views=TWO, numbers={}, keys=keys)
            return found.sum, found

        return jax.grad(loss, has_aux=True)(params)

    return task, variables, gradient


@pytest.fixture(scope="module")
def found(ready):
    """The gradient and the loss of a batch."""
    _, variables, gradient = ready
    return gradient(variables["params"], batch())


@pytest.fixture(scope="module")
def evaluated(ready):
    """Of the same sentences, filled up further: what evaluation says of the first view, and logits of both views."""
    task, variables, _ = ready
    longer = batch(width=26)

    @jax.jit
    def both(variables, batch):
        sources, target = batch["inputs"]["source"], batch["targets"]["target"]
        logits = []
        for branch, source in zip(TWO.branches, sources, strict=True):
            own = plain_branch({"params": variables["params"]}, branch, layout=task.layout)
            logits.append(task.model.network.apply(own, source, shifted(target), train=False))
        return task.outputs(variables, {"source": sources[0], "target": target}), logits

    return both(variables, longer), np.asarray(longer["targets"]["target"])


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


def test_the_loss_is_the_formula_summed_over_the_tokens_of_both_views(found, evaluated):
    _, loss = found
    (_, logits), target = evaluated
    expected = [by_hand(own, target, 0.1) for own in logits]
    assert float(loss.sum) == pytest.approx(expected[0] + 0.5 * expected[1], rel=1e-5)
    assert float(loss.weight) == (target > 0).sum()
    assert float(loss.metrics["aux/loss"][0]) == pytest.approx(expected[1], rel=1e-5)


def test_evaluation_and_training_agree_however_far_sentences_are_filled_up(found, evaluated):
    _, loss = found
    (nll, logits), target = evaluated
    assert nll.shape == (6, 3)
    assert float(nll[:, 0].sum()) == pytest.approx(by_hand(logits[0], target, 0), rel=1e-5)
    assert float(nll[:, 0].sum()) == pytest.approx(float(loss.metrics["main/nll"][0]), rel=1e-5)


def test_parts_of_a_batch_add_up_to_the_whole_weighted_by_their_tokens(ready, found):
    _, variables, gradient = ready
    grads, loss = found

    def part(own, stats, keys):
        """Of two sentences, through the program of six: rows of padding count nothing."""
        return gradient(variables["params"], jax.tree.map(lambda rows: jnp.pad(rows, ((0, 4), (0, 0))), own))

    parts, total = accumulated(part, batch(), {}, keys, parts=3)
    assert len({int((row > 0).sum()) for row in batch()["targets"]["target"]}) > 1
    assert float(total.weight) == float(loss.weight)
    assert float(total.sum) == pytest.approx(float(loss.sum), rel=1e-6)
    for own, other in zip(jax.tree.leaves(parts), jax.tree.leaves(grads), strict=True):
        np.testing.assert_allclose(own, other, rtol=1e-4, atol=1e-4)  # sums of float32 in another order


def test_a_branch_that_no_view_goes_through_is_not_moved(ready, found):
    task, (grads, _) = ready[0], found
    moved = {
        path[1:]: leaf
        for path, leaf in jax.tree_util.tree_leaves_with_path({"params": grads})
        if tuple(key.key for key in path) in task.layout
    }
    assert len(moved) == 2 * (2 + 3)  # scale and bias of the sites of a layer of the encoder and one of the decoder
    for leaf in moved.values():
        assert leaf.shape == (3, 8)
        assert all(np.abs(leaf[branch]).max() > 0 for branch in (0, 2))
        np.testing.assert_array_equal(leaf[1], 0)


def test_one_branch_and_a_shared_one_are_one_program():
    """CN of one transform is LN: `tests/models` compares it with plain LayerNorm to the bit."""
    lowered = []
    for kind in ("split", "shared"):
        task, _ = made(**{"norm.kind": kind, "branches": ("main",)})

        def loss(params, batch, task=task):
            return task.loss({"params": params, "batch_stats": {}}, batch, views=ONE, numbers={}, keys=keys).sum

        whole = batch()
        one = {**whole, "inputs": {"source": whole["inputs"]["source"][0][:, None]}}
        params = jax.eval_shape(task.init, jax.random.key(0))["params"]
        lowered.append(jax.jit(jax.value_and_grad(loss)).lower(params, one).as_text())
    assert lowered[0] == lowered[1]


def test_three_lengths_share_one_branch_or_have_one_each():
    own, shared = (made(**{"norm.kind": kind, "branches": ("main", "aux")})[0] for kind in ("split", "shared"))
    shapes = [jax.eval_shape(task.init, jax.random.key(0))["params"]["decoder_0"] for task in (own, shared)]
    assert [found["source_norm"]["scale"].shape for found in shapes] == [(2, 8), (1, 8)]


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
        ({"batch_tokens": 20}, "too small for 1 sentence of the longest length, 21 tokens"),
        ({"translation.buckets": (22, 101)}, "sentence of the last of translation.buckets, 101 tokens"),
        ({"translation.heads": 3}, "a multiple of translation.heads = 3"),
        ({"translation.buckets": (8, 8)}, "must increase"),
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


def test_batches_fit_every_stage_and_an_evaluation_on_other_devices_counts_the_steps_of_the_run():
    changes = {"stages": ("first", "second"), "data.train_examples": 300, "data.test_examples": 20}
    changes |= {"optim.accumulate": 2, "stage.second.optim.accumulate": 3, "duration": "1 epochs", "batch_tokens": 200}
    config = config_of(changes)
    setup = make_setup(config)
    assert {len(planned.ids) % 6 for planned in setup.batching.epoch(0, stage=0, epoch=0)} == {0}
    again = make_setup(config, recorded={"batches": {"steps_per_epoch": 7}})
    assert [stage.stop for stage in again.plan.stages] == [7, 14]


def test_devices_that_hold_more_sentences_than_a_batch_of_training_evaluate_batches_filled_up():
    task, config = made(batch_tokens=50)
    eight = types.SimpleNamespace(config=config, task=task, mesh=types.SimpleNamespace(devices=np.zeros(8)))
    pairs = Pairs(PAIRS, eight)
    cuts = list(pairs.cuts)
    assert {size for _, size in cuts} == {8}
    assert sum(where.stop - where.start for where, _ in cuts) == len(PAIRS)
    assert max(where.stop - where.start for where, _ in cuts) == 50 // 8
    with pytest.raises(ConfigError, match="the test split: batch_tokens = 20 is too small for 1 sentence of"):
        Pairs(PAIRS, types.SimpleNamespace(config=made(batch_tokens=20)[1], task=task, mesh=eight.mesh))


def test_embeddings_of_other_pieces_are_not_taken_over(tmp_path):
    files.write(epath.Path(tmp_path), files.DATA, {"pieces": "others"})
    setup = make_setup(config_of({"data.train_examples": 40, "data.test_examples": 5}))
    for only in ((), ("emb*",), ("*",)):
        config = config_of({"init.from": str(tmp_path), "init.only": only})
        with pytest.raises(ConfigError, match=r"init\.from = '.*' was trained on the pieces others, and these data"):
            setup.check_data(config, None, where=tmp_path)
        setup.check_data(config, {}, where=tmp_path)  # which has begun
    setup.check_data(config_of({"init.from": str(tmp_path), "init.only": ("encoder_*",)}), None, where=tmp_path)

"""Every test sentence is translated once, as alone, whatever the batches are; scores are of all of these."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sbn.config import tree
from sbn.config.checks import check
from sbn.config.errors import ConfigError
from sbn.data import strings
from sbn.evals import base
from sbn.evals.make import make_evaluators
from sbn.metrics import bleu
from sbn.models.decoding import greedy
from sbn.nn.branches import plain_branch
from sbn.tasks import make_task
from sbn.tasks.base import TaskData
from sbn.train.mesh import make_mesh

TEST = strings.examples("copy", 23, split="test")
CHANGES = {
    "task": "translation",
    "data.name": "copy",
    "model.name": "transformer",
    "norm.layer": "layer",
    "branches": ("main", "half"),
    "views.main.augment": "",
    "views.half.augment": "stretch(0.5)",
    "translation.layers": 1,
    "translation.width": 8,
    "translation.heads": 2,
    "translation.hidden": 8,
    "batch_tokens": 200,
    "eval.evals": ("bleu",),
    "eval.bleu.scores": ("bleu", "exact_match"),
    "eval.bleu.longer": 4,
    "eval.bleu.shown": 23,
}


def config_of(**changes):
    return check(tree.to_config(tree.changed(tree.changed(tree.defaults(), CHANGES), changes)))


def materials(test=TEST, **changes):
    config = config_of(**changes)
    task = make_task(config, TaskData(TEST.features))
    return base.Materials(config, task, make_mesh(batch_size=0), TEST, test)


@pytest.fixture(scope="module")
def variables():
    """Of two branches that say different things."""
    made = jax.eval_shape(materials().task.init, jax.random.key(0))
    rng = np.random.default_rng(1)
    return jax.tree.map(lambda leaf: jnp.asarray(rng.normal(size=leaf.shape), jnp.float32), made)


@pytest.fixture(scope="module")
def found(variables):
    """What it yields with batches of 23 and of 5."""
    return [base.run(make_evaluators(materials(**{"eval.batch_size": size}))["bleu"], variables) for size in (23, 5)]


def test_batches_of_any_size_give_the_same_translations_and_scores(found):
    (scalars, arrays), (others, other_arrays) = found
    assert scalars == others
    assert arrays.keys() == other_arrays.keys()
    for name, own in arrays.items():
        np.testing.assert_array_equal(own, other_arrays[name], err_msg=name)


def test_a_sentence_is_what_its_branch_makes_of_it_alone(found, variables):
    arrays, parts = found[0][1], materials()
    lengths = TEST.arrays["source"].lengths
    for k, branch, width, number in (
        (0, "main", 16, int(lengths.argmin())),
        (1, "half", 32, int(lengths.argmax())),
    ):
        own = plain_branch({"params": variables["params"]}, k, layout=parts.task.layout)
        source = TEST.arrays["source"][np.array([number])]
        source = np.pad(source, ((0, 0), (0, width - source.shape[1])))
        tokens = jax.jit(lambda source, own=own, width=width: greedy(parts.task.model.network, own, source, width + 4))
        assert arrays[f"{branch}/translation"][number] == TEST.vocabulary.text(np.asarray(tokens(source))[0].tolist())
    assert (arrays["main/translation"] != arrays["half/translation"]).any()


def test_scores_are_of_all_sentences_in_their_order(found):
    scalars, arrays = found[0]
    assert arrays["source"].tolist() == [TEST.text("source", number) for number in range(23)]
    assert arrays["reference"].tolist() == arrays["source"].tolist()  # copy
    for branch in ("main", "half"):
        own = arrays[f"{branch}/translation"].tolist()
        for name in ("bleu", "exact_match"):
            assert scalars[f"test/{branch}/{name}"] == bleu.score(name, own, arrays["reference"].tolist()).value
        assert "tok:13a" in str(arrays[f"{branch}/signature/bleu"])


def test_what_does_not_translate_or_lacks_sacrebleu_is_refused(monkeypatch, tiny):
    with pytest.raises(ConfigError, match="'bleu' scores task = 'translation'"):
        make_evaluators(materials(test=None))
    with pytest.raises(ConfigError, match="'bleu'"):
        make_evaluators(base.Materials(tiny({"eval.evals": ("bleu",)}), None, make_mesh(batch_size=0), TEST, TEST))
    with pytest.raises(ConfigError, match=r"a search of 1 beams for each of .* sentences, .* tokens long, would take"):
        make_evaluators(materials(**{"eval.bleu.longer": 10**9}))
    monkeypatch.setattr(bleu.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"sbn\[translation\]"):
        make_evaluators(materials())
    make_evaluators(materials(**{"eval.bleu.scores": ("exact_match",)}))

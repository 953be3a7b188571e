"""Texts in, texts out: what a network and its vocabulary make of sentences, whatever stands beside them."""

import dataclasses
import functools
import zlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from etils import epath

from sbn.config import tree
from sbn.config.errors import ConfigError
from sbn.data import strings, vocabulary
from sbn.data.vocabulary import END, PIECES, SPACE, Vocabulary
from sbn.models.decoding import greedy
from sbn.models.transformer import Transformer
from sbn.nn.branches import repeated
from sbn.tasks import translator
from sbn.tasks.translator import Translator
from tests.models.test_transformer import random_like

WORDS = Vocabulary((*PIECES[:2], *(SPACE + word for word in ("a", "b", "c", "d"))))
NETWORK = Transformer(vocabulary=len(WORDS), layers=1, width=8, heads=2, hidden=8)
SEARCH = {"beam": 1, "length_penalty": 0.6, "longer": 4}
TEXTS = ["a b c d", "d", "b b c"]


@pytest.fixture(scope="module")
def translate():
    tokens = jnp.ones((1, 4), jnp.int32)
    shapes = jax.eval_shape(lambda key: NETWORK.init(key, tokens, tokens, train=False), jax.random.key(0))
    variables = jax.tree.map(lambda leaf: 2 * leaf, random_like(shapes, seed=7))  # which says more than one thing
    return Translator(NETWORK, variables, WORDS, {"search": SEARCH})


def test_sentences_become_what_the_network_says_of_their_words(translate):
    source = np.zeros((4, 16), np.int32)
    for row, text in zip(source, TEXTS, strict=False):
        numbers = [2 + "abcd".index(word) for word in text.split()]
        row[: len(numbers) + 1] = [*numbers, END]
    tokens = jax.jit(functools.partial(greedy, NETWORK, max_length=20))(translate.variables, source)
    found = translate.translate(TEXTS)
    assert found == [WORDS.text(row.tolist()) for row in np.asarray(tokens)[:3]]
    assert len({*found}) == 3
    assert translate.translate([f" {TEXTS[2]}  ", *TEXTS[:2]]) == [found[2], *found[:2]]
    assert translate.translate([TEXTS[0].replace(" ", "\n")]) == found[:1]
    assert translate.translate([]) == []
    assert translate.translate(text for text in TEXTS[:1]) == found[:1]


@pytest.mark.parametrize(
    ("texts", "search", "said"),
    [
        ("a b", {}, "list of sentences"),
        (["a b", " "], {}, "sentence 1 is empty"),
        (["a bc"], {}, "'bc' is not in this network's vocabulary"),
        (["a"], {"beam": 0}, "beam = 0"),
        (["a"], {"beam": 2.0}, "beam = 2.0 must be a whole number"),
        (["a"], {"beam": True}, "beam = True must be a whole number"),
        (["a"], {"longer": "4"}, "longer = '4' must be a whole number"),
        (["a"], {"length_penalty": float("nan")}, "length_penalty = nan must be a number from 0 to 10"),
        (["a"], {"length_penalty": -1}, "length_penalty = -1 must be a number from 0 to 10"),
        (
            ["a"],
            {"longer": 10**12},
            "a search of 1 beams for each of 1 sentences, up to 1000000000016 tokens long, would",
        ),
        (["a"], {"beam": 10**12}, "a search of 1000000000000 beams .* would take"),
        (["a", "b \ud800"], {}, "sentence 1 is not text"),
        (None, {}, "list of sentences"),
        ([b"a"], {}, "list of sentences"),
        ({"a": "b"}, {}, "list of sentences"),
    ],
)
def test_what_is_no_text_is_refused(translate, texts, search, said):
    with pytest.raises(ConfigError, match=said):
        translate.translate(texts, **search)


def test_texts_are_cut_by_the_model_that_cut_the_data(translate):
    pytest.importorskip("sentencepiece", reason="SentencePiece is not installed")
    made = vocabulary.train(["a dog runs", "the dog sees a cat", "cats and dogs run", "u\u0308ber"] * 5, size=40)
    (row,) = Translator(NETWORK, {}, made, {}).pieces(["the cat runs"])[np.array([0])]
    assert row[-1] == END
    assert made.text(row.tolist()) == "the cat runs"


def test_a_vocabulary_is_that_of_the_data_that_were_trained_on(tmp_path):
    config = tree.to_config(tree.changed(tree.defaults(), {"data.name": "copy"}))
    where = epath.Path(tmp_path)
    found = translator.vocabulary_of(config, None, where=where)
    assert len(found) == 32
    print_of = strings.examples("copy", 1000, split="test").fingerprint()
    same = {"fingerprints": {"train": "another", "test": print_of}}
    assert translator.vocabulary_of(config, same, where=where) == found
    with pytest.raises(ConfigError, match=f"the test split of 'copy' has changed since .* {print_of} now"):
        translator.vocabulary_of(config, {"fingerprints": {"test": "another"}}, where=where)


def test_an_export_holds_its_vocabulary(translate, tmp_path):
    config = tree.to_config(
        tree.changed(
            tree.defaults(),
            {
                "model.name": "transformer",
                "norm.layer": "layer",
                "translation.layers": 1,
                "translation.width": 8,
                "translation.heads": 2,
                "translation.hidden": 8,
            },
        )
    )
    folder = epath.Path(tmp_path)
    task = translator.task_of(config, WORDS)
    packed = translator.packed_vocabulary(WORDS)
    about = {**translator.described(config), "classes": len(WORDS), "vocabulary_crc32": zlib.crc32(packed)}
    own = repeated(translate.variables, 1, layout=task.layout)
    (tmp_path / "vocabulary.npz").write_bytes(packed)
    found = translator.read_translator(folder, config, own, about)
    assert found.vocabulary == WORDS
    jax.tree.map(np.testing.assert_array_equal, found.variables, translate.variables)
    with pytest.raises(ConfigError, match="the 9 pieces that the network was trained with"):
        translator.read_translator(folder, config, own, {**about, "classes": 9})
    other = dataclasses.replace(WORDS, pieces=(*WORDS.pieces[:-2], *reversed(WORDS.pieces[-2:])))
    (tmp_path / "vocabulary.npz").write_bytes(translator.packed_vocabulary(other))  # of another export, as large
    with pytest.raises(ConfigError, match="not the one that the network was exported with"):
        translator.read_translator(folder, config, own, about)
    old = {**about, "vocabulary_crc32": None}  # of an older export
    assert translator.read_translator(folder, config, own, old).vocabulary == other
    with pytest.raises(ConfigError, match=r"no translator: it has no vocabulary\.npz"):
        translator.read_translator(folder / "else", config, own, about)

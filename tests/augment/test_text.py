"""Sentences are stretched as a slow program does it, the same on both data paths; images and tokens are told apart."""

import math

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbn.augment import pipeline
from sbn.augment.size_checks import check_fits
from sbn.augment.text import Stretch

END = 1
sentences = st.lists(st.integers(2, 40), max_size=23)


def slowly(words, factor):
    """Of a sentence without its end: token j is token floor(j / factor)."""
    return [words[math.floor(j / factor)] for j in range(math.ceil(factor * len(words)))]


def filled(rows):
    width = max(map(len, rows))
    return np.array([[*row, *[0] * (width - len(row))] for row in rows], np.int32)


@given(rows=st.lists(sentences, min_size=1, max_size=4), factor=st.sampled_from([0.25, 0.5, 1.0, 1.5, 2.0, 3.0]))
def test_a_sentence_is_stretched_as_the_definition_says(rows, factor):
    given = filled([[*row, END] for row in rows])
    made = Stretch(factor).host(given, None)
    for row, own in zip(rows, made, strict=True):
        expected = [*slowly(row, factor), END]
        np.testing.assert_array_equal(own, [*expected, *[0] * (len(own) - len(expected))])
    assert made.shape[1] == math.ceil(factor * (given.shape[1] - 1)) + 1
    assert made.dtype == np.int32


@pytest.mark.parametrize("factor", [0.5, 1.5])
def test_both_data_paths_make_the_same(factor):
    rows = filled([[*range(2, 2 + length), END] for length in (0, 1, 6, 7)])
    made = Stretch(factor).host(rows, None)
    np.testing.assert_array_equal(Stretch(factor).device(jnp.asarray(rows), None), made)


def test_lengths_are_exact_for_factors_that_binary_numbers_only_come_near():
    ten = filled([[*range(2, 12), END]])
    assert (Stretch(0.7).host(ten, None) > 0).sum() == 7 + 1
    assert (Stretch(1.1).host(ten, None) > 0).sum() == 11 + 1


def test_nothing_but_filling_stays_so():
    made = Stretch(1.5).host(np.zeros((2, 5), np.int32), None)
    np.testing.assert_array_equal(made, np.zeros((2, 7)))
    assert Stretch(0.5).host(np.zeros((2, 0), np.int32), None).shape == (2, 0)


def test_the_pipeline_grammar_knows_it():
    (op,) = pipeline.parse("stretch(1.5)")
    assert pipeline.format((op,)) == "stretch(1.5)"
    for text, message in (
        ("stretch", "stretch needs factor"),
        ("stretch(0)", "at least|from 0.01"),
        ("strech(1)", r"unknown op 'strech'.*stretch"),
    ):
        with pytest.raises(ValueError, match=message):
            pipeline.parse(text)


def test_images_refuse_it_by_name():
    with pytest.raises(ValueError, match="stretch works on tokens, not on images"):
        check_fits(pipeline.parse("flip|stretch(0.5)"), image_size=(32, 32))

"""Sequences of any length lie in memory as one flat array, and come out filled up with 0."""

import numpy as np
import pytest

from sbn.config.errors import ConfigError
from sbn.data.examples import Feature, in_memory
from sbn.data.tokens import Ragged, ragged, widened

ROWS = [[3, 1], [], [2, 2, 2], [5]]


def test_sequences_come_out_as_they_went_in_filled_up_to_the_longest_asked_for():
    own = ragged(ROWS)
    np.testing.assert_array_equal(own[np.array([3, 0])], [[5, 0], [3, 1]])
    np.testing.assert_array_equal(own[np.arange(4)], [[3, 1, 0], [0, 0, 0], [2, 2, 2], [5, 0, 0]])
    assert own.lengths.tolist() == [2, 0, 3, 1]
    assert own[np.array([1])].shape == (1, 0)


def test_a_slice_holds_the_same_sequences():
    own = ragged(ROWS)
    for where in (slice(1, 3), slice(None), slice(2, None), slice(3, 1), slice(None, None, 2)):
        assert own[where].lengths.tolist() == own.lengths[where].tolist()
        np.testing.assert_array_equal(own[where].flat, [word for row in ROWS[where] for word in row])


def test_an_array_filled_up_with_zeros_is_the_same_as_its_sequences():
    padded = np.array([[3, 1, 0], [0, 0, 0], [2, 2, 2], [5, 0, 0]])
    assert ragged(padded).flat.tolist() == ragged(ROWS).flat.tolist()
    assert ragged(padded).lengths.tolist() == [2, 0, 3, 1]


def test_the_fingerprint_tells_where_sequences_end():
    def print_of(rows):
        return in_memory({"tokens": rows}, name="own").fingerprint()

    assert print_of([[1, 2], [3]]) != print_of([[1], [2, 3]])
    assert print_of([[1, 2], [3]]) == print_of(np.array([[1, 2], [3, 0]]))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[1, 0, 2]], r"own: words: tokens are numbers from 1: example 0 has 0 to 2; 0 is what"),
        ([[1], [-1]], r"example 1 has -1 to -1"),
        ([[1.5]], r"tokens are whole numbers: example 0 is float64"),
        ([["a"]], r"tokens are whole numbers: example 0 is <U1"),
        ([[2**40]], r"they must fit into int32"),
        (np.ones(3, int), r"an array \(M, L\) of them, not \(3\)"),
        (5, "a list of sequences of whole numbers, not int"),
        ([[1], [1, [2, 3]]], "example 1 holds sequences of its own"),
        (Ragged(np.array([1, 2, 3]), np.array([0, 2, 1, 3])), "offsets never fall: example 1 is from 2 to 1"),
        (Ragged(np.array([1, 2, 3]), np.array([0, 5])), "from 0 to the 3 tokens that there are, not 0 to 5"),
        (Ragged(np.array([1, 2, 3]), np.array([1, 3])), "from 0 to the 3 tokens that there are, not 1 to 3"),
        (Ragged(np.array([1, 2]), np.array([0.0, 2.0])), "offsets is an array of whole numbers"),
        (Ragged(np.array([1, 2]), np.array([], int)), "offsets go from 0 to the 2 tokens"),
        (Ragged(np.array([1.0, 2.0]), np.array([0, 2])), "flat is an array of whole numbers"),
        (Ragged(np.array([1, 0, 2]), np.array([0, 1, 3])), "example 1 has 0"),
        (Ragged(np.array([1, 2**33]), np.array([0, 0, 2])), "fit into int32: example 1 has 8589934592"),
    ],
)
def test_what_is_no_sequence_of_tokens_is_refused_by_name(rows, message):
    with pytest.raises(ConfigError, match=message):
        in_memory({"words": rows}, name="own", features={"words": Feature("tokens")})


def test_a_batch_narrower_than_its_examples_is_refused():
    array = np.array([[1, 2, 0]])
    assert widened(array, 2, name="words").tolist() == [[1, 2]]
    assert widened(array, 5, name="words").tolist() == [[1, 2, 0, 0, 0]]
    with pytest.raises(ValueError, match="words: a sequence of a batch of width 1 is longer"):
        widened(array, 1, name="words")


def test_a_ragged_of_ones_own_is_taken_in_any_whole_numbers():
    for dtype in (np.uint8, np.uint16, np.int64):
        own = Ragged(np.array([3, 1, 5], dtype), np.array([0, 0, 2, 3], np.uint8))
        made = in_memory({"words": own}, name="own", features={"words": Feature("tokens")})
        np.testing.assert_array_equal(made.load(np.arange(3))["words"], [[0, 0], [3, 1], [5, 0]])

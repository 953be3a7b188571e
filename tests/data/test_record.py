"""What a run records of its batches: with others it does not go on."""

import numpy as np
import pytest

from sbn.config.errors import ConfigError
from sbn.data.batching import Buckets, Even
from sbn.data.record import check_same_batches, check_same_pieces, describe, describe_batches
from sbn.data.sentences import make_sentences
from sbn.data.tokens import ragged
from sbn.data.vocabulary import Vocabulary

LENGTHS = np.repeat([5, 11], 70)


def cut(multiple):
    """Batches of 200 tokens, as so many devices cut them."""
    return describe_batches(Buckets(LENGTHS, (6, 12), features=(), tokens=200, multiple=multiple))


def test_a_run_goes_on_with_devices_that_cut_the_batches_it_was_started_with():
    one = cut(1)
    assert one == {"batches": {"steps_per_epoch": 2 + 4, "sizes": [16, 33]}}
    told = r"run was started with 6 batches per epoch, of \[16, 33\] examples; with 2 devices.* \[16, 32\] examples"
    with pytest.raises(ConfigError, match=told):
        check_same_batches(one, cut(2), where="run", devices=2)
    for same in (16, 8, 4):
        check_same_batches(cut(2), cut(same), where="run", devices=same)


def test_batches_of_one_size_are_the_same_on_any_devices():
    assert describe_batches(Even(100, 8)) == {}
    check_same_batches({"name": "shapes"}, cut(1), where="a run of an older version", devices=1)


def test_a_run_does_not_begin_from_one_whose_text_was_cut_into_other_pieces():
    tokens = ragged([[2, 1]])
    one, other = (
        describe("own", *2 * [make_sentences(tokens, tokens, Vocabulary(("<pad>", "</s>", piece)))], None)
        for piece in ("a", "b")
    )
    with pytest.raises(ConfigError, match=r"init\.from = 'run' was trained on the pieces \w+, and these data .* \w+:"):
        check_same_pieces(one, other, where="init.from = 'run'")
    for there in (other, {"name": "of an older version"}, None):
        check_same_pieces(there, other, where="init.from = 'run'")

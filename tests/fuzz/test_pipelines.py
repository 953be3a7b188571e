"""Pipeline strings: the grammar, and strings that are nearly of it. What is read can be written and drawn for."""

import contextlib
import dataclasses
from typing import Any

import pytest
from hypothesis import strategies as st

from sbn.augment.__main__ import main
from sbn.augment.ops import OPS
from sbn.augment.pipeline import draw_addresses, format, parse
from sbn.augment.size_checks import check_fits
from sbn.augment.size_ops import sizes
from tests.fuzz.cases import LENGTHS, tried
from tests.fuzz.judge import judge
from tests.fuzz.values import numbers, texts, written

_FIELDS = [field for op in OPS.values() for field in dataclasses.fields(op)]
WORDS = sorted({repr(word) for field in _FIELDS for word in field.metadata.get("choices", ())})
_arguments = st.one_of(
    numbers.map(written),
    st.sampled_from(WORDS),
    st.sampled_from(("True", "(0.5, 1)", "(1, 0)", "(8, 16)", "[1, 1]", "None", "f(1)", "-4", "'", "()", "*a", "**a")),
    texts,
)
_names = st.one_of(st.sampled_from([*OPS, "crop", "flip", "none", "os.path:join", "sbn.augment.op:Op", "a.b:C"]), texts)
_known = sorted({field.name for field in _FIELDS})
_words = st.one_of(_arguments, st.tuples(st.sampled_from([*_known, "a", ""]), _arguments).map("=".join))


@st.composite
def _calls(draw: Any) -> str:
    name, words = draw(_names), draw(st.lists(_words, max_size=3))
    return f"{name}({', '.join(words)})" if words or draw(st.booleans()) else name


@st.composite
def pipelines(draw: Any) -> str:
    """Draws a string of the grammar, or one in which some characters are others."""
    text = draw(st.sampled_from(("|", " | ", "|", ",", "||"))).join(draw(st.lists(_calls(), max_size=4)))
    for _ in range(draw(st.sampled_from((0, 0, 1, 3)))):
        place = draw(st.integers(0, len(text)))
        other = draw(st.sampled_from(("", "(", ")", "|", "'", "\\", "\n", "é", "0", ".")))
        text = text[:place] + other + text[place + 1 :]
    return text


def check(text: str) -> None:
    """Asserts what holds of every string: a ValueError refuses it, or it is read, and written as it was."""
    try:
        ops = parse(text)
    except ValueError:
        return
    assert parse(format(ops)) == ops
    for size in ((32, 32), (1, 1), (7, 500)):
        with contextlib.suppress(ValueError):
            check_fits(ops, image_size=size)
            assert len(sizes(ops, size)) == len(ops) + 1
            for addresses in draw_addresses(ops, size):
                assert 0 <= addresses.start <= addresses.stop <= 2**32


@LENGTHS
def test_a_pipeline_is_read_and_written_back_or_refused_in_one_line(length, here):
    @tried(length, short=80, long=1500, text=pipelines())
    def _(text):
        check(text)
        judge(main, ["show", "--", text], prog="python -m sbn.augment", folder=here)


@pytest.mark.parametrize("number", ["1" + "0" * 400, "0x" + "f" * 5000, "-" * 5000 + "1", "1" * 5000])
def test_numbers_beyond_all_bounds_are_refused_by_name(number):
    with pytest.raises(ValueError, match=r"crop\(pad\)|not a list of ops") as refused:
        parse(f"crop({number})")
    assert len(str(refused.value)) < 500

"""Command lines that are nearly right: a valid one, with some of its words changed."""

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from tests.fuzz.values import numbers, paths, texts, written

_VALUES = st.one_of(texts, numbers.map(written), paths)
_ELSEWHERE = ("/dev", "/proc")  # paths that would lead somewhere else, were they cut short


def _edited(word: str, place: int, more: str) -> str:
    place = min(place, len(word))
    return (
        word if word.startswith("/") or any(f in word for f in _ELSEWHERE) else word[:place] + more + word[place + 1 :]
    )


@st.composite
def nearly(draw: Any, valid: Sequence[Sequence[str]], *, flags: Sequence[str] = ()) -> list[str]:
    """Draws one of the valid command lines, with up to three changes.

    Args:
        draw: of Hypothesis.
        valid: command lines, word by word.
        flags: of the command, which may be added.
    """
    words = list(draw(st.sampled_from(valid)))
    for _ in range(draw(st.integers(0, 3))):
        kind = draw(st.sampled_from(("value", "value", "value", "character", "drop", "twice", "flag", "word")))
        place = draw(st.integers(0, max(len(words) - 1, 0)))
        if kind == "word" or not words:
            words.insert(place, draw(_VALUES))
        elif kind == "flag":
            flag = draw(st.sampled_from([*flags, "--", "-x", "--help", "--no_such"]))
            words.insert(place, draw(st.sampled_from((flag, f"{flag}={draw(_VALUES)}"))))
        elif kind == "value":
            name, equals, _ = words[place].partition("=")
            words[place] = f"{name}={draw(_VALUES)}" if equals and words[place].startswith("--") else draw(_VALUES)
        elif kind == "character":
            words[place] = _edited(
                words[place], draw(st.integers(0, 40)), draw(st.sampled_from(["", "a", "=", "\u0301"]))
            )
        elif kind == "drop":
            del words[place]
        else:
            words.append(words[place])
    return words

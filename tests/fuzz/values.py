"""Texts, numbers and paths as careless or malicious hands write them."""

from typing import Any

from hypothesis import strategies as st

ODD_NUMBERS = (0, -1, 1, 2, 3, 7, 2**31 - 1, 2**31, 2**63, -(2**63) - 1, 10**400, 1e308, 1e-320, -0.0, 0.5, 1e15, 3.0)
ODD_FLOATS = (float("nan"), float("inf"), -float("inf"))

numbers = st.one_of(
    st.sampled_from([*ODD_NUMBERS, *ODD_FLOATS]),
    st.integers(-5, 300),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
)

# Deep nesting, digits that int() and Python's parser limit, other alphabets' digits, controls, halves of characters
ODD_TEXTS = (
    "",
    " ",
    "None",
    "none",
    "nan",
    "inf",
    "-",
    "--",
    "=",
    "1e999",
    "0x" + "f" * 5000,
    "9" * 5000,
    "1_000",
    "٣",
    "１",
    "1" * 300,
    "(" * 300,
    "[" * 20000,
    "-" * 5000 + "1",
    "+".join("1" * 4000),
    "(1,)*9",
    "().__class__",
    "__import__('os')",
    "{'a': 1}",
    "b'a'",
    "1j",
    "1or 2",
    "'\\d'",
    "'a",
    "\x1b[2J",
    "a\nb",
    "a\rb",
    "\u202e",
    "\udcff",
    "é",
    "😀",
    "%s%n",
    "{}",
    "{0.__class__}",
    "$HOME",
    "~",
    "..",
    "*",
    "a" * 5000,
    "True",
    "(1, 2)",
    "1,2",
    "(1, 'a')",
    "main",
    "'main'",
)
texts = st.one_of(
    st.sampled_from(ODD_TEXTS),
    # what a command line can hold, no NUL; without slashes they lead nowhere but to the folder of the test
    st.text(st.characters(min_codepoint=1, max_codepoint=0x2FFF, exclude_characters="/"), max_size=12),
)
paths = st.one_of(
    st.sampled_from(
        ["", ".", "a", "a/b", "a" * 300, "a/" * 3000 + "a", "/dev/null/a", "/proc/none/a", "é😀", "\udcff"]
    ),
    st.text(st.characters(min_codepoint=1, max_codepoint=0x2FF, exclude_characters="/"), min_size=1, max_size=8).filter(
        lambda text: not text.startswith("..")
    ),
)


def written(value: Any) -> str:
    """Returns a value as it stands on a command line."""
    if isinstance(value, int) and abs(value) > 10**300:
        return "1" + "0" * 400
    return value if isinstance(value, str) else repr(value)

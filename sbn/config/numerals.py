"""Numbers in text, strictly: Python's own readers also take '1_2' as 12, digits of other scripts, and 'nan'."""

import math
import re

_WHOLE = re.compile(r"-?[0-9]{1,18}")
_DECIMAL = re.compile(r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_JOINED = re.compile(r"""'[^']*'|"[^"]*"|(?<![\w.])(?P<number>[0-9][0-9.]*_[0-9][0-9._]*)""")


def whole(text: str) -> int | None:
    """Returns the whole number that a text is, below 10**18; None for anything else, ' 1' and '+1' too."""
    return int(text) if _WHOLE.fullmatch(text) else None


def decimal(text: str) -> float | None:
    """Returns the finite number that a text is; None for anything else, ' 1', '+1' and 'inf' too."""
    value = float(text) if _DECIMAL.fullmatch(text) else math.inf
    return value if math.isfinite(value) else None


def joined(text: str) -> str | None:
    """Returns the first number written as '1_2' outside of quotes, which Python takes for 12; None if there is none."""
    return next((found["number"] for found in _JOINED.finditer(text) if found["number"]), None)

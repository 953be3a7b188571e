"""One-line errors that name the bad value, the choices, and the nearest of them."""

import difflib
from collections.abc import Iterable


class ConfigError(ValueError):
    """The experiment as written can't be run. The message is one line, made for the person at the terminal."""


def unknown(what: str, value: object, choices: Iterable[object]) -> ConfigError:
    """Returns the error for a `value` that is none of the `choices`."""
    names = sorted(str(choice) for choice in choices)
    nearest = difflib.get_close_matches(str(value), names, n=1, cutoff=0.5)
    hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
    shown = ", ".join(names[:12]) + (f", and {len(names) - 12} more" if len(names) > 12 else "")
    return ConfigError(f"unknown {what} {str(value)!r}{hint} (choices: {shown or 'none'})")

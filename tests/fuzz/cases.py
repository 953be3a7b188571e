"""How many inputs are tried: a few, always the same, in every run of the tests; thousands with `pytest -m slow`."""

import functools
import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

SHARE = float(os.environ.get("SBN_FUZZ_SHARE", "1"))  # of the cases of the long run
LENGTHS = pytest.mark.parametrize("length", ["short", pytest.param("long", marks=pytest.mark.slow)])


def tried(length: str, *, short: int, long: int, **strategies: st.SearchStrategy[Any]) -> Callable[..., None]:
    """Decorates a check, which is run at once, for so many inputs.

    Args:
        length: 'short', always the same inputs; or 'long', others each time, and first those that failed before.
        short: how many.
        long: how many.
        strategies: of the arguments of the check.
    """
    fixed = length == "short"
    several = settings(
        max_examples=short if fixed else max(1, round(SHARE * long)),
        derandomize=fixed,
        deadline=None,
        print_blob=not fixed,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate] if fixed else [Phase.reuse, Phase.generate, Phase.shrink],
        **({"database": None} if fixed else {}),
    )

    def decorate(check: Callable[..., None]) -> None:
        tried_so_far = 0

        @functools.wraps(check)
        def counted(**arguments: Any) -> None:
            nonlocal tried_so_far
            tried_so_far += 1
            check(**arguments)

        several(given(**strategies)(counted))()
        print(f"inputs tried: {tried_so_far}")  # with pytest -s

    return decorate

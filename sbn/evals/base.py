"""What an evaluator is: called with variables, it yields numbers by name, `split/branch/metric[/detail]`."""

from collections.abc import Iterator
from typing import Protocol

from sbn.tasks.base import Variables


class Evaluator(Protocol):
    """Measures a model. It changes nothing: evaluators run in any order, and training goes on as if they had not."""

    def __call__(self, variables: Variables) -> Iterator[tuple[str, float]]:
        """Yields (name, value) pairs; fractions, not percent."""
        ...

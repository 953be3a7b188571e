"""Lengths of training, '200 epochs', '78000 steps' or '1e6 examples', turned into steps by one function; clock time."""

import dataclasses
import math
import re

from sbn.config.errors import ConfigError

UNITS = ("epochs", "steps", "examples")
_LONGEST = 1e15
_PATTERN = re.compile(r"\s*([0-9]*\.?[0-9]+(?:e[+-]?[0-9]+)?)\s*(epoch|step|example)s?\s*", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class Duration:
    """An amount of training in one of the `UNITS`."""

    amount: float
    unit: str

    def steps(self, *, steps_per_epoch: int, batch_size: int) -> int:
        """Returns the number of steps; what is positive lasts at least one step."""
        per_unit = {"epochs": float(steps_per_epoch), "steps": 1.0, "examples": 1.0 / batch_size}[self.unit]
        steps = math.ceil(round(self.amount * per_unit, 6))
        return max(steps, 1) if self.amount > 0 else 0

    def __str__(self) -> str:
        exact = str(int(self.amount)) if self.amount.is_integer() and self.amount < 1e15 else repr(self.amount)
        return f"{exact} {self.unit}"


def parse(text: str) -> Duration:
    """Reads '200 epochs', '1 epoch', '500steps' or '1e6 examples'.

    Raises:
        ConfigError: if `text` is none of these, or fractional steps.
    """
    match = _PATTERN.fullmatch(text)
    if not match:
        raise ConfigError(
            f"{text!r} is not a duration: write an amount and one of {', '.join(UNITS)}, as in '200 epochs'"
        )
    amount, unit = float(match[1]), match[2].lower() + "s"
    if amount > _LONGEST:
        shown = f"{text[:40]!r}{'...' * (len(text) > 40)}"
        raise ConfigError(f"{shown} is not a duration: the most is {_LONGEST:g} {unit}")
    if unit != "epochs" and amount != int(amount):
        raise ConfigError(f"{text!r} is not a duration: write a whole number of {unit}")
    return Duration(amount, unit)


def clock_time(seconds: float) -> str:
    """Returns '3:25:45' or '25:45'."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"

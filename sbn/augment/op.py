"""What an op of a pipeline string is: a frozen dataclass with declared arguments, checked when an op is made."""

import dataclasses
import math
from typing import Any, ClassVar

from sbn.config.errors import unknown


def number(*, low: float, high: float = math.inf, default: Any = dataclasses.MISSING) -> Any:
    """Declares a whole or real number from `low` to `high`, both included."""
    return dataclasses.field(default=default, metadata={"low": low, "high": high})


def choice(*choices: str, default: Any = dataclasses.MISSING) -> Any:
    """Declares one of these words; any word, where none is named."""
    return dataclasses.field(default=default, metadata={"choices": choices})


def fill_with(default: int | str, *others: str) -> Any:
    """Declares what uncovered pixels show: a grey level, 'mean' for filler pixels, or one of other words."""
    return dataclasses.field(default=default, metadata={"low": 0, "high": 255, "choices": ("mean", *others)})


def span(*, low: float, high: float, default: tuple[float, float]) -> Any:
    """Declares a pair of real numbers (a, b), `low` <= a <= b <= `high`."""
    return dataclasses.field(default=default, metadata={"low": low, "high": high})


def whole_numbers(*, low: int, high: int) -> Any:
    """Declares several whole numbers (a, b, ...) from `low` to `high`, no two the same."""
    return dataclasses.field(metadata={"low": low, "high": high})


def checked(op: str, field: dataclasses.Field[Any], value: Any) -> Any:
    """Returns the value of a declared field as its type.

    Raises:
        ValueError: one line that names the op, the argument, the value and what it may be.
    """
    what = f"{op}({field.name})"
    if field.type is str or (field.type == int | str and isinstance(value, str)):
        choices = field.metadata["choices"]
        if choices and value not in choices:
            raise unknown(what, value, choices)
        if not isinstance(value, str):
            raise ValueError(f"{what} is {value!r}; it must be a word in quotes")
        return value
    if field.type is bool:
        if not isinstance(value, bool):
            raise ValueError(f"{what} is {value!r}; it must be True or False")
        return value
    if field.type == tuple[float, float]:
        return _checked_span(what, field, value)
    if field.type == tuple[int, ...]:
        return _checked_whole_numbers(what, field, value)
    kinds = (int, float) if field.type is float else (int,)
    if isinstance(value, bool) or not isinstance(value, kinds) or not math.isfinite(value):
        kind = "a finite number" if field.type is float else "a whole number"
        raise ValueError(f"{what} is {value!r}; it must be {kind}")
    low, high = field.metadata["low"], field.metadata["high"]
    if not low <= value <= high:
        bounds = f"at least {low}" if high == math.inf else f"from {low} to {high}"
        raise ValueError(f"{what} is {value!r}; it must be {bounds}")
    return float(value) if field.type is float else value


def _checked_span(what: str, field: dataclasses.Field[Any], value: Any) -> tuple[float, float]:
    low, high = field.metadata["low"], field.metadata["high"]
    # bool is an int; nan fails the comparison
    numbers = isinstance(value, tuple | list) and all(type(end) in (int, float) for end in value)
    if not numbers or len(value) != 2 or not low <= value[0] <= value[1] <= high:
        raise ValueError(f"{what} is {value!r}; it must be a pair (a, b) of numbers with {low} <= a <= b <= {high}")
    return float(value[0]), float(value[1])


def _checked_whole_numbers(what: str, field: dataclasses.Field[Any], value: Any) -> tuple[int, ...]:
    low, high = field.metadata["low"], field.metadata["high"]
    several = isinstance(value, tuple | list) and all(type(one) is int and low <= one <= high for one in value)
    if not several or len(value) < 2 or len(set(value)) < len(value):
        raise ValueError(f"{what} is {value!r}; it must be two or more different whole numbers from {low} to {high}")
    return tuple(value)


@dataclasses.dataclass(frozen=True)
class Op:
    """One step of a pipeline.

    `where` says what the op needs: `'image'` ops see one image at a time and run in the data pipeline, `'batch'` ops
    need the other images and `'model'` ops the network; those two run inside the training step.

    Raises:
        ValueError: an argument of the wrong type or out of range.
    """

    name: ClassVar[str] = ""
    where: ClassVar[str] = "image"

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = checked(self.name, field, getattr(self, field.name))
            object.__setattr__(self, field.name, value)

    def draws_needed(self, image_size: tuple[int, int]) -> int:
        """Returns how many uint32 draws an image of (height, width) consumes."""
        raise NotImplementedError

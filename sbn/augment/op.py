"""What an op of a pipeline string is: a frozen dataclass with declared arguments, checked when an op is made."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from sbn.config.errors import ConfigError, shown, unknown
from sbn.config.imported import load, reason
from sbn.config.key import is_number


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
    if not field.metadata and field.type is not bool:  # of an op from elsewhere, which says nothing about it
        return value
    if field.type is str or (field.type == int | str and isinstance(value, str)):
        choices = field.metadata["choices"]
        if choices and value not in choices:
            raise unknown(what, value, choices)
        if not isinstance(value, str):
            raise ValueError(f"{what} is {shown(value)}; it must be a word in quotes")
        return value
    if field.type is bool:
        if not isinstance(value, bool):
            raise ValueError(f"{what} is {shown(value)}; it must be True or False")
        return value
    if field.type == tuple[float, float]:
        return _checked_span(what, field, value)
    if field.type == tuple[int, ...]:
        return _checked_whole_numbers(what, field, value)
    kinds = (int, float) if field.type is float else (int,)
    if not isinstance(value, kinds) or not is_number(value):
        kind = "a finite number" if field.type is float else "a whole number"
        raise ValueError(f"{what} is {shown(value)}; it must be {kind}")
    low, high = field.metadata["low"], field.metadata["high"]
    if not low <= value <= high:
        bounds = f"at least {low}" if high == math.inf else f"from {low} to {high}"
        raise ValueError(f"{what} is {shown(value)}; it must be {bounds}")
    return float(value) if field.type is float else value


def _checked_span(what: str, field: dataclasses.Field[Any], value: Any) -> tuple[float, float]:
    low, high = field.metadata["low"], field.metadata["high"]
    # bool is an int; nan fails the comparison
    numbers = isinstance(value, tuple | list) and all(type(end) in (int, float) for end in value)
    if not numbers or len(value) != 2 or not low <= value[0] <= value[1] <= high:
        raise ValueError(f"{what} is {shown(value)}; it must be a pair (a, b) of numbers, {low} <= a <= b <= {high}")
    return float(value[0]), float(value[1])


def _checked_whole_numbers(what: str, field: dataclasses.Field[Any], value: Any) -> tuple[int, ...]:
    low, high = field.metadata["low"], field.metadata["high"]
    several = isinstance(value, tuple | list) and all(type(one) is int and low <= one <= high for one in value)
    if not several or len(value) < 2 or len(set(value)) < len(value):
        wanted = f"two or more different whole numbers from {low} to {high}"
        raise ValueError(f"{what} is {shown(value)}; it must be {wanted}")
    return tuple(value)


@dataclasses.dataclass(frozen=True)
class Op:
    """One step of a pipeline.

    `inputs` says what an op works on: images, tokens or arrays.
    `where` says what the op needs: `'image'` ops see one image at a time and run in the data pipeline, `'batch'` ops
    need the other images and `'model'` ops the network; those two run inside the training step.

    Raises:
        ValueError: an argument of the wrong type or out of range.
    """

    name: ClassVar[str] = ""
    where: ClassVar[str] = "image"
    inputs: ClassVar[str] = "image"  # the kind of features that it works on: 'image', 'tokens' or 'array'

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = checked(self.name, field, getattr(self, field.name))
            object.__setattr__(self, field.name, value)

    def draws_needed(self, image_size: tuple[int, int]) -> int:
        """Returns how many uint32 draws an image of (height, width) consumes."""
        raise NotImplementedError


class OwnOp(Op):
    """An op from outside this package: `package.module:Name(arguments)` in a pipeline string.

    A subclass is a frozen dataclass whose fields are the arguments. It offers `host`, `device` or both, each for one
    data path. Both get images (N, H, W, 3) uint8 and the op's own draws (N, `draws_needed`) uint32, random words that
    are the same on both paths, and return images of the same shape and dtype. `host` works on NumPy arrays, `device` on
    JAX arrays, inside a compiled step. Whatever is random must come from the draws: then runs resume exactly.

    An op that moves pixels sets `spatial = True`. It gets (N, H, W, 4) instead and moves the fourth channel with its
    pixel, without blending: it says where a mask has which label, and is 0 for pixels that show nothing. For images
    with boxes it also offers `boxes(boxes, draws, image_size)`: boxes (N, B, 4) float32, (y0, x0, y1, x1) in pixels,
    as NumPy or JAX arrays.

    An op that sets `inputs = 'tokens'` or `'array'` gets the features of that kind instead, (N, ...), and the shape of
    one as `image_size`. Of tokens, (N, L) int32 filled up with 0, it may return another length.
    """

    spatial: ClassVar[bool] = False
    host: ClassVar[Any] = None
    device: ClassVar[Any] = None
    boxes: ClassVar[Any] = None

    def __init_subclass__(cls) -> None:
        cls.name = f"{cls.__module__}:{cls.__qualname__}"

    def draws_needed(self, image_size: tuple[int, int]) -> int:
        """Returns how many random words an image consumes: none, unless a subclass says otherwise."""
        return 0

    def check_result(self, made: Any, given: Any) -> Any:
        """Returns what `host` or `device` made.

        Raises:
            ValueError: one line, if its shape or dtype is not that of the images which it was given.
        """
        if getattr(made, "shape", None) != given.shape or made.dtype != given.dtype:
            found = f"{made.dtype} {made.shape}" if hasattr(made, "shape") else type(made).__name__
            raise ValueError(f"{self.name} returned {found}; it must return {given.dtype} {given.shape}")
        return made

    def try_on(self, path: str, image_size: tuple[int, int], *, as_array: Callable[[np.ndarray], Any]) -> None:
        """Calls `host` or `device` with two grey images, so that what is wrong with it is told before anything is done.

        Args:
            path: 'host' or 'device'.
            image_size: (H, W) of the images that the op meets.
            as_array: makes a NumPy array one of the path's.

        Raises:
            ConfigError: one line, if it is not there, fails, or returns something else than such images.
        """
        function = getattr(self, path)
        if function is None:
            raise ConfigError(f"op {self.name} has no function {path!r}, which data.path = {path!r} calls")
        images = as_array(np.full((2, *image_size, 4 if self.spatial else 3), 128, np.uint8))
        try:
            draws = as_array(np.zeros((2, self.draws_needed(image_size)), np.uint32))
            self.check_result(function(images, draws), images)
        except Exception as error:
            raise ConfigError(f"op {self.name} fails: {reason(error)}") from None


def load_own(path: str) -> type[OwnOp]:
    """Returns the op that `package.module:Name` names.

    Raises:
        ConfigError: one line, if it can't be imported, or is no op.
    """
    found = load(path, key="op")
    if not (isinstance(found, type) and issubclass(found, OwnOp)):
        raise ConfigError(f"op {path} is not an op: make it a subclass of sbn.augment.op.OwnOp")
    if "__dataclass_fields__" not in vars(found):
        raise ConfigError(f"op {path} is not a dataclass: put @dataclasses.dataclass(frozen=True) above it")
    if found.host is None and found.device is None:
        raise ConfigError(f"op {path} has neither a function 'host' nor a function 'device'")
    return found

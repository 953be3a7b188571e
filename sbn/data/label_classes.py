"""Which class each number in a label image stands for: a list of names, from number 0 on."""

from collections.abc import Sequence
from typing import NamedTuple

from etils import epath

from sbn.config.errors import ConfigError, first_repeated
from sbn.data.forms import VOID
from sbn.runs.content import read_text

NO_CLASS = "-"  # the name of a number whose pixels have no class


class LabelClasses(NamedTuple):
    """The classes, and how they are numbered in files.

    Attributes:
        names: of the classes, in their order.
        numbers: what each number in a file is: a class, or `VOID`; other numbers are a mistake.
    """

    names: tuple[str, ...]
    numbers: dict[int, int]


def label_classes(names: Sequence[str], *, where: str) -> LabelClasses:
    """Returns the classes of a list in which name n is that of the number n in a label image, 255 being no class.

    Args:
        names: from number 0 on; '-' for a number whose pixels have no class. The other ones are classes 0, 1, ...
        where: the list stands, for messages.

    Raises:
        ConfigError: if there are no classes, more than 254, or two of one name.
    """
    kept = [name for name in names if name != NO_CLASS]
    if not 0 < len(kept) < VOID or len(names) > VOID:
        raise ConfigError(
            f"{where} names {len(kept)} classes: label images have 1 to {VOID - 1}, numbered below {VOID}"
        )
    if (twice := first_repeated(kept)) is not None:
        raise ConfigError(f"{where} names {twice!r} twice")
    places = {name: place for place, name in enumerate(kept)}
    numbers = {number: places.get(name, VOID) for number, name in enumerate(names)}
    return LabelClasses(tuple(kept), {**numbers, VOID: VOID})


def read_classes(file: epath.Path) -> LabelClasses:
    """Returns the classes of a text file with one name per line, that of number 0 first.

    Raises:
        ConfigError: if it can't be read, has an empty line between names, or names no classes.
    """
    if (text := read_text(file)) is None:
        raise ConfigError(f"there is no {file}, which names the classes")
    lines = [line.strip() for line in text.rstrip().split("\n")]
    if "" in lines and lines != [""]:
        raise ConfigError(
            f"{file}: line {lines.index('') + 1} is empty: write {NO_CLASS!r} for a number without a class"
        )
    return label_classes([line for line in lines if line], where=str(file))
